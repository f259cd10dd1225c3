// The options of the sampler, as the controls have them.

const $ = (id) => document.getElementById(id);

const RANGES = ["temperature", "top_k", "top_p", "min_p"];

/** Candidates a record lists. */
export const TOP = 16;

/** What the controls say now. */
export function options() {
  const chosen = { max_tokens: $("max_tokens").valueAsNumber, record: { top: TOP } };
  for (const name of RANGES) chosen[name] = $(name).valueAsNumber;
  if ($("seed").value !== "") chosen.seed = $("seed").valueAsNumber;
  return chosen;
}

/** Calls `moved` with the name of a slider whenever it moves. */
export function watchSliders(moved) {
  for (const name of RANGES) {
    const show = () => ($(`${name}-value`).textContent = $(name).value);
    $(name).addEventListener("input", () => {
      show();
      moved(name);
    });
    show();
  }
}
