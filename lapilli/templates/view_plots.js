// The plots of a sample: decision, spikes of each layer, operations of each layer, and the strip above them.

const TALLER = 4;
const MOST_MARKS = 6000;

function className(number) {
  return facts.classes[number] ?? String(number);
}

function scoreText(score) {
  if (facts.readout !== "softmax_sum") return WHOLE.format(score);
  return (score / 2 ** 30).toFixed(3);
}

function scoreShort(score) {
  return facts.readout === "softmax_sum" ? SHORT.format(score / 2 ** 30) : SHORT.format(score);
}

const READOUTS = {
  voltage_sum: "the sum of its output neurons' voltages",
  spike_count: "the spikes of its output neurons",
  softmax_sum: "the sum of its shares in a softmax of the voltages",
};

// ---- Decision

function addDecision() {
  if (facts.readout === null) {
    document.getElementById("decision-text").textContent = `No class is decided: ${facts.why_undecided}.`;
    return;
  }
  document.getElementById("key").hidden = false;
  addPlot(document.getElementById("scores"), 170, "running score of each class over the steps", paintScores, scoreHint);
}

function scoreColour(sample, number) {
  if (number === sample.label) return colours.good;
  return number === sample.decision ? colours.wrong : colours.input;
}

function paintScores(context, area) {
  const sample = shown.sample;
  const band = 10;
  const inner = { ...area, height: area.height - band };
  const curveOf = (number) => (step) => sample.scores[number * facts.steps + step];
  const ranges = sample.classes.map((number) => rangeOf(curveOf(number)));
  const low = Math.min(...ranges.map((range) => range[0]));
  const high = Math.max(...ranges.map((range) => range[1]));
  const yOf = scaleOf(low, high, inner);
  paintBack(context, area);
  clipped(context, inner, () => {
    const order = [...sample.classes].sort((one, two) => weight(sample, one) - weight(sample, two));
    for (const number of order) {
      paintCurve(context, inner, curveOf(number), yOf, scoreColour(sample, number), weight(sample, number) ? 2.2 : 1);
    }
  });
  paintLeaders(context, { ...area, top: area.top + inner.height, height: band });
  for (const tick of roundTicks(low, high, 5)) paintTick(context, inner, yOf(tick), scoreShort(tick));
  paintFrame(context, area);
}

function weight(sample, number) {
  return (number === sample.label ? 2 : 0) + (number === sample.decision ? 1 : 0);
}

// Round numbers, fractions of softmax shares too.
function roundTicks(low, high, count) {
  const unit = facts.readout === "softmax_sum" ? 2 ** 30 / 100 : 1;
  return roundSteps(low / unit, high / unit, count).map((tick) => tick * unit);
}

function paintLeaders(context, area) {
  clipped(context, area, () => {
    for (let step = firstStep(); step <= lastStep(); step += 1) {
      const leader = shown.sample.leaders[step];
      context.fillStyle = scoreColour(shown.sample, leader);
      const x = xOf(step, area);
      context.fillRect(x, area.top + 2, Math.max(1, xOf(step + 1, area) - x), area.height - 2);
    }
  });
}

function scoreHint(step) {
  const leader = shown.sample.leaders[step];
  return `class ${className(leader)} leads with ${scoreText(shown.sample.scores[leader * facts.steps + step])}`;
}

// The bars and the sentence: after the step under the pointer, else at the end.
function showClasses() {
  const sample = shown.sample;
  if (sample === null || sample.scores === null) return;
  const step = shown.cursor ?? facts.steps - 1;
  const leader = sample.leaders[step];
  const scores = sample.classes.map((number) => sample.scores[number * facts.steps + step]);
  const low = Math.min(0, ...scores);
  const length = Math.max(...scores) - low || 1;
  const box = document.getElementById("classes");
  while (box.children.length < scores.length) addClass(box);
  while (box.children.length > scores.length) box.lastChild.remove();
  scores.forEach((score, i) => {
    const number = sample.classes[i];
    const row = box.children[i];
    row.dataset.class = number;
    row.classList.toggle("leads", number === leader);
    row.classList.toggle("label", number === sample.label);
    row.querySelector("i").style.width = `${(100 * (score - low)) / length}%`;
    row.querySelector(".name").textContent = className(number);
    row.querySelector(".value").textContent = scoreText(score);
  });
  document.getElementById("decision-text").textContent = `After ${stepText(step)} class ${className(leader)} leads. ` +
    `${settledText(sample)} The score of a class is ${READOUTS[facts.readout]}.${restText(sample)}`;
}

function restText(sample) {
  const rest = sample.scores.length / facts.steps - sample.classes.length;
  return rest ? ` ${WHOLE.format(rest)} classes with smaller scores are not drawn.` : "";
}

function addClass(box) {
  const row = create(box, "div");
  create(row, "span", { class: "name" });
  create(create(row, "span", { class: "track" }), "i");
  create(row, "span", { class: "value" });
}

function settledText(sample) {
  let step = facts.steps - 1;
  while (step > 0 && sample.leaders[step - 1] === sample.decision) step -= 1;
  return `Class ${className(sample.decision)} is decided, and leads from step ${WHOLE.format(step)} on.`;
}

// ---- Spikes

function addRasters() {
  facts.layers.forEach((layer, number) => {
    const strip = create(document.getElementById("spikes"), "div", { class: "strip", "data-layer": number });
    const head = create(strip, "div", { class: "head" });
    create(head, "b", {}, layer.name);
    create(head, "span", { class: "note-text" });
    const label = create(head, "label", {}, "neuron");
    const words = { type: "number", min: 0, max: layer.size - 1, "aria-label": `neuron of ${layer.name}` };
    const input = create(label, "input", words);
    input.addEventListener("change", () => { if (input.value !== "") chooseNeuron(number, Number(input.value)); });
    const low = Math.min(170, Math.max(44, layer.size * 3));
    const plot = addPlot(strip, low, `spikes of ${layer.name}`, (context, area, ratio) => paintRaster(number, context, area, ratio),
      (step, y, area) => rasterHint(number, step, y, area));
    plot.click = (step, y, area) => chooseNeuron(number, nearestNeuron(number, step, y, area));
    if (layer.size * 3 > 170) addTaller(head, plot, low);
  });
}

function addTaller(head, plot, low) {
  const button = create(head, "button", { "aria-pressed": "false" }, "taller");
  button.addEventListener("click", () => {
    const tall = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(tall));
    plot.field.style.height = `${low * (tall ? TALLER : 1)}px`;
    plot.stale = true;
    redraw();
  });
}

function noteRasters() {
  facts.layers.forEach((layer, number) => {
    const count = shown.sample.spikes[number].neurons.length;
    const shape = layer.shape.length > 1 ? ` (${layer.shape.join(" × ")})` : "";
    const silent = layer.never_spikes ? ", a readout" : `, ${WHOLE.format(count)} spikes`;
    const text = `${WHOLE.format(layer.size)} neuron${layer.size > 1 ? "s" : ""}${shape}${silent}`;
    document.querySelector(`[data-layer="${number}"] .note-text`).textContent = text;
  });
}

function paintRaster(number, context, area, ratio) {
  const layer = facts.layers[number];
  const spikes = shown.sample.spikes[number];
  paintBack(context, area);
  paintCells(context, area, ratio, spikes, layer.size, false, number ? colours.accent : colours.input);
  if (spikes.values !== null) paintCells(context, area, ratio, spikes, layer.size, true, colours.wrong);
  paintChosen(number, context, area);
  paintTick(context, area, area.top, "0");
  if (layer.never_spikes) paintText(context, area, "never spikes; click for its states");
  if (layer.size > 1) paintTick(context, area, area.top + area.height, WHOLE.format(layer.size - 1));
  paintFrame(context, area);
}

function paintText(context, area, text) {
  context.fillStyle = colours.soft;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, area.left + area.width / 2, area.top + area.height / 2);
}

// Cells of spikes, those with a negative value or the others; cells that share a pixel make it darker.
function paintCells(context, area, ratio, spikes, size, negative, colour) {
  const width = Math.max(1, Math.round(area.width * ratio));
  const height = Math.max(1, Math.round(area.height * ratio));
  const grid = { width, height, across: width / (shown.to - shown.from), down: height / size };
  const shared = Math.max(1, 1 / grid.across) * Math.max(1, 1 / grid.down);
  if (spikes.begins[lastStep() + 1] - spikes.begins[firstStep()] > MOST_MARKS) {
    paintPixels(context, area, spikes, negative, colour, grid, shared);
    return;
  }
  context.fillStyle = colour;
  context.globalAlpha = shared <= 1.5 ? 1 : 0.6;
  eachCell(spikes, negative, grid, (left, top, right, bottom) => {
    context.fillRect(area.left + left / ratio, area.top + top / ratio, (right - left) / ratio, (bottom - top) / ratio);
  });
  context.globalAlpha = 1;
}

// Edges of each cell that is seen, in pixels of the screen; larger cells have gaps between them.
function eachCell({ begins, neurons, values }, negative, grid, act) {
  const gapAcross = grid.across > 4 ? 1 : 0;
  const gapDown = grid.down > 4 ? 1 : 0;
  for (let step = firstStep(); step <= lastStep(); step += 1) {
    const left = Math.max(0, Math.floor((step - shown.from) * grid.across));
    const right = Math.min(grid.width, Math.max(left + 1, Math.floor((step + 1 - shown.from) * grid.across) - gapAcross));
    for (let i = begins[step]; i < begins[step + 1]; i += 1) {
      if (values !== null && values[i] < 0 !== negative) continue;
      const top = Math.floor(neurons[i] * grid.down);
      act(left, top, right, Math.min(grid.height, Math.max(top + 1, Math.floor((neurons[i] + 1) * grid.down) - gapDown)));
    }
  }
}

// More spikes than single marks are drawn of: counted pixel by pixel.
function paintPixels(context, area, spikes, negative, colour, grid, shared) {
  const counts = new Uint8ClampedArray(grid.width * grid.height);
  eachCell(spikes, negative, grid, (left, top, right, bottom) => {
    for (let y = top; y < bottom; y += 1) {
      for (let i = y * grid.width + left; i < y * grid.width + right; i += 1) counts[i] += 1;
    }
  });
  const shades = shadesOf(colour, shared);
  const image = new ImageData(grid.width, grid.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < counts.length; i += 1) if (counts[i] !== 0) pixels[i] = shades[counts[i]];
  const sheet = new OffscreenCanvas(grid.width, grid.height);
  sheet.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(sheet, area.left, area.top, area.width, area.height);
}

// The pixel for each count, where `shared` cells share one.
function shadesOf(colour, shared) {
  const bytes = new Uint8ClampedArray(4 * 256);
  const [red, green, blue] = channels(colour);
  for (let count = 1; count < 256; count += 1) {
    const shade = shared <= 1.5 ? 1 : 0.35 + 0.65 * Math.sqrt(Math.min(1, count / shared));
    bytes.set([red, green, blue, 255 * shade], 4 * count);
  }
  return new Uint32Array(bytes.buffer);
}

function paintChosen(number, context, area) {
  if (chosen === null || chosen.layer !== number) return;
  const down = area.height / facts.layers[number].size;
  const y = area.top + (chosen.neuron + 0.5) * down;
  context.fillStyle = colours.text;
  context.globalAlpha = 0.15;
  context.fillRect(area.left, y - Math.max(1, down) / 2, area.width, Math.max(1, down));
  context.globalAlpha = 1;
  context.beginPath();
  context.moveTo(area.left, y);
  context.lineTo(area.left - 6, y - 4);
  context.lineTo(area.left - 6, y + 4);
  context.fill();
}

// The neuron of the spike that is nearest to the pointer, within a few pixels; else the one under it.
function nearestNeuron(number, position, y, area) {
  const size = facts.layers[number].size;
  const down = area.height / size;
  const under = Math.min(size - 1, Math.max(0, Math.floor((y - area.top) / down)));
  if (down >= 4) return under;
  const { begins, neurons } = shown.sample.spikes[number];
  const perStep = area.width / (shown.to - shown.from);
  const reach = 6;
  let best = reach * reach;
  let found = under;
  const last = Math.min(facts.steps - 1, Math.floor(position + reach / perStep));
  for (let step = Math.max(0, Math.floor(position - reach / perStep)); step <= last; step += 1) {
    const dx = step <= position && position < step + 1 ? 0 : (step + 0.5 - position) * perStep;
    for (let i = begins[step]; i < begins[step + 1]; i += 1) {
      const dy = area.top + (neurons[i] + 0.5) * down - y;
      if (dx * dx + dy * dy < best) {
        best = dx * dx + dy * dy;
        found = neurons[i];
      }
    }
  }
  return found;
}

function rasterHint(number, step, y, area, position) {
  const neuron = nearestNeuron(number, position ?? step + 0.5, y, area);
  const spikes = shown.sample.spikes[number];
  const place = spikeAt(spikes, step, neuron);
  const value = place >= 0 && spikes.values !== null ? ` of ${WHOLE.format(spikes.values[place])}` : "";
  return `${facts.layers[number].name}, neuron ${neuron}${place < 0 ? "" : `: a spike${value}`}`;
}

// ---- Operations

function addOperations() {
  facts.layers.slice(1).forEach((layer, row) => {
    const strip = create(document.getElementById("operations"), "div", { class: "strip", "data-operations": row });
    const head = create(strip, "div", { class: "head" });
    create(head, "b", {}, layer.name);
    create(head, "span", { class: "note-text" });
    const valueAt = (step) => shown.sample.operations[row * facts.steps + step];
    addPlot(strip, 56, `synaptic operations of ${layer.name} in each step`,
      (context, area) => paintSteps(context, area, valueAt, colours.accent),
      (step) => `${layer.name}: ${WHOLE.format(valueAt(step))} operations`);
  });
}

function noteOperations() {
  facts.layers.slice(1).forEach((_, row) => {
    const values = shown.sample.operations.subarray(row * facts.steps, (row + 1) * facts.steps);
    let sum = 0;
    for (const value of values) sum += value;
    const text = `${WHOLE.format(sum)} operations in all`;
    document.querySelector(`[data-operations="${row}"] .note-text`).textContent = text;
  });
}

// A staircase, filled; of steps that share a pixel the largest.
function paintSteps(context, area, valueAt, colour) {
  const high = Math.max(1, rangeOf(valueAt)[1]);
  paintBack(context, area);
  context.fillStyle = colour;
  clipped(context, area, () => {
    for (let step = firstStep(); step <= lastStep(); step += 1) {
      const x = xOf(step, area);
      const height = ((area.height - 4) * valueAt(step)) / high;
      if (height > 0) context.fillRect(x, area.top + area.height - height, Math.max(1, xOf(step + 1, area) - x), height);
    }
  });
  paintTick(context, area, area.top, SHORT.format(high));
  paintTick(context, area, area.top + area.height, "0");
  paintFrame(context, area);
}

// ---- The strip above

let overview = null;

function addOverview() {
  overview = addPlot(document.getElementById("overview"), 52, "events of all layers over all steps, and the steps that are shown", paintOverview);
}

// Events of all layers in each step, whatever window is shown.
function eventsOfSteps(sample) {
  const sums = new Float64Array(facts.steps);
  for (const { begins } of sample.spikes) {
    for (let step = 0; step < facts.steps; step += 1) sums[step] += begins[step + 1] - begins[step];
  }
  return sums;
}

function paintOverview(context, area) {
  const sums = (shown.sample.sums ??= eventsOfSteps(shown.sample));
  const strip = { ...area, height: 24 };
  const high = Math.max(1, ...pixelMaxima(sums, Math.ceil(strip.width)));
  context.fillStyle = colours.card;
  context.fillRect(strip.left, strip.top, strip.width, strip.height);
  context.fillStyle = colours.input;
  const across = strip.width / facts.steps;
  for (let step = 0; step < facts.steps; step += 1) {
    const height = ((strip.height - 2) * sums[step]) / high;
    if (height > 0) context.fillRect(strip.left + step * across, strip.top + strip.height - height, Math.max(1, across), height);
  }
  paintWindow(context, strip, across);
  paintTick(context, strip, strip.top + strip.height / 2, "events");
  paintAxis(context, { ...area, top: strip.top + strip.height, height: area.height - strip.height });
}

function pixelMaxima(values, count) {
  const found = new Float64Array(Math.min(count, values.length));
  for (let i = 0; i < values.length; i += 1) {
    const place = Math.floor((i * found.length) / values.length);
    if (values[i] > found[place]) found[place] = values[i];
  }
  return found;
}

function paintWindow(context, strip, across) {
  context.globalAlpha = 0.22;
  context.fillStyle = colours.accent;
  context.fillRect(strip.left + shown.from * across, strip.top, (shown.to - shown.from) * across, strip.height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.strokeRect(strip.left + shown.from * across, strip.top, (shown.to - shown.from) * across, strip.height);
}

function paintAxis(context, area) {
  const centred = area.width / (shown.to - shown.from) > 14 ? 0.5 : 0;
  context.fillStyle = colours.soft;
  context.textBaseline = "top";
  for (const tick of roundSteps(shown.from, shown.to - 1e-6, Math.max(2, area.width / 110))) {
    const x = xOf(tick + centred, area);
    if (x > area.left + area.width - 8) continue;
    context.fillRect(x, area.top + 2, 1, 4);
    const text = tickText(tick);
    const fits = context.measureText(text).width / 2 <= Math.min(x - area.left, area.left + area.width - x) + 8;
    context.textAlign = fits ? "center" : x < area.left + area.width / 2 ? "left" : "right";
    context.fillText(text, x, area.top + 8);
  }
  paintTick(context, area, area.top + 13, "step");
}

function tickText(step) {
  return facts.step_ms === null ? WHOLE.format(step) : `${WHOLE.format(step)} · ${msText(step)}`;
}
