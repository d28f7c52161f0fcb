// The page: samples, keys and pointers.

const ZOOM = 1.5;
const DRAG_PIXELS = 4;
const PLAY_SECONDS = 6;

function complain(text) {
  const box = document.getElementById("problem");
  box.textContent = text;
  box.hidden = false;
}

function sampleText(sample) {
  const words = [`sample ${sample.number}`];
  if (sample.label !== null) words.push(`label ${className(sample.label)}`);
  if (sample.decision !== null) words.push(`decided ${className(sample.decision)}`);
  const wrong = sample.label !== null && sample.decision !== null && sample.label !== sample.decision;
  return `${words.join(", ")}${wrong ? " ✗" : ""}`;
}

let asked = null;

async function showSample(place) {
  if (place < 0 || place >= facts.samples.length) return;
  asked = place;
  const sample = await loadSample(place);
  // Somebody may have gone on meanwhile.
  if (asked !== place) return;
  shown.sample = sample;
  if (chosen !== null) await showNeuron(chosen);
  const title = `${facts.network}, ${sampleText(sample)}`;
  document.title = title;
  document.getElementById("title").textContent = title;
  document.getElementById("samples").value = place;
  document.getElementById("before").disabled = place === 0;
  document.getElementById("after").disabled = place === facts.samples.length - 1;
  noteRasters();
  noteOperations();
  showClasses();
  outdate();
  requestAnimationFrame(() => requestAnimationFrame(() => { document.body.dataset.shown = sample.number; }));
}

function stepSample(by) {
  showSample((asked ?? 0) + by);
}

function showWindow() {
  const first = firstStep();
  const last = lastStep();
  const width = facts.step_ms === null ? "" : `, ${msText(first)} … ${msText(last + 1)}`;
  const text = document.getElementById("window");
  text.textContent = `steps ${WHOLE.format(first)} … ${WHOLE.format(last)} of ${WHOLE.format(facts.steps)}${width}`;
  text.dataset.first = first;
  text.dataset.last = last;
  document.getElementById("all").disabled = first === 0 && last === facts.steps - 1;
}

function showCursor() {
  const inside = shown.cursor !== null && shown.cursor + 0.5 >= shown.from && shown.cursor + 0.5 <= shown.to;
  const share = inside ? (shown.cursor + 0.5 - shown.from) / (shown.to - shown.from) : -0.01;
  document.documentElement.style.setProperty("--cross", `${100 * share}%`);
}

// ---- Pointers

const pointers = new Map();
let dragged = false;

function plotOf(event) {
  return event.target.plot?.area ? event.target.plot : null;
}

function placeIn(plot, event) {
  const box = plot.canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function pressed(event) {
  if (plotOf(event) === null || event.button !== 0) return;
  if (pointers.size === 0) dragged = false;
  pointers.set(event.pointerId, { plot: event.target.plot, x: event.clientX, begin: event.clientX });
  event.target.setPointerCapture(event.pointerId);
  if (event.target.plot === overview) moveWindowTo(event);
}

function moved(event) {
  const pointer = pointers.get(event.pointerId);
  if (pointer === undefined) {
    hover(event);
    return;
  }
  const before = pointer.x;
  const perPixel = (shown.to - shown.from) / pointer.plot.area.width;
  if (Math.abs(event.clientX - pointer.begin) > DRAG_PIXELS) dragged = true;
  if (pointers.size === 2) pinch(pointer, event.clientX);
  else if (pointer.plot === overview) moveWindowTo(event);
  else if (dragged) pan((before - event.clientX) * perPixel);
  pointer.x = event.clientX;
}

function pinch(pointer, now) {
  dragged = true;
  const [other] = [...pointers.values()].filter((found) => found !== pointer);
  const distance = Math.max(20, Math.abs(now - other.x));
  const box = other.plot.canvas.getBoundingClientRect();
  zoom(Math.max(20, Math.abs(pointer.x - other.x)) / distance, stepAt(other.x - box.left, other.plot.area));
}

function moveWindowTo(event) {
  const { left, width } = overview.area;
  const step = ((placeIn(overview, event).x - left) / width) * facts.steps;
  const half = (shown.to - shown.from) / 2;
  setWindow(step - half, step + half);
}

function released(event) {
  const pointer = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (pointer === undefined || dragged || event.type === "pointercancel") return;
  const { plot } = pointer;
  const { x, y } = placeIn(plot, event);
  if (plot.click && x >= plot.area.left) plot.click(stepAt(x, plot.area), y, plot.area);
}

function hover(event) {
  const plot = plotOf(event);
  const tip = document.getElementById("tip");
  const { x, y } = plot === null ? { x: 0, y: 0 } : placeIn(plot, event);
  const position = plot === null ? -1 : stepAt(x, plot.area);
  if (plot === null || plot.hint === null || x < plot.area.left || position < 0 || position >= facts.steps) {
    tip.hidden = true;
    if (playing === null) setCursor(null);
    return;
  }
  const step = Math.floor(position);
  stopPlaying();
  setCursor(step);
  tip.textContent = `${stepText(step)}: ${plot.hint(step, y, plot.area, position)}`;
  tip.hidden = false;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18}px`;
}

function wheeled(event) {
  const plot = plotOf(event);
  if (plot === null) return;
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    const { x } = placeIn(plot, event);
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150), plot === overview ? null : stepAt(x, plot.area));
  } else if (sideways) {
    event.preventDefault();
    pan((((event.deltaX || event.deltaY) / plot.area.width) * (shown.to - shown.from)));
  }
}

// ---- Playing: the cursor moves through the window

let playing = null;

function play() {
  if (playing !== null) {
    stopPlaying();
    return;
  }
  playing = { begin: performance.now(), from: shown.from, to: shown.to };
  document.getElementById("play").textContent = "stop";
  requestAnimationFrame(playOn);
}

function playOn(now) {
  if (playing === null) return;
  const share = Math.max(0, (now - playing.begin) / (1000 * PLAY_SECONDS));
  const step = Math.floor(playing.from + share * (playing.to - playing.from));
  if (share >= 1 || step >= facts.steps) {
    stopPlaying();
    return;
  }
  setCursor(step);
  requestAnimationFrame(playOn);
}

function stopPlaying() {
  playing = null;
  document.getElementById("play").textContent = "play";
}

// ---- Keys

const KEYS = {
  ArrowLeft: (event) => (event.shiftKey ? pan((shown.from - shown.to) / 4) : stepSample(-1)),
  ArrowRight: (event) => (event.shiftKey ? pan((shown.to - shown.from) / 4) : stepSample(1)),
  "+": () => zoom(1 / ZOOM),
  "=": () => zoom(1 / ZOOM),
  "-": () => zoom(ZOOM),
  0: () => setWindow(0, facts.steps),
  " ": play,
  Escape: closeNeuron,
};

function typed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  if (event.target.closest("input, select") || (event.key === " " && event.target.closest("button, summary"))) return;
  event.preventDefault();
  KEYS[event.key](event);
}

// ---- Beginning

function wire() {
  const on = (id, act) => document.getElementById(id).addEventListener("click", act);
  on("before", () => stepSample(-1));
  on("after", () => stepSample(1));
  on("in", () => zoom(1 / ZOOM));
  on("out", () => zoom(ZOOM));
  on("all", () => setWindow(0, facts.steps));
  on("play", play);
  const list = document.getElementById("samples");
  facts.samples.forEach((sample, place) => create(list, "option", { value: place }, sampleText(sample)));
  list.addEventListener("change", () => showSample(Number(list.value)));
  document.addEventListener("keydown", typed);
  document.addEventListener("pointerdown", pressed);
  document.addEventListener("pointermove", moved);
  document.addEventListener("pointerup", released);
  document.addEventListener("pointercancel", released);
  document.addEventListener("wheel", wheeled, { passive: false });
  watchers.window.push(showWindow, showCursor, outdate, fillNumbers);
  watchers.cursor.push(showCursor, showClasses);
  addEventListener("resize", outdate);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); outdate(); });
}

function begin() {
  if (typeof DecompressionStream === "undefined" || typeof OffscreenCanvas === "undefined") {
    complain("This browser is too old for this page. Browsers from 2023 on show it.");
    return;
  }
  const ms = facts.step_ms === null ? "" : ` of ${facts.step_ms} ms`;
  const after = facts.steps > facts.input_steps ? `, the input ends after ${WHOLE.format(facts.input_steps)} (shaded)` : "";
  document.getElementById("facts").textContent = `${facts.source}. ${WHOLE.format(facts.steps)} steps${ms}${after}.`;
  readColours();
  addOverview();
  addDecision();
  addRasters();
  addOperations();
  wire();
  showWindow();
  showSample(0).catch((error) => complain(`This page is damaged: ${error.message}`));
}

begin();
