// Shows the examples of a page, and runs them. An example is a module in examples/ whose default export is a function
// of `print`. What is shown is the file itself, and the button imports that file.

/** Numbers the runs: a module is evaluated once per address, and each run is to be a fresh one. */
let runs = 0;

for (const figure of document.querySelectorAll("[data-example]")) setUp(figure);

async function setUp(figure) {
  const address = new URL(`examples/${figure.dataset.example}.js`, import.meta.url).href;
  const code = element("code", "");
  const output = element("pre", "output", { hidden: true, tabIndex: 0, role: "log", ariaLabel: "Output" });
  const button = element("button", "primary", { type: "button", textContent: "Run" });
  const listing = element("pre", "listing", { tabIndex: 0 });
  listing.append(code);
  figure.append(listing, button, output);
  button.addEventListener("click", () => run(address, { figure, button, output }));
  try {
    code.append(...dimmed(await source(address)));
    figure.dataset.state = "ready";
  } catch (error) {
    finish({ figure, button, output }, error);
  }
}

function element(name, className, properties = {}) {
  return Object.assign(document.createElement(name), { className, ...properties });
}

async function source(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.text();
}

/** The code with its comments in spans. */
function dimmed(code) {
  const part = (text, index) => (index % 2 ? element("span", "quiet", { textContent: text }) : text);
  return code.split(/((?<=^|\s)\/\/ .*$)/m).map(part);
}

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
    await example((text) => output.append(text));
    finish(view);
  } catch (error) {
    finish(view, error);
  }
}

/** Says how a run ended. */
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
