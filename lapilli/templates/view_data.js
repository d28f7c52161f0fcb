// What stands in the page: arrays are unpacked when they are looked at.

const ARRAYS = { int8: Int8Array, int16: Int16Array, int32: Int32Array, float64: Float64Array };

const facts = JSON.parse(document.getElementById("facts-data").textContent);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Values in order, whatever their shape.
async function unpack(packed) {
  const planes = await inflated(bytesOf(packed.data));
  const kind = ARRAYS[packed.type];
  const width = kind.BYTES_PER_ELEMENT;
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < width; plane += 1) {
    for (let i = 0; i < count; i += 1) bytes[i * width + plane] = planes[plane * count + i];
  }
  return new kind(bytes.buffer);
}

async function unpackSpikes(packed) {
  const [begins, neurons, values] = await Promise.all([
    unpack(packed.begins), unpack(packed.neurons), packed.values && unpack(packed.values),
  ]);
  return { begins, neurons, values };
}

// A sample: spikes of each layer, operations, scores; states wait until a neuron is chosen.
async function loadSample(place) {
  const contents = JSON.parse(document.getElementById(`sample-${place}`).textContent);
  const [spikes, operations, scores] = await Promise.all([
    Promise.all(contents.spikes.map(unpackSpikes)), unpack(contents.operations), contents.scores && unpack(contents.scores),
  ]);
  const sample = { place, ...facts.samples[place], contents, spikes, operations, scores, held: new Map() };
  if (scores === null) return sample;
  return { ...sample, leaders: leadersOf(scores), classes: classesOf(scores, sample.label) };
}

// All neurons of a layer, one state: kept as long as its sample is shown.
function stateOf(sample, layer, name) {
  const key = `${layer} ${name}`;
  if (!sample.held.has(key)) sample.held.set(key, unpack(sample.contents.states[layer][name]));
  return sample.held.get(key);
}

const heldThresholds = new Map();

function thresholdsOf(layer) {
  const packed = facts.layers[layer].thresholds;
  if (!packed) return Promise.resolve(null);
  if (!heldThresholds.has(layer)) heldThresholds.set(layer, unpack(packed));
  return heldThresholds.get(layer);
}

// Place among the spikes of a layer where a neuron has one in a step; -1 where it has none.
function spikeAt(spikes, step, neuron) {
  let low = spikes.begins[step];
  let high = spikes.begins[step + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spikes.neurons[middle] < neuron) low = middle + 1;
    else high = middle;
  }
  return low < spikes.begins[step + 1] && spikes.neurons[low] === neuron ? low : -1;
}

// The class with the largest score after each step; of equal scores the first.
function leadersOf(scores) {
  const classes = scores.length / facts.steps;
  const leaders = new Int32Array(facts.steps);
  for (let i = 1; i < classes; i += 1) {
    for (let step = 0; step < facts.steps; step += 1) {
      if (scores[i * facts.steps + step] > scores[leaders[step] * facts.steps + step]) leaders[step] = i;
    }
  }
  return leaders;
}

const MOST_CLASSES = 24;

// The classes that are shown, rising: all, or those with the largest scores at the end, and the label.
function classesOf(scores, label) {
  const classes = scores.length / facts.steps;
  const all = Array.from({ length: classes }, (_, number) => number);
  if (classes <= MOST_CLASSES) return all;
  const last = (number) => scores[(number + 1) * facts.steps - 1];
  const first = all.sort((one, two) => last(two) - last(one)).slice(0, MOST_CLASSES);
  return [...new Set([...first, ...(label !== null && label < classes ? [label] : [])])].sort((one, two) => one - two);
}
