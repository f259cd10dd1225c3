// Links to texts, and records of them, without a browser.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";
import { checksum, describe, fromFragment, named, toFragment } from "../../www/link.js";
import { toCsv, toJson } from "../../www/record.js";
import { click, openPage } from "./dom.mjs";

// The package's scripts, where they lie in the repository.
const scripts = JSON.stringify(new URL("../../src/js/", import.meta.url));
const hook = `
  const found = (name) => ({ url: new URL(name.slice("./pkg/".length), ${scripts}).href, shortCircuit: true });
  export const resolve = (name, context, next) => (name.startsWith("./pkg/") ? found(name) : next(name, context));
`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { ShareView } = await import("../../www/share.js");

const settings = (temperature) => ({ temperature, top_k: 40, top_p: 0.95, min_p: 0.05 });
const token = (id, text, temperature, more = {}) => ({
  id,
  text,
  logprob: Math.log(0.25),
  probability: 0.5,
  top_logprobs: [],
  options: { ...settings(temperature), max_tokens: 9, record: { top: 16 } },
  ...more,
});
const TOKENS = [
  token(5, " fox", 1, { options: { ...settings(1), max_tokens: 9, seed: 2n ** 63n + 1n, record: { top: 16 } } }),
  token(6, "=1+1", 1, { forced: true }),
  token(7, 'a "b"\n', 0.5, {
    record: { entropy: 1.5, chosen: { rank: 2 }, candidates: [{ id: 7, bytes: Uint8Array.of(1, 2) }], stages: [] },
  }),
];
const BRANCH = { prompt: 'Once & "again" = ü\n', seed: 2n ** 63n + 1n, tokens: TOKENS };
const TEXT = { model: "stories", branches: [BRANCH], branch: BRANCH, look: 1 };
/** Branches that leave the first before its tokens 1, 2 and, since its parent was forgotten, where they differ. */
const OTHERS = [
  { ...BRANCH, parent: BRANCH, at: 1, tokens: [TOKENS[0], token(9, "!", 1, { forced: true }), token(4, " a", 0.5)] },
  { ...BRANCH, parent: BRANCH, at: 3, tokens: [...TOKENS, token(8, ".", 1)] },
  { ...BRANCH, at: 0, tokens: [...TOKENS.slice(0, 2), token(3, "?", 1, { forced: true })] },
];
const TREE = { ...TEXT, branches: [BRANCH, ...OTHERS], branch: OTHERS[0], look: 2 };

test("a model has the page's name, or that in its file, or what was trained here", () => {
  const name = (...args) => named({ name: "in its file", layers: 4 }, ...args).name;
  assert.equal(name("the storyteller", { key: "stories" }), "the storyteller");
  assert.equal(name("a.gguf", { key: "a.gguf" }), "in its file");
  assert.equal(name("own-40.gguf"), "own-40.gguf");
  assert.deepEqual(named({ layers: 4 }, "a.gguf", { key: "a.gguf" }), { layers: 4, name: "a.gguf" });
});

test("a fragment holds all that a text is written from", () => {
  const linked = describe(TEXT);
  assert.deepEqual(
    [...linked.branches[0].settings],
    [
      [0, settings(1)],
      [2, settings(0.5)],
    ],
  );
  assert.deepEqual([...linked.branches[0].forced], [[1, 6]]);
  const fragment = toFragment(linked);
  assert.deepEqual(fromFragment(`#${fragment}`), linked);
  assert.deepEqual(fromFragment(fragment), linked);
  // It is the part of an address that no server sees, and survives being part of one.
  assert.deepEqual(fromFragment(new URL(`https://a/b#${fragment}`).hash), linked);
});

test("a fragment holds all branches, each with what is its own", () => {
  const linked = describe(TREE);
  assert.deepEqual(
    linked.branches.map(({ parent, at, tokens, forced }) => [parent, at, tokens, ...forced]),
    [
      [undefined, 0, 3, [1, 6]],
      [0, 1, 3, [1, 9]],
      [0, 3, 4],
      [0, 2, 3, [2, 3]],
    ],
  );
  assert.deepEqual([linked.shown, linked.look], [1, 2]);
  assert.deepEqual(fromFragment(toFragment(linked)), linked);
  const named = describe({ ...TREE, model: "mine.gguf", sha256: "0123456789abcdef".repeat(4) });
  assert.deepEqual(fromFragment(toFragment(named)), named);
  for (const [name, value] of [
    ["from", "1:1"],
    ["from", "0:4"],
    ["from", "-1:1"],
    ["from", "0"],
    ["from", ""],
    ["shown", "4"],
    ["shown", "-1"],
    ["sha256", "abc"],
  ]) {
    const good = `sha256=${"0".repeat(64)}&${toFragment(linked)}`;
    // The first of those of that name.
    const damaged = good.replace(new RegExp(`(^|&)${name}=[^&]*`), `$1${name}=${encodeURIComponent(value)}`);
    assert.ok(fromFragment(good));
    assert.throws(() => fromFragment(damaged), /damaged/, `${name}=${value}`);
  }
  const many = new URLSearchParams(toFragment(linked));
  for (let more = 0; more < 64; more += 1) many.append("sampler", "0:1,2,3,4");
  assert.throws(() => fromFragment(String(many)), /damaged/);
});

test("another fragment is none, and a damaged one an error", () => {
  for (const other of ["", "#", "#top", "#model=stories", "#prompt=x"]) assert.equal(fromFragment(other), undefined);
  const good = new URLSearchParams(toFragment(describe(TEXT)));
  for (const [name, value] of [
    ["model", "your bank"],
    ["model", "javascript:alert(1)"],
    ["tokens", "-1"],
    ["tokens", "1e3"],
    ["tokens", "9999999"],
    ["tokens", null],
    ["seed", "x"],
    ["seed", "0x10"],
    ["look", "4"],
    ["sampler", ""],
    ["sampler", "0:1,2,3"],
    ["sampler", "0:1,2,3,4,5"],
    ["sampler", "0:1,2,3,-4"],
    ["sampler", "0:1,2,3,NaN"],
    ["sampler", "1:1,2,3,4"],
    ["forced", "9:1"],
    ["forced", "1"],
    ["forced", "1:5000000000"],
  ]) {
    const bad = new URLSearchParams(good);
    if (value === null) bad.delete(name);
    else bad.set(name, value);
    assert.throws(() => fromFragment(String(bad)), /damaged/, `${name}=${value}`);
  }
});

test("the checksum tells texts apart", () => {
  const ids = (...all) => all.map((id) => ({ id }));
  // FNV-1a of the bytes 61 00 00 00.
  assert.equal(checksum(ids(0x61)), "f5e1d3e4");
  const all = [ids(), ids(1), ids(2), ids(1, 2), ids(2, 1), ids(256), ids(65536)].map(checksum);
  assert.equal(new Set(all).size, all.length);
});

test("a record is a table for spreadsheets, or JSON with everything", () => {
  const [heading, ...rows] = toCsv(TOKENS).split("\r\n");
  assert.equal(heading, "index,id,text,probability,sampled,surprisal,rank,entropy,forced");
  assert.equal(rows[0], '0,5," fox",0.25,0.5,2,,,false');
  // No spreadsheet takes a token for a formula.
  assert.equal(rows[1], `1,6,"'=1+1",0.25,0.5,2,,,true`);
  assert.equal(rows.slice(2).join("\r\n"), '2,7,"a ""b""\n",0.25,0.5,2,2,1.5,false\r\n');
  const record = JSON.parse(toJson({ ...BRANCH, model: { name: "Tiny" } }));
  assert.deepEqual([record.model.name, record.seed, record.prompt], ["Tiny", "9223372036854775809", BRANCH.prompt]);
  assert.equal(record.tokens[0].options.seed, "9223372036854775809");
  assert.deepEqual(record.tokens[1].options, { ...settings(1), max_tokens: 9 });
  assert.deepEqual(record.tokens[2].candidates, [{ id: 7, bytes: [1, 2] }]);
});

test("a link is refused for a text that none can write again, with the reason", () => {
  const root = openPage();
  const microscope = {};
  new ShareView(root, { microscope });
  const told = (shown) => {
    microscope.shown = shown;
    click(root.querySelector("#link"));
    return root.querySelector("#shared").textContent;
  };
  assert.equal(told(undefined), "There is no text yet.");
  const options = { temperature: 1 };
  assert.match(told({ options, branches: [] }), /^The model of this text was trained here/);
  const adapted = { ...options, adapters: { tuned: 1 } };
  assert.match(told({ options: adapted, branches: [] }), /written with an adapter, which a link cannot name/);
});

test("the model of a link is known by its hash, wherever it came from, or else by its name", async () => {
  const root = openPage();
  const written = [];
  const host = {
    microscope: { replay: async (_, { model }) => Boolean(written.push(model)) },
    catalogue: { choose: () => undefined },
    show() {},
    async write(work) {
      await work({});
      return true;
    },
  };
  const view = new ShareView(root, host);
  const opens = async (origin, model, sha256) => {
    host.origin = origin;
    globalThis.location = { hash: `#${toFragment(describe({ ...TEXT, model, sha256 }))}` };
    await view.read();
    delete globalThis.location;
    return written.splice(0).join() === model;
  };
  const [url, one, other] = ["https://a.example/b.gguf", "1".repeat(64), "2".repeat(64)];
  for (const [origin, model, sha256, expected] of [
    [{ key: "stories" }, "stories", undefined, true],
    [{ key: "stories" }, "sample", undefined, false],
    [{ key: url, sha256: one }, url, one, true],
    [{ key: url, sha256: one }, url, other, false], // another file is there now
    [{ key: url, sha256: one }, url, undefined, true],
    [{ key: url }, url, one, true],
    [{ key: "sample", sha256: one }, "mine.gguf", one, true],
    [{ key: url }, "mine.gguf", one, false],
    [undefined, url, one, false],
  ]) {
    assert.equal(await opens(origin, model, sha256), expected, `${origin?.key} ${model} ${sha256}`);
  }
  const told = () => root.querySelector("#shared").textContent;
  assert.match(told(), new RegExp(`a text by ${url} .SHA-256 ${one}.: load it`));
  assert.equal(root.querySelector("#url").value, url);
  const own = root.querySelector("#own-model");
  assert.ok(own.open);
  own.open = false;
  await opens({ key: "stories" }, "mine.gguf", one);
  assert.match(told(), /a text by the file mine\.gguf .SHA-256/);
  assert.ok(own.open);
  own.open = false;
  await opens({ key: "stories" }, "sample", undefined);
  assert.ok(!own.open, "the model has a button");
});
