// The scoring view: each token of a text, coloured by its loss.

import { showDistribution } from "./distribution.js";

/** The loss, in nats, that has the strongest colour. */
const HOTTEST = 10;
const EXPECTED = 10;

const $ = (id) => document.getElementById(id);
let page;
let busy = false;
let stopping = false;

/** @param {{ model: () => object | undefined, showError: (error?: unknown) => void }} given by the page */
export function setUpScoring(given) {
  page = given;
  $("score").addEventListener("click", score);
  $("score-stop").addEventListener("click", stop);
  document.addEventListener("keydown", onKey, true); // before the writing view handles it
  for (const event of ["pointerover", "click"]) {
    $("score-tokens").addEventListener(event, ({ target }) => target.show?.());
  }
  $("score-tokens").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = $("score-tokens").querySelector(".shown");
    (shown ? shown[step] : $("score-tokens").querySelector(".token"))?.show?.();
  });
}

function onKey(event) {
  if (!$("mode-score").checked) return;
  if (event.key === "Escape") return stop();
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.stopPropagation();
  score();
}

function stop() {
  if (busy) stopping = true;
}

async function score() {
  if (busy) return;
  page.showError();
  const model = page.model();
  if (!model) return page.showError("no model is loaded yet");
  setBusy(true);
  $("score-status").textContent = "reading the text …";
  try {
    const [result, { done, total }] = await judge(model, $("score-text").value);
    const { name, architecture } = await model.info();
    const judged = `judged by ${name ?? `a ${architecture} model`}`;
    show(result);
    $("score-status").textContent = done === total ? judged : `stopped after ${done} of ${total} tokens, ${judged}`;
  } catch (error) {
    $("score-status").textContent = "";
    page.showError(error);
  } finally {
    setBusy(false);
  }
}

/** Resolves to the score of `text`, or of the part that was scored when it was stopped, and to the progress. */
async function judge(model, text) {
  const scorer = await model.scorer(text, { top: EXPECTED });
  try {
    let progress;
    do showProgress((progress = await scorer.step()));
    while (progress.done < progress.total && !stopping);
    return [await scorer.finish(), progress];
  } finally {
    scorer.free();
  }
}

function showProgress({ done, total }) {
  $("score-bar").value = done / total;
  $("score-status").textContent = `${done} of ${total} tokens`;
}

function setBusy(now) {
  busy = now;
  stopping = false;
  $("score").disabled = now;
  $("score-stop").hidden = !now;
  $("score-bar").hidden = !now;
  $("score-bar").value = 0;
}

function show({ ids, texts, nll, mean_nll, perplexity, top_logprobs }) {
  $("score-result").hidden = false;
  $("score-mean").textContent = mean_nll.toFixed(4);
  $("score-perplexity").textContent = perplexity < 1000 ? perplexity.toFixed(2) : perplexity.toExponential(2);
  $("score-count").textContent = nll.length;
  const first = span("given", texts[0]);
  const judged = nll.map((surprise, i) => token(ids[i + 1], texts[i + 1], surprise, top_logprobs[i]));
  const rest = texts.slice(nll.length + 1).join("");
  $("score-tokens").replaceChildren(first, ...judged, ...(rest ? [span("given", rest)] : []));
  mostSurprising(judged, nll).show();
}

function token(id, text, surprise, expected) {
  const made = span("token", text);
  made.classList.toggle("line", text.includes("\n"));
  made.style.setProperty("--heat", `${heat(surprise)}%`);
  made.show = () => {
    $("score-tokens").querySelector(".shown")?.classList.remove("shown");
    made.classList.add("shown");
    $("expected-note").textContent = sentence(
      surprise,
      expected.findIndex((candidate) => candidate.id === id),
    );
    const candidate = ({ id, text, logprob }) => ({ id, text, logprob, probability: Math.exp(logprob) });
    const own = candidate({ id, text, logprob: -surprise });
    showDistribution($("expected"), { ...own, top_logprobs: expected.map(candidate) });
  };
  return made;
}

const heat = (surprise) => Math.round(100 * Math.min(1, surprise / HOTTEST));

const mostSurprising = (tokens, nll) => tokens[nll.reduce((best, value, i) => (value > nll[best] ? i : best), 0)];

function sentence(surprise, rank) {
  const share = 100 * Math.exp(-surprise);
  const percent = share < 0.01 ? "less than 0.01" : share < 10 ? share.toPrecision(2) : share.toFixed(0);
  const place =
    rank === 0
      ? "the likeliest of all"
      : rank > 0
        ? `number ${rank + 1} of its guesses`
        : `not among its ${EXPECTED} best guesses`;
  return `A surprise of ${surprise.toFixed(2)} nats: the model gave this token ${percent} %, ${place}.`;
}

function span(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text; // never as HTML: a text may hold anything
  return made;
}
