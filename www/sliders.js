// The options of the sampler, read from the controls.

const $ = (id) => document.getElementById(id);

const RANGES = ["temperature", "top_k", "top_p", "min_p"];

/** The number of candidates in a record. */
export const TOP = 16;

/** The options as the controls are now. */
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
