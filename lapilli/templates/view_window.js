// The steps that are shown, `from` up to `to`, and the step under the pointer.

const LEAST_STEPS = 4;

const shown = { from: 0, to: facts.steps, cursor: null, sample: null };
const watchers = { window: [], cursor: [] };

function setWindow(from, to) {
  const length = Math.min(facts.steps, Math.max(Math.min(LEAST_STEPS, facts.steps), to - from));
  const begin = Math.min(Math.max(0, from), facts.steps - length);
  if (begin === shown.from && begin + length === shown.to) return;
  shown.from = begin;
  shown.to = begin + length;
  for (const watcher of watchers.window) watcher();
}

// `factor` below 1 zooms in; the step `at` stays where it is.
function zoom(factor, at = null) {
  const inside = shown.cursor !== null && shown.cursor >= shown.from && shown.cursor < shown.to;
  const fixed = at ?? (inside ? shown.cursor + 0.5 : (shown.from + shown.to) / 2);
  const length = Math.min(facts.steps, Math.max(Math.min(LEAST_STEPS, facts.steps), (shown.to - shown.from) * factor));
  const share = (fixed - shown.from) / (shown.to - shown.from);
  setWindow(fixed - share * length, fixed + (1 - share) * length);
}

function pan(steps) {
  setWindow(shown.from + steps, shown.to + steps);
}

function setCursor(step) {
  if (step === shown.cursor) return;
  shown.cursor = step;
  for (const watcher of watchers.cursor) watcher();
}

// First and last step of which anything is seen.
function firstStep() {
  return Math.max(0, Math.floor(shown.from));
}

function lastStep() {
  return Math.min(facts.steps, Math.ceil(shown.to)) - 1;
}

// Round numbers from `low` to `high`, about `count` of them, never fractions.
function roundSteps(low, high, count) {
  const rough = Math.max((high - low) / count, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough));
  const ticks = [];
  // A minus before 0 is taken off.
  for (let tick = Math.ceil(low / apart) * apart; tick <= high; tick += apart) ticks.push(tick || 0);
  return ticks;
}

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

// "step 12 (120 ms)": when it begins.
function stepText(step) {
  if (facts.step_ms === null) return `step ${WHOLE.format(step)}`;
  return `step ${WHOLE.format(step)} (${msText(step)})`;
}

function msText(step) {
  return `${new Intl.NumberFormat("en", { maximumFractionDigits: 3 }).format(step * facts.step_ms)} ms`;
}
