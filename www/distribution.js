// Shows the distribution that a token was drawn from, as bars.

import { element } from "./dom.js";
import { percent, visible } from "./format.js";

/** @typedef {import("./pkg/index.js").Candidate} Candidate */

/**
 * Shows the candidates of `token` in `list`: with the probability they were drawn with, or if the sampler removed them
 * with the model's probability.
 *
 * @param {HTMLElement} list
 * @param {Candidate & { top_logprobs: Candidate[] }} token
 */
export function showDistribution(list, token) {
  const candidates = [...token.top_logprobs];
  if (!candidates.some(({ id }) => id === token.id)) {
    candidates.push({ id: token.id, text: token.text, logprob: token.logprob, probability: token.probability });
  }
  list.replaceChildren(...candidates.map((candidate) => bar(candidate, candidate.id === token.id)));
}

/**
 * @param {Candidate} candidate
 * @param {boolean} taken
 */
function bar({ text, logprob, probability }, taken) {
  const cut = probability === 0;
  const share = cut ? Math.exp(logprob) : probability;
  const fill = element("span", "fill");
  fill.style.width = `${100 * share}%`;
  const item = element(
    "li",
    "",
    fill,
    element("span", "name", visible(text)),
    element("span", "share", percent(share)),
  );
  item.classList.toggle("taken", taken);
  item.classList.toggle("cut", cut);
  item.title = cut ? "cut by the sampler" : taken ? "taken" : "";
  return item;
}
