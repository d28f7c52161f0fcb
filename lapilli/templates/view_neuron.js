// The neuron that was chosen: its states below its layer's spikes, as curves and as numbers.

const MOST_ROWS = 2000;
const HIGH_STATES = 4;

let chosen = null;

async function chooseNeuron(layer, neuron) {
  const size = facts.layers[layer].size;
  const wanted = { layer, neuron: Math.min(size - 1, Math.max(0, Math.trunc(neuron) || 0)) };
  await showNeuron(wanted);
  document.querySelector(".neuron")?.scrollIntoView({ block: "nearest" });
}

function closeNeuron() {
  const panel = document.querySelector(".neuron");
  if (panel !== null) {
    removePlots(panel);
    panel.remove();
  }
  chosen = null;
  outdate();
}

// Read first, then shown: the panel never has another sample's numbers.
async function showNeuron(wanted) {
  const sample = shown.sample;
  const layer = facts.layers[wanted.layer];
  const [thresholds, ...states] = await Promise.all([
    thresholdsOf(wanted.layer), ...layer.states.map((name) => stateOf(sample, wanted.layer, name)),
  ]);
  if (shown.sample !== sample) return;
  const begin = wanted.neuron * facts.steps;
  const open = document.querySelector(".neuron details")?.open ?? false;
  closeNeuron();
  chosen = {
    ...wanted,
    threshold: thresholds === null ? null : thresholds[wanted.neuron],
    states: new Map(layer.states.map((name, i) => [name, states[i].subarray(begin, begin + facts.steps)])),
  };
  addNeuron(layer, open);
}

function addNeuron(layer, open) {
  const strip = document.querySelector(`[data-layer="${chosen.layer}"]`);
  strip.querySelector("input").value = chosen.neuron;
  const panel = create(strip, "div", { class: "neuron", "data-neuron": chosen.neuron, "data-sample": shown.sample.number });
  const title = create(panel, "div", { class: "title" });
  create(title, "h3", {}, `${layer.name}, neuron ${chosen.neuron}${placeText(layer)}`);
  create(title, "button", { class: "close", "aria-label": "close" }, "close").addEventListener("click", closeNeuron);
  create(panel, "p", { class: "soft" }, neuronText(layer));
  for (const name of layer.states) addState(panel, layer, name);
  addNumbers(panel, open);
  outdate();
}

function placeText(layer) {
  if (layer.shape.length !== 3) return "";
  const [, rows, columns] = layer.shape;
  const channel = Math.floor(chosen.neuron / (rows * columns));
  const row = Math.floor(chosen.neuron / columns) % rows;
  return ` (channel ${channel}, row ${row}, column ${chosen.neuron % columns})`;
}

function neuronText(layer) {
  const spikes = shown.sample.spikes[chosen.layer];
  let count = 0;
  for (const neuron of spikes.neurons) count += neuron === chosen.neuron ? 1 : 0;
  const words = [`${WHOLE.format(count)} spike${count === 1 ? "" : "s"} in this sample.`];
  if (layer.states.length) words.push("States stand at the end of each step, after a spike's reset. Triangles are spikes.");
  else words.push(chosen.layer ? "The page holds no states of this layer." : "An input has no states.");
  return words.join(" ");
}

function addState(panel, layer, name) {
  const line = create(panel, "div", { class: "state" });
  create(line, "b", {}, name);
  const level = name === layer.fires_by ? chosen.threshold : null;
  const silent = layer.never_spikes && name === "voltage" ? " never reaches the threshold: a readout" : "";
  create(line, "span", {}, level === null ? silent : ` threshold ${WHOLE.format(level)} (dashed)`);
  const values = chosen.states.get(name);
  addPlot(panel, layer.states.length > HIGH_STATES ? 58 : 110, `${name} of neuron ${chosen.neuron} of ${layer.name}`,
    (context, area) => paintState(context, area, (step) => values[step], level),
    (step) => `${name} ${WHOLE.format(values[step])}${level === null ? "" : `, threshold ${WHOLE.format(level)}`}`);
}

function paintState(context, area, valueAt, level) {
  const [least, largest] = rangeOf(valueAt);
  const low = Math.min(least, level ?? least, 0);
  const high = Math.max(largest, level ?? largest, 0);
  const yOf = scaleOf(low, high, area);
  paintBack(context, area);
  clipped(context, area, () => {
    paintLevel(context, area, yOf(0), colours.line, []);
    if (level !== null) paintLevel(context, area, yOf(level), colours.wrong, [5, 4]);
    paintCurve(context, area, valueAt, yOf, colours.accent);
    paintSpikes(context, area);
  });
  for (const tick of roundSteps(low, high, area.height / 28)) paintTick(context, area, yOf(tick), SHORT.format(tick));
  paintFrame(context, area);
}

function paintLevel(context, area, y, colour, dashes) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash(dashes);
  context.beginPath();
  context.moveTo(area.left, y);
  context.lineTo(area.left + area.width, y);
  context.stroke();
  context.setLineDash([]);
}

// A triangle at the top for each spike.
function paintSpikes(context, area) {
  context.fillStyle = colours.text;
  for (let step = firstStep(); step <= lastStep(); step += 1) {
    if (spikeAt(shown.sample.spikes[chosen.layer], step, chosen.neuron) < 0) continue;
    const x = xOf(step + 0.5, area);
    context.beginPath();
    context.moveTo(x - 4, area.top + 1);
    context.lineTo(x + 4, area.top + 1);
    context.lineTo(x, area.top + 8);
    context.fill();
  }
}

function addNumbers(panel, open) {
  const details = create(panel, "details");
  create(details, "summary", {}, "Numbers of the steps that are shown");
  const box = create(details, "div", { class: "scroll", tabindex: 0 });
  details.addEventListener("toggle", fillNumbers);
  details.open = open;
  create(box, "table", { "aria-label": "numbers" });
}

// Rows of the window; only while somebody looks at them.
function fillNumbers() {
  const table = document.querySelector(".neuron details[open] table");
  if (table === null) return;
  const first = firstStep();
  const last = Math.min(lastStep(), first + MOST_ROWS - 1);
  const columns = numberColumns();
  table.replaceChildren();
  const head = create(create(table, "thead"), "tr");
  for (const [name] of columns) create(head, "th", { scope: "col" }, name);
  const body = create(table, "tbody");
  for (let step = first; step <= last; step += 1) {
    const spiked = spikeAt(shown.sample.spikes[chosen.layer], step, chosen.neuron) >= 0;
    const row = create(body, "tr", { "data-step": step, ...(spiked ? { class: "spike" } : {}) });
    columns.forEach(([, valueAt], i) => create(row, i ? "td" : "th", i ? {} : { scope: "row" }, String(valueAt(step))));
  }
  if (last < lastStep()) create(create(body, "tr"), "td", { colspan: columns.length }, "zoom in to see more steps");
}

function numberColumns() {
  const spikes = shown.sample.spikes[chosen.layer];
  const layer = facts.layers[chosen.layer];
  const sent = (step) => {
    const place = spikeAt(spikes, step, chosen.neuron);
    if (place < 0) return 0;
    return spikes.values === null ? 1 : spikes.values[place];
  };
  const columns = [["step", (step) => step], [spikes.values === null ? "spike" : "value sent", sent]];
  if (facts.step_ms !== null) columns.splice(1, 0, ["ms", (step) => Number((step * facts.step_ms).toFixed(3))]);
  for (const [name, values] of chosen.states) {
    columns.push([name, (step) => values[step]]);
    if (name === layer.fires_by) columns.push(["threshold", () => chosen.threshold]);
  }
  return columns;
}
