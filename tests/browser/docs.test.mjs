// The documentation, used as a reader uses it: every example runs, every link leads somewhere, and the tables of options
// say what the package does.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { can, lacks, modelUrl, open, origin } from "./harness.mjs";

const PAGES = [
  "",
  "hosting/",
  "storing/",
  "clients/",
  "options/",
  "stepping/",
  "constraints/",
  "training/",
  "speed/",
  "errors/",
  "migrating/",
  "command-line/",
  "rust/",
  "comparison/",
];
const address = (page) => `/docs/${page}`;

/** In the page: whether all examples are shown and none runs. */
const atRest = () =>
  [...document.querySelectorAll("[data-example]")].every(({ dataset }) => dataset.state && dataset.state !== "running");

/** The pages whose examples show what differs between browsers. */
const DIFFERING = ["", "hosting/", "storing/", "speed/"];

for (const name of PAGES) {
  const skip = !DIFFERING.includes(name) && lacks("time");
  test(`every example of docs/${name} runs`, { skip }, async () => {
    const { page, close } = await open(address(name));
    await page.waitForFunction(atRest);
    const examples = await page
      .locator("[data-example]")
      .evaluateAll((all) => all.map(({ dataset }) => dataset.example));
    for (const example of examples) {
      const figure = `[data-example="${example}"]`;
      const file = await (await fetch(`${origin}/docs/examples/${example}.js`)).text();
      assert.equal(await page.textContent(`${figure} .listing`), file, "the code that is shown is the code that runs");
      // Twice: what an example leaves behind must not be in the way of its next run.
      for (const _ of ["train", "finetune"].includes(example) || !can("time") ? [1] : [1, 2]) {
        await page.click(`${figure} button`);
        await page.waitForFunction(atRest, undefined, { timeout: 300_000 });
        const output = await page.textContent(`${figure} .output`);
        assert.equal(await page.getAttribute(figure, "data-state"), "done", `${example}: ${output}`);
        assert.ok(output.length > 20, `${example} prints "${output}"`);
      }
    }
    await close();
  });
}

test("an example that fails says so", { skip: lacks("interception") }, async () => {
  const { page, context, close } = await open("/docs/options/");
  const code = 'export default () => { throw Object.assign(new Error("it is broken"), { code: "broken" }); };';
  await context.route("**/examples/seed.js?*", (route) =>
    route.fulfill({ body: code, contentType: "text/javascript" }),
  );
  await page.waitForFunction(atRest);
  await page.click('[data-example="seed"] button');
  await page.waitForFunction(atRest);
  await page.waitForSelector('[data-example="seed"] .output.failed');
  assert.equal(await page.textContent('[data-example="seed"] .output'), "broken: it is broken");
  await context.unroute("**/examples/seed.js?*");
  await page.click('[data-example="seed"] button');
  await page.waitForSelector('[data-example="seed"][data-state="done"]');
  assert.match(await page.textContent('[data-example="seed"] .output:not(.failed)'), /Once upon a time/);
  await close();
});

/** In the page: the targets of all links, and all that can be linked to. */
const links = () => ({
  targets: [...document.querySelectorAll("a[href]")].map(({ href }) => href),
  ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
});

test("every link leads somewhere, and every page to every other", { skip: lacks("time") }, async () => {
  const found = new Map();
  const { page, close } = await open("/");
  for (const path of ["", ...PAGES.map((name) => `docs/${name}`)]) {
    await page.goto(`${origin}/${path}`);
    found.set(`${origin}/${path}`, await page.evaluate(links));
  }
  await close();
  const everyPage = PAGES.map((name) => `${origin}${address(name)}`);
  for (const [from, { targets }] of found) {
    for (const target of targets) {
      const url = new URL(target);
      const fragment = decodeURIComponent(url.hash.slice(1));
      url.hash = "";
      if (url.origin !== origin) {
        assert.equal(url.protocol, "https:", `${from} links to ${target}`);
        continue;
      }
      const answer = await fetch(url);
      assert.ok(answer.ok && !answer.redirected, `${from} links to ${target}`);
      if (fragment) assert.ok(found.get(url.href).ids.includes(fragment), `${from} links to ${target}`);
    }
    if (from !== `${origin}/`)
      assert.deepEqual(
        everyPage.filter((page) => !targets.includes(page)),
        [],
        from,
      );
  }
  assert.ok(found.get(`${origin}/`).targets.includes(`${origin}/docs/`), "the page links to its documentation");
});

/** The names of the properties of an interface in a file of types. */
function properties(types, name) {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, "ms").exec(types);
  assert.ok(body, `the types have ${name}`);
  const withoutComments = body[1].replaceAll(/\/\*\*.*?\*\//gs, "");
  return [...withoutComments.matchAll(/^\s+(?:readonly )?(\w+)\??:/gm)].map((match) => match[1]);
}

/** In the page: the rows of the tables of options, `default` and `allowed` as text. */
const rows = () =>
  [...document.querySelectorAll("table.options")].flatMap((table) =>
    [...table.tBodies[0].rows].map(({ cells: [name, usual, allowed] }) => ({
      of: table.dataset.interface,
      name: name.textContent,
      default:
        usual.querySelector("code") && usual.children.length === 1 && usual.childNodes.length === 1
          ? usual.textContent
          : undefined,
      allowed: allowed.textContent,
    })),
  );

test("the tables have a row for every option of the types, and for no other", { skip: lacks("time") }, async () => {
  for (const [name, module, interfaces] of [
    ["options/", "nexttoken", ["GenerateOptions", "ChatOptions", "LoadOptions"]],
    ["training/", "nexttoken_trainer", ["TrainerConfig", "FinetunerConfig"]],
  ]) {
    const types = await (await fetch(`${origin}/pkg/${module}.d.ts`)).text();
    const { page, close } = await open(address(name));
    const shown = await page.evaluate(rows);
    await close();
    for (const one of interfaces) {
      const names = shown.filter((row) => row.of === one).map((row) => row.name);
      assert.deepEqual(names.toSorted(), properties(types, one).toSorted(), one);
    }
    assert.deepEqual(
      shown.filter((row) => !interfaces.includes(row.of)),
      [],
    );
  }
});

/** The values at the ends of a range as the tables spell it, and values outside; undefined for what is no range. */
function range(allowed) {
  const [, whole, text] = /^(whole, )?(.*)$/.exec(allowed);
  const outside = (value) => (whole ? value : Math.fround(value * 1.001 + 0.001 * Math.sign(value || 1)));
  const between = /^(-?[\d.]+) to (-?[\d.]+)$/.exec(text)?.slice(1).map(Number);
  const least = /^(-?[\d.]+) or more$/.exec(text)?.slice(1).map(Number);
  const above = /^more than ([\d.]+)$/.exec(text)?.slice(1).map(Number);
  const fractions = whole ? [0.5] : [];
  if (between) {
    const [low, high] = between;
    return {
      inside: [low, high],
      outside: [low - (whole ? 1 : 0.001), whole ? high + 1 : outside(high), ...fractions],
    };
  }
  if (least) return { inside: [least[0], least[0] + 1], outside: [least[0] - (whole ? 1 : 0.001), ...fractions] };
  if (above) return { inside: [above[0] + 0.001], outside: above };
  return undefined;
}

/** In the page: the codes of `start` with each value of each option; "ok" where it has none. */
async function trials(cases) {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const generator = await Generator.load("/stories.gguf");
  const code = (options) => {
    try {
      generator.start("Once", options);
      return "ok";
    } catch (error) {
      return error.code;
    }
  };
  return cases.map(({ name, value }) => code({ [name]: value }));
}

test("the ranges in the table are those of the engine", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/docs/options/");
  const cases = [];
  for (const { of, name, allowed } of await page.evaluate(rows)) {
    const values = of === "GenerateOptions" && range(allowed);
    if (!values) continue;
    for (const value of values.inside) cases.push({ name, value, expected: "ok" });
    for (const value of values.outside) cases.push({ name, value, expected: "invalid_option" });
  }
  assert.ok(new Set(cases.map(({ name }) => name)).size >= 20, "most options have a range");
  const codes = await page.evaluate(trials, cases);
  cases.forEach(({ name, value, expected }, index) => assert.equal(codes[index], expected, `${name}: ${value}`));
  await close();
});

/** Values that switch on every stage of the sampler, so that `samplers` tells the parameters of them all. */
const SWITCHES = {
  repetition_penalty: 1.5,
  dry_multiplier: 0.5,
  top_n_sigma: 1,
  typical_p: 0.5,
  xtc_probability: 0.5,
  logit_bias: { 1: 1 },
};

/** In the page: the sampler's parameters with each set of options. */
async function parameters(sets) {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const generator = await Generator.load("/stories.gguf");
  return sets.map((options) => {
    generator.start("Once", options);
    return generator.samplers;
  });
}

test("the defaults in the table are those of the engine", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/docs/options/");
  const shown = (await page.evaluate(rows)).filter((row) => row.of === "GenerateOptions" && row.default !== undefined);
  const defaults = Object.fromEntries(shown.map((row) => [row.name, JSON.parse(row.default)]));
  const [nothing, spelled, some, others] = await page.evaluate(parameters, [{}, defaults, SWITCHES, { mirostat: 2 }]);
  assert.deepEqual(spelled, nothing, "the defaults change nothing");
  let compared = 0;
  for (const { name: stage, ...values } of [...some, ...others]) {
    for (const [name, value] of Object.entries(values)) {
      if (Object.hasOwn(SWITCHES, name) || !Object.hasOwn(defaults, name)) continue;
      assert.equal(value, Math.fround(defaults[name]), `${stage}: ${name}`);
      compared += 1;
    }
  }
  assert.ok(compared >= 15, `${compared} defaults were compared`);
  await close();
});

test("nothing is wider than a phone", async () => {
  const { page, close } = await open(address(""), { viewport: { width: 360, height: 740 } });
  for (const name of PAGES) {
    await page.goto(origin + address(name));
    await page.waitForFunction(atRest);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `docs/${name} is ${overflow} px too wide`);
  }
  await close();
});

test("after a visit of the page its documentation works offline", { skip: lacks("offline") }, async () => {
  const { page, context } = await open("/", { serviceWorkers: "allow" });
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await context.setOffline(true);
  await page.goto(`${origin}/docs/options/`);
  await page.waitForFunction(atRest);
  await page.click('[data-example="seed"] button');
  await page.waitForSelector('[data-example="seed"][data-state="done"]');
  await context.close();
});

const README = new URL("../../README.md", import.meta.url);

test("the programs of the page on Rust are those that the tests run", { skip: lacks("time") }, async () => {
  const { page, close } = await open(address("rust/"));
  const shown = await page.locator("[data-file]").evaluateAll((all) => all.map(({ dataset, textContent }) => [dataset.file, textContent]));
  assert.ok(shown.length >= 5, `${shown.length} programs`);
  for (const [file, listing] of shown) {
    const [program, main] = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8").split("\n#[allow(dead_code)]\nfn main()");
    assert.equal(listing, program, file);
    assert.ok(main, `${file} has a main function`);
  }
  await close();
});

test("what the README links to is there", () => {
  const links = [...readFileSync(README, "utf8").matchAll(/\]\((?!https:)([^)]+)\)/g)].map((match) => match[1]);
  assert.ok(links.length >= 10, `${links.length} links`);
  for (const link of links) assert.ok(existsSync(new URL(link, README)), link);
});

test("the files that bundlers leave out are copied as `cargo pkg check` copies them", async () => {
  const { environments } = await import("../../pkg-config/check/environments.mjs");
  const [copy] = /cp node_modules\S+ \S+ \S+/.exec(environments.rollup.build);
  const hosting = new URL("www/docs/hosting/index.html", README);
  for (const file of [README, hosting]) assert.ok(readFileSync(file, "utf8").includes(copy), `${file} has no ${copy}`);
});

/** Runs the JavaScript of a README on a blank page: each of its blocks, with the model at the address for it. */
async function runBlocks(readme, addresses) {
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1]);
  // Not one of the pages, whose policy allows no script from a string.
  const { page, context } = await open("/pkg/README.md");
  const texts = [];
  for (const [index, block] of blocks.entries()) {
    const entry = (_, name = "/index") => `"${origin}/pkg${name}.js"`;
    const imported = block.replaceAll(/"nexttoken(\/conversation)?"/g, entry);
    const code = imported.replaceAll('"model.gguf"', `"${addresses[index]}"`);
    const run = async (code) => {
      document.body.replaceChildren();
      await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      return document.body.textContent;
    };
    texts.push(await page.evaluate(run, code));
  }
  await context.close();
  return texts;
}

test(
  "the JavaScript of the README runs",
  { skip: !can("time") && "there is no time for a large model here" },
  async () => {
    const texts = await runBlocks(readFileSync(README, "utf8"), [modelUrl]);
    assert.ok(texts.length > 0 && texts.every((text) => text.length > 100), texts.join("\n"));
  },
);

test(
  "the JavaScript of the README on npm runs",
  { skip: !can("time") && "there is no time for a large model here" },
  async () => {
    const readme = readFileSync(new URL("../../pkg-config/npm-readme.md", import.meta.url), "utf8");
    const [text, json] = await runBlocks(readme, [`${origin}/stories.gguf`, modelUrl]);
    assert.ok(text.length > 100, text);
    assert.equal(typeof JSON.parse(json).city, "string", json);
  },
);
