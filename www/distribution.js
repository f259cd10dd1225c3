// Shows the distribution that a token was drawn from, as bars.

/** Makes white space visible. */
export const visible = (text) => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";

export const percent = (share) => (share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toFixed(1)) + " %";

/**
 * Shows the candidates of `token` in `list`: with the probability they were drawn with, or if the sampler removed them
 * with the model's probability.
 */
export function showDistribution(list, token) {
  const candidates = [...token.top_logprobs];
  if (!candidates.some(({ id }) => id === token.id)) {
    candidates.push({ id: token.id, text: token.text, logprob: token.logprob, probability: token.probability });
  }
  list.replaceChildren(...candidates.map((candidate) => bar(candidate, candidate.id === token.id)));
}

function bar({ text, logprob, probability }, taken) {
  const cut = probability === 0;
  const share = cut ? Math.exp(logprob) : probability;
  const item = document.createElement("li");
  item.classList.toggle("taken", taken);
  item.classList.toggle("cut", cut);
  const fill = part("fill", "");
  fill.style.width = `${100 * share}%`;
  item.append(fill, part("name", visible(text)), part("share", percent(share)));
  item.title = cut ? "cut by the sampler" : taken ? "taken" : "";
  return item;
}

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text; // never as HTML: a model may write anything
  return span;
}
