// Shows the examples of a page, and runs them. An example is a module in examples/ whose default export is a function
// of `print`. What is shown is the file itself, and the button imports that file.

/** @typedef {{ figure: HTMLElement, button: HTMLButtonElement, output: HTMLPreElement }} View */

/** Numbers the runs: a module is evaluated once per address, and each run is to be a fresh one. */
let runs = 0;

for (const figure of document.querySelectorAll("[data-example]")) {
  if (figure instanceof HTMLElement) setUp(figure);
}

/**
 * Adds the code of an example to its figure, with a button that runs it.
 *
 * @param {HTMLElement} figure
 */
async function setUp(figure) {
  const address = new URL(`examples/${figure.dataset.example}.js`, import.meta.url).href;
  const code = document.createElement("code");
  const listing = Object.assign(document.createElement("pre"), { className: "listing", tabIndex: 0 });
  listing.append(code);
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "primary",
    textContent: "Run",
  });
  const output = Object.assign(document.createElement("pre"), {
    className: "output",
    hidden: true,
    tabIndex: 0,
    role: "log",
    ariaLabel: "Output",
  });
  const view = { figure, button, output };
  figure.append(listing, button, output);
  button.addEventListener("click", () => run(address, view));
  try {
    code.append(...dimmed(await source(address)));
    figure.dataset.state = "ready";
  } catch (error) {
    finish(view, error);
  }
}

/** @param {string} address */
async function source(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.text();
}

/**
 * The code with its comments in spans.
 *
 * @param {string} code
 */
function dimmed(code) {
  const parts = code.split(/((?<=^|\s)\/\/ .*$)/m);
  return parts.map((text, index) => {
    if (index % 2 === 0) return text;
    return Object.assign(document.createElement("span"), { className: "quiet", textContent: text });
  });
}

/**
 * @param {string} address
 * @param {View} view
 */
async function run(address, view) {
  const { figure, button, output } = view;
  button.disabled = true;
  figure.dataset.state = "running";
  output.replaceChildren();
  output.classList.remove("failed");
  output.hidden = false;
  try {
    runs += 1;
    const { default: example } = await import(`${address}?run=${runs}`);
    await example((/** @type {string} */ text) => output.append(text));
    finish(view);
  } catch (error) {
    finish(view, error);
  }
}

/**
 * Shows that a run has ended, and the error that ended it, if there is one.
 *
 * @param {View} view
 * @param {any} [error]
 */
function finish({ figure, button, output }, error) {
  if (error) {
    output.append(`${error.code ?? error.name}: ${error.message}`);
    output.classList.add("failed");
    output.hidden = false;
  }
  figure.dataset.state = error ? "failed" : "done";
  button.disabled = false;
  button.textContent = "Run again";
}
