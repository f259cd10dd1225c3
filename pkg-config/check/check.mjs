// Tries the packed package in every environment, and prints the matrix of what works where.
//
//     node check.mjs TARBALL MODEL ENCODER TARGET [ENVIRONMENT…]
//
// CHROMIUM names the browser, PORT the first of three ports (8250 where it is not set).

import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build, makeApp, run, startServer } from "./app.mjs";
import { environments } from "./environments.mjs";
import { matrix } from "./matrix.mjs";
import { serve } from "./server.mjs";

const tests = createRequire(join(import.meta.dirname, "../../tests/browser/package.json"));
const { chromium } = tests("playwright-core");

const [tarball, model, encoder, target] = process.argv.slice(2, 6).map((path) => resolve(path));
const wanted = process.argv.slice(6);
const port = Number(process.env.PORT ?? 8250);
const [DEV, OTHER] = [port + 1, port + 2];
const other = `http://localhost:${OTHER}/`;
/** What commands may use. */
const variables = { MODEL: model, ENCODER: encoder, STORED: `${other}stories.gguf`, OTHER: other };

const launching = {
  executablePath: process.env.CHROMIUM ?? "chromium",
  // Chromium cannot use its sandbox as root, which continuous integration often is.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
};

/** Opens a page of an extension, in a profile with the extension, and has it click the button for the part wanted. */
async function openExtension(folder, part) {
  const profile = mkdtempSync(join(tmpdir(), "nexttoken-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...launching,
    channel: undefined,
    headless: false,
    args: [...launching.args, "--headless=new", `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
  });
  const page = await context.newPage();
  await page.goto("chrome://extensions");
  const id = await page.evaluate(async () => {
    const [{ id }] = await globalThis.chrome.developerPrivate.getExtensionsInfo();
    return id;
  });
  const begin = async () => {
    await page.waitForSelector("body[data-ready]");
    await page.click(`#${part}`);
    if (part === "panel") await page.waitForFunction(panelIsOpen);
  };
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, address: `chrome-extension://${id}/index.html?from=${other}`, begin, close };
}

/** In a page of an extension: whether its side panel is open. */
async function panelIsOpen() {
  const open = await globalThis.chrome.runtime.getContexts({ contextTypes: ["SIDE_PANEL"] });
  return open.length === 1;
}

async function openPage(address) {
  const browser = await chromium.launch(launching);
  return { page: await browser.newPage(), address, close: () => browser.close() };
}

/** What the steps gave in the page, and what the page complained of. */
async function outcomeOf({ page, address, begin, close }) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on(
    "response",
    (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`),
  );
  try {
    await page.goto(address);
    await begin?.();
    // A development server may reload the page once it knows what the app imports.
    const outcome = await page.waitForFunction(() => globalThis.outcome, undefined, { timeout: 150_000 });
    return { steps: await outcome.jsonValue(), complaints };
  } catch (error) {
    return { steps: {}, complaints: [...complaints, error.message] };
  } finally {
    await close();
  }
}

/** Opens the page of an app that has a server of its own. */
async function outcomeOfServer(root, { dev, start }) {
  const address = `http://127.0.0.1:${DEV}/`;
  const { html, end } = await startServer(root, (dev ?? start).replace(/\bPORT\b(?!=)/g, String(DEV)), address);
  try {
    if (start && !html.includes("<p>nexttoken</p>")) throw new Error(`the server does not render the page: ${html}`);
    return await outcomeOf(await openPage(`${address}?from=${other}`));
  } finally {
    end();
  }
}

/** Runs a program without a page, which finds no models from before. */
async function runAlone(root, command) {
  const cache = join(root, "cache");
  rmSync(cache, { recursive: true, force: true });
  return run(root, command, { ...variables, XDG_CACHE_HOME: cache });
}

/** Where the model and the text encoder are served. */
const modelsAt = (base) => [
  [`${base}stories.gguf`, model],
  [`${base}model.gguf`, model],
  [`${base}encoder.gguf`, encoder],
];

/** Builds, serves and opens one environment. */
async function check(name, environment) {
  const root = makeApp(name, environment, target, tarball);
  const { root: served = ".", base = "/", headers } = environment;
  const folder = join(root, served);
  if (environment.build) await build(root, environment.build, variables);
  if (environment.run) return runAlone(root, environment.run);
  if (environment.dev || environment.start) return outcomeOfServer(root, environment);
  if (environment.extension) return outcomeOf(await openExtension(folder, environment.extension));
  const mounts = [...modelsAt(base), [base, folder]];
  const server = await serve(port, mounts, headers);
  try {
    return await outcomeOf(await openPage(`http://127.0.0.1:${port}${base}`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function checkAll(names) {
  const outcomes = {};
  for (const name of names) {
    const began = performance.now();
    try {
      outcomes[name] = await check(name, environments[name]);
    } catch (error) {
      outcomes[name] = { steps: {}, complaints: [error.message] };
    }
    console.error(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  return outcomes;
}

const unknown = wanted.find((name) => !Object.hasOwn(environments, name));
if (unknown) throw new Error(`there is no environment "${unknown}"; there are ${Object.keys(environments).join(", ")}`);
const package_ = [...modelsAt("/"), ["/", join(target, "html")]];
makeApp("html", environments.html, target, tarball);
const cdn = await serve(OTHER, package_, { "access-control-allow-origin": "*" });
const outcomes = await checkAll(wanted.length > 0 ? wanted : Object.keys(environments));
cdn.closeAllConnections();
cdn.close();
const { table, problems } = matrix(environments, outcomes);
console.log(table);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
