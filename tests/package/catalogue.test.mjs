// The list of models by name: its form, and how names become addresses. Nothing is downloaded.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { catalogue } from "../../pkg/catalogue.js";
import { mayBeName, withNames } from "../../pkg/catalogue-option.js";
import { withStore } from "../../pkg/store-option.js";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The architectures of the README's table, which the crate's tests hold to the code. */
function supported() {
  const names = (row) => {
    const [, cell] = new RegExp(`^\\| ${row} \\| [^|]* \\| ([^|]*) \\|$`, "m").exec(read("README.md"));
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  };
  return [...names("architectures"), ...names("text encoders")];
}

test("there are about a dozen models, each known by one name, address and hash", () => {
  assert.ok(catalogue.length >= 8 && catalogue.length <= 20, String(catalogue.length));
  for (const key of ["name", "title", "url", "sha256"]) {
    assert.equal(new Set(catalogue.map((model) => model[key])).size, catalogue.length, key);
  }
});

for (const model of catalogue) {
  test(`${model.name} is told of in full, and of an architecture that loads`, () => {
    const { name, title, url, sha256, size, license, context_length, architecture, good_at } = model;
    assert.ok(mayBeName(name) && /^[a-z0-9.-]+$/.test(name), name);
    assert.match(url, /^https:\/\/huggingface\.co\/[\w.-]+\/[\w.-]+\/resolve\/main\/[\w.-]+\.gguf$/);
    assert.match(sha256, /^[0-9a-f]{64}$/);
    // What a tab can hold: the largest are 1.3 GB.
    assert.ok(Number.isInteger(size) && size > 1e6 && size < 1.3e9, String(size));
    assert.ok(Number.isInteger(context_length) && context_length >= 128, String(context_length));
    for (const text of [title, license, good_at]) assert.match(text, /\S/);
    assert.ok(supported().includes(architecture), architecture);
    assert.equal(Object.keys(model).length, 9);
  });
}

test("the models are in the order of their sizes, and the encoders come last", () => {
  const rank = ({ architecture, size }) => (architecture === "bert" ? 1e12 : 0) + size;
  assert.deepEqual(
    catalogue,
    catalogue.toSorted((one, other) => rank(one) - rank(other)),
  );
});

test("the page searches by the encoder of the catalogue", () => {
  const { url } = catalogue.find(({ architecture }) => architecture === "bert");
  assert.ok(read("www/search.js").includes(url));
});

const [{ name, url, sha256 }] = catalogue;
/** Gives what it is called with, as a load does that ends at once. */
const told = async (...args) => args;

test("a name becomes its address, and everything else stays what it is", async () => {
  const inspect = withNames(told);
  assert.deepEqual(await inspect(name, { timeout: 5 }), [url, { timeout: 5 }]);
  const bytes = new Uint8Array(8);
  const others = [`./${name}`, `${name}.gguf`, name.toUpperCase(), `models/${name}`, "nobody", "constructor", ""];
  for (const other of [...others, new URL(url), bytes, [name], undefined, 5]) {
    assert.deepEqual(await inspect(other), [other]);
    assert.deepEqual(await withStore(told)(other), [other, {}]);
  }
});

test("what is called on an object stays a call on it", async () => {
  const draft = {
    load: withNames(async function (source) {
      return [this, source];
    }),
  };
  assert.deepEqual(await draft.load(name), [draft, url]);
});

test("a load takes a name, and the options are as they were", async () => {
  const load = withStore(told);
  assert.deepEqual(await load(name), [url, {}]);
  assert.deepEqual(await load(name, { context_length: 512 }), [url, { context_length: 512 }]);
  await assert.rejects(load(name, { sha256 }), { code: "invalid_option", message: /set `store`, too/ });
});

test("with a store the hash of the catalogue is checked, unless the options give another", async () => {
  const { ModelStore, memoryBackend } = await import("../../pkg/store.js");
  const asked = [];
  class Noting extends ModelStore {
    open = async (source, options) => {
      asked.push([source, options.sha256]);
      return { source, settle: async () => {}, progress: (progress) => progress };
    };
  }
  const store = new Noting({ backend: memoryBackend() });
  const load = withStore(told);
  const other = "0".repeat(64);
  await load(name, { store });
  await load(name, { store, sha256: other });
  await load("model.gguf", { store });
  assert.deepEqual(asked, [
    [url, sha256],
    [url, other],
    ["model.gguf", undefined],
  ]);
});

test("a service worker is told to import the list", async () => {
  // A module of its own, to which no list has been offered.
  const { withNames } = await import("../../pkg/catalogue-option.js?alone");
  globalThis.ServiceWorkerGlobalScope = class {};
  try {
    await assert.rejects(withNames(told)(name), { code: "invalid_option", message: /import "nexttoken\/catalogue"/ });
    assert.deepEqual(await withNames(told)(`./${name}`), [`./${name}`]);
  } finally {
    delete globalThis.ServiceWorkerGlobalScope;
  }
});
