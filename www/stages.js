// Shows the distribution that a token is drawn from, stage by stage: from the model's own probabilities to those of the
// draw.

import { count, element, percent, piece, stageTitle, visible } from "./format.js";
import { draw, reach } from "./pictures.js";

const $ = (id) => document.getElementById(id);

/** The chosen view: "model", the name of a stage, or "draw" for the result of all stages. */
let view = "draw";
/** The step that is shown. */
let shown;

/** Called when a candidate is chosen. Without it none can be chosen. */
let choose;

/**
 * Shows a step `{ record, options, taken, note }`. `options` are those in effect, `taken` is the id of the token that
 * was taken, if any. `pick` is called with the id of a candidate that is chosen.
 */
export function showStep(step, pick) {
  shown = step;
  choose = pick;
  render();
}

/** Shows the view of a stage, if that has an effect. */
export function showView(name) {
  view = name;
  if (shown) render();
}

export function clearStep() {
  shown = undefined;
  for (const id of ["bars", "stages", "marks", "strip", "caption"]) $(id).replaceChildren();
  $("axis").hidden = true;
}

function render() {
  const { record, note } = shown;
  $("distribution-note").replaceChildren(...note);
  const index = record.stages.findIndex(({ name }) => name === view);
  const now = index >= 0 || view === "model" ? view : "draw";
  showStages(record, now);
  const stage = record.stages[index];
  const own = record.candidates.map(({ logprob }) => Math.exp(logprob));
  const last = record.candidates.map(({ probability }) => probability);
  const before = index > 0 ? record.stages[index - 1].probabilities : own;
  const after = now === "model" ? own : (stage?.probabilities ?? last);
  const full = reach([...before, ...after], stage);
  $("axis").hidden = false;
  $("full").textContent = percent(full);
  $("caption").replaceChildren(...caption(record, now, stage, before));
  showBars(record, before, after, full, now);
  draw($("marks"), stage, shown.options, before, full);
  showStrip(record);
}

function showStages({ stages }, now) {
  const all = [{ name: "model" }, ...stages, { name: "draw" }];
  const buttons = all.map(({ name, kept }) => {
    const button = element("button", "stage", element("b", "", stageTitle(name)));
    if (kept) button.append(element("small", "", `${kept.toLocaleString("en")} left`));
    button.type = "button";
    button.dataset.stage = name;
    button.setAttribute("aria-pressed", name === now);
    return button;
  });
  // Keeps the focus on its button.
  const focused = $("stages").contains(document.activeElement) && document.activeElement.dataset.stage;
  $("stages").replaceChildren(...buttons);
  if (focused) buttons.find(({ dataset }) => dataset.stage === focused)?.focus();
}

function caption(record, now, stage, before) {
  const removed = stage?.removed
    ? `${count(stage.removed, "token")} with ${percent(stage.removed_probability)} of the probability`
    : "none here";
  const captions = {
    model: () =>
      `The model's own guesses. Entropy ${record.entropy.toFixed(2)} nats: as unsure as between ` +
      `${Math.exp(record.entropy).toFixed(1)} tokens that are equally likely.`,
    draw: () =>
      `Outlined: the model's own guesses. Filled: what is drawn from, after every stage.` +
      (shown.record.stages.length ? " Each stage above has its picture." : ""),
    top_k: () =>
      `Keeps the ${count(stage.kept, "likeliest token")} and cuts what is below ` +
      `${stage.kept < record.candidates.length ? "the line" : "these bars and more"}: ${removed}.`,
    top_p: () =>
      `Adds up from the top (the curve) until ${percent(shown.options.top_p)} is reached, and cuts what ` +
      `comes after: ${removed}.`,
    min_p: () =>
      `Draws a line at ${shown.options.min_p} times the best token's ${percent(Math.max(...before))}; ` +
      `what does not reach it is cut: ${removed}.`,
    temperature: () => temperature(stage.level),
  };
  return [(captions[now] ?? (() => `Leaves ${count(stage.kept, "token")} and cuts ${removed}.`))()];
}

function temperature(level) {
  if (level === 0) return "Temperature 0: the likeliest token takes it all.";
  const how = level < 1 ? "sharpens: the likely gain, the unlikely lose" : "flattens: the unlikely get a chance";
  return `Divides the logits by ${level.toFixed(2)}, which ${how}. Outlined: before.`;
}

function showBars(record, before, after, full, now) {
  const cutBy = (row) => record.stages.find(({ probabilities }) => probabilities[row] === 0)?.name;
  const focused = $("bars").contains(document.activeElement) && document.activeElement.dataset.id;
  const items = record.candidates.map(({ id, text, logprob }, row) => {
    const taken = id === shown.taken;
    const gone = after[row] === 0;
    const bar = element("span", "bar", width("ghost", before[row] / full), width("fill", after[row] / full));
    const share = gone
      ? element("span", "share why", stageTitle(cutBy(row) ?? "cut"))
      : element("span", "share", percent(after[row]));
    const button = element("button", "candidate", element("span", "name", visible(text)), bar, share);
    button.type = "button";
    button.dataset.id = id;
    button.disabled = !choose;
    button.title =
      `the model: ${percent(Math.exp(logprob))}` +
      (gone ? `; cut by ${stageTitle(cutBy(row) ?? "")}` : "") +
      (taken ? "; taken" : choose ? "; go on with this one" : "");
    const item = element("li", "", button);
    item.classList.toggle("taken", taken);
    item.classList.toggle("cut", gone);
    return item;
  });
  $("bars").replaceChildren(...items);
  $("bars").dataset.view = now;
  if (focused) ($("bars").querySelector(`[data-id="${focused}"]`) ?? $("bars").querySelector("button"))?.focus();
}

function width(name, share) {
  const span = element("span", name);
  span.hidden = share < 0.004; // less than a pixel or two
  span.style.width = `${100 * Math.min(1, share)}%`;
  return span;
}

/** Shows all probabilities side by side: the draw is like a dart thrown at this strip. */
function showStrip({ candidates }) {
  const parts = candidates.filter(({ probability }) => probability > 0);
  const rest = 1 - parts.reduce((sum, { probability }) => sum + probability, 0);
  const segments = parts.map(({ id, text, probability }) =>
    segment(probability, id === shown.taken ? "taken" : "", visible(text)),
  );
  if (rest > 0.001) segments.push(segment(rest, "rest", "others"));
  $("strip").replaceChildren(...segments);
}

function segment(share, className, text) {
  const part = element("span", className, share > 0.07 ? text : "");
  part.style.flexGrow = share;
  part.title = `${text} ${percent(share)}`;
  return part;
}

/** The note on the token that was taken. */
export function noteTaken(token) {
  const { rank, surprisal, probability } = token.record.chosen;
  const forced = token.forced ? "You chose it" : `drawn with ${percent(probability)}`;
  return [
    piece(token.text),
    ` ${forced}; the model gave it ${percent(Math.exp(-surprisal))}, its ` +
      (rank === 1 ? "first guess." : `guess number ${rank.toLocaleString("en")}.`),
  ];
}

/** Moves the keyboard focus to the candidates. */
export function focusCandidate() {
  ($("bars").querySelector(".taken button") ?? $("bars").querySelector("button"))?.focus();
}

$("stages").addEventListener("click", ({ target }) => {
  const stage = target.closest("[data-stage]");
  if (stage) showView(stage.dataset.stage);
});
$("bars").addEventListener("click", ({ target }) => {
  const candidate = target.closest("[data-id]");
  if (candidate && choose) choose(Number(candidate.dataset.id));
});
$("bars").addEventListener("keydown", (event) => {
  const item = event.target.closest("li");
  const to = { ArrowUp: item?.previousElementSibling, ArrowDown: item?.nextElementSibling }[event.key];
  if (event.key === "Escape") $("text").focus();
  if (!to) return;
  event.preventDefault();
  to.querySelector("button").focus();
});
