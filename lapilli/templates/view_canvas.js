// Canvases along the steps: each plot draws itself when it is in sight and out of date.

const NAMES = ["text", "soft", "line", "accent", "input", "wrong", "good", "card", "bar"];
const colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  colours.soon = style.getPropertyValue("--soon").trim();
}

function channels(colour) {
  return [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
}

const plots = new Set();
let waiting = false;

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.plot.seen = entry.isIntersecting;
  redraw();
}, { rootMargin: "200px" });

function create(parent, tag, words = {}, text = null) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(words)) found.setAttribute(name, value);
  if (text !== null) found.textContent = text;
  parent.append(found);
  return found;
}

// A plot: `draw(context, area)` paints it, `hint(step, y, area)` says what is under the pointer, or null.
function addPlot(parent, height, label, draw, hint = null) {
  const field = create(parent, "div", { class: "field", style: `height:${height}px` });
  const canvas = create(field, "canvas", { role: "img", "aria-label": label });
  create(create(field, "div", { class: "over" }), "i");
  const plot = { field, canvas, draw, hint, seen: true, stale: true };
  canvas.plot = plot;
  plots.add(plot);
  sight.observe(canvas);
  redraw();
  return plot;
}

function removePlots(within) {
  for (const plot of plots) {
    if (!within.contains(plot.field)) continue;
    sight.unobserve(plot.canvas);
    plots.delete(plot);
  }
}

function outdate() {
  for (const plot of plots) plot.stale = true;
  redraw();
}

// All plots that are in sight and out of date, once before the next picture.
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (shown.sample === null) return;
    for (const plot of plots) if (plot.seen && plot.stale) paint(plot);
  });
}

function paint(plot) {
  const ratio = devicePixelRatio || 1;
  const width = plot.canvas.clientWidth;
  const height = plot.canvas.clientHeight;
  const area = areaOf(plot, width, height);
  // A window that is not open yet has no width.
  if (!(area.width >= 1)) return;
  const context = plot.canvas.getContext("2d");
  fitCanvas(plot.canvas, Math.round(width * ratio), Math.round(height * ratio));
  context.save();
  context.clearRect(0, 0, plot.canvas.width, plot.canvas.height);
  context.scale(ratio, ratio);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  plot.area = area;
  plot.draw(context, plot.area, ratio);
  context.restore();
  plot.stale = false;
}

// A canvas that is given its size again gets new memory, even where it is the same size.
function fitCanvas(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function areaOf(plot, width, height) {
  const style = getComputedStyle(plot.field.querySelector(".over"));
  const left = parseFloat(style.left);
  return { left, top: 2, width: width - left - parseFloat(style.right), height: height - 4 };
}

function xOf(step, area) {
  return area.left + ((step - shown.from) / (shown.to - shown.from)) * area.width;
}

function stepAt(x, area) {
  return shown.from + ((x - area.left) / area.width) * (shown.to - shown.from);
}

// A card, and the steps behind the input in another shade.
function paintBack(context, area) {
  context.fillStyle = colours.card;
  context.fillRect(area.left, area.top, area.width, area.height);
  paintSoon(context, area);
}

function paintSoon(context, area) {
  if (facts.input_steps >= facts.steps) return;
  const begin = Math.max(area.left, xOf(facts.input_steps, area));
  if (begin >= area.left + area.width) return;
  context.fillStyle = colours.soon;
  context.fillRect(begin, area.top, area.left + area.width - begin, area.height);
}

function paintFrame(context, area) {
  context.strokeStyle = colours.line;
  context.strokeRect(area.left + 0.5, area.top + 0.5, area.width - 1, area.height - 1);
}

// Texts in the gutter beside `y`.
function paintTick(context, area, y, text) {
  context.fillStyle = colours.soft;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, area.left - 5, Math.min(Math.max(y, area.top + 6), area.top + area.height - 6), area.left - 6);
}

function clipped(context, area, paintInside) {
  context.save();
  context.beginPath();
  context.rect(area.left, area.top, area.width, area.height);
  context.clip();
  paintInside();
  context.restore();
}

// A line through `values[at(step)]` at the middle of each step; of steps that share a pixel, from least to largest.
function paintCurve(context, area, valueAt, yOf, colour, width = 1.5) {
  const perStep = area.width / (shown.to - shown.from);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  if (perStep >= 1) curveOfSteps(context, area, valueAt, yOf);
  else curveOfPixels(context, area, valueAt, yOf);
  context.stroke();
  if (perStep < 14) return;
  context.fillStyle = colour;
  for (let step = firstStep(); step <= lastStep(); step += 1) {
    context.beginPath();
    context.arc(xOf(step + 0.5, area), yOf(valueAt(step)), 2.2, 0, 2 * Math.PI);
    context.fill();
  }
}

function curveOfSteps(context, area, valueAt, yOf) {
  const last = Math.min(facts.steps - 1, lastStep() + 1);
  for (let step = Math.max(0, firstStep() - 1); step <= last; step += 1) {
    context.lineTo(xOf(step + 0.5, area), yOf(valueAt(step)));
  }
}

function curveOfPixels(context, area, valueAt, yOf) {
  let column = null;
  let low = 0;
  let high = 0;
  const flush = () => {
    context.lineTo(column + 0.5, yOf(high));
    context.lineTo(column + 0.5, yOf(low));
  };
  for (let step = firstStep(); step <= lastStep(); step += 1) {
    const here = Math.floor(xOf(step + 0.5, area));
    const value = valueAt(step);
    if (here !== column) {
      if (column !== null) flush();
      column = here;
      low = value;
      high = value;
    } else {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  flush();
}

// Least and largest of values that are seen.
function rangeOf(valueAt) {
  let low = Infinity;
  let high = -Infinity;
  for (let step = firstStep(); step <= lastStep(); step += 1) {
    const value = valueAt(step);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// Where values stand in an area, with a little room above and below.
function scaleOf(low, high, area) {
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  const bottom = low - room;
  const length = high + room - bottom;
  return (value) => area.top + area.height * (1 - (value - bottom) / length);
}
