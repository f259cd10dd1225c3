// Text encoders in Node, on the main thread and in a worker, in both variants, on one thread and on several.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { NextTokenError } from "../../pkg/index.js";
import { bestVariant } from "../../pkg/features.js";
import { Encoder, WorkerEncoder } from "../../pkg/encoder.js";

const at = (/** @type {string} */ path) => new URL(`../../${path}`, import.meta.url);
const [TINY, CAUSAL] = [at("tests/data/encoder/tiny.q8_0.gguf"), at("www/stories.gguf")];
const json = async (/** @type {string} */ name) => JSON.parse(await readFile(at(`tests/data/encoder/${name}`), "utf8"));
const { sentences } = await json("reference.json");
/** What the native encoder gives, by file. */
const BITS = Object.entries(await json("bits.json"));

const code = (/** @type {() => unknown} */ call) => (async () => call())().then(() => "none", (error) => error.code);
const plain = (/** @type {Float32Array[]} */ vectors) => vectors.map((vector) => Array.from(vector));
const rounded = (/** @type {number[][]} */ vectors) => vectors.map((vector) => vector.map(Math.fround));
const truncate = { truncate: true };

for (const kind of [Encoder, WorkerEncoder]) {
  test(`embeddings are those of the native encoder to the bit: ${kind.name}`, async () => {
    for (const [file, expected] of BITS) {
      const encoder = await kind.load(at(`tests/data/encoder/${file}`));
      assert.deepEqual(plain(await encoder.embed(sentences, truncate)), rounded(expected), file);
      assert.deepEqual(plain(await encoder.embed(sentences[3])), rounded([expected[3]]), file);
      encoder.free();
    }
  });

  test(`options and errors: ${kind.name}`, async () => {
    const encoder = await kind.load(TINY);
    const [usual] = await encoder.embed("the cat");
    assert.ok(usual instanceof Float32Array);
    assert.deepEqual(await encoder.embed("the cat", { pooling: "mean", normalize: true }), [usual]);
    const [raw] = await encoder.embed("the cat", { normalize: false });
    const length = Math.hypot(...raw);
    assert.ok(Math.abs(length - 1) > 0.01 && raw.every((x, i) => Math.abs(x / length - usual[i]) < 1e-6));
    assert.notDeepEqual(await encoder.embed("the cat", { pooling: "cls" }), [usual]);
    assert.deepEqual(await encoder.embed([]), []);

    const long = "cat ".repeat(1000);
    assert.equal(await code(() => encoder.embed(["cat", long])), "prompt_too_long");
    assert.deepEqual(await encoder.embed(long, truncate), await encoder.embed("cat ".repeat(62)));
    assert.equal(await code(() => encoder.embed(5)), "invalid_option");
    assert.equal(await code(() => encoder.embed(["cat", 5])), "invalid_option");
    assert.equal(await code(() => encoder.embed("cat", { pooling: "rank" })), "invalid_option");
    assert.equal(await code(() => encoder.embed("cat", { normalize: 1 })), "invalid_option");
    assert.equal(await code(() => encoder.embed("cat", { size: 5 })), "unknown_option");
    // After all of these it works as before.
    assert.deepEqual(await encoder.embed("the cat"), [usual]);

    encoder.free();
    assert.equal(await code(() => encoder.embed("the cat")), "freed");
    assert.equal(await code(() => encoder.info()), "freed");
  });

  test(`what is no encoder is refused, and the next one loads: ${kind.name}`, async () => {
    const error = await kind.load(CAUSAL).catch((/** @type {unknown} */ error) => error);
    assert.ok(error instanceof NextTokenError);
    assert.equal(error.code, "unsupported_architecture");
    const bytes = await readFile(TINY);
    assert.equal(await code(() => kind.load(bytes.subarray(0, 3000))), "truncated");
    assert.equal(await code(() => kind.load(new Uint8Array(100))), "not_gguf");
    assert.equal(await code(() => kind.load([bytes])), "invalid_option");
    assert.equal(await code(() => kind.load(5)), "invalid_option");
    assert.equal(await code(() => kind.load(bytes, { context_length: 5 })), "unknown_option");
    assert.equal(await code(() => kind.load(bytes, { threads: 0 })), "invalid_option");
    assert.equal(await code(() => kind.load(bytes, { sha256: "00" })), "invalid_option");
    assert.equal(await code(() => kind.load(bytes, { signal: AbortSignal.abort() })), "aborted");
    assert.equal(await code(() => kind.load(at("tests/data/encoder/none.gguf"))), "io");
    assert.equal(await code(() => new WorkerEncoder(/** @type {any} */ (5))), "invalid_option");

    /** @type {{ loaded: number, total: number | undefined }[]} */
    const seen = [];
    const sources = [bytes, new Blob([bytes]), new Response(bytes), new Blob([bytes]).stream(), fileURLToPath(TINY)];
    for (const source of sources) {
      const encoder = await kind.load(source, { onProgress: (progress) => seen.push(progress) });
      assert.equal((await encoder.embed("the cat")).length, 1);
      assert.deepEqual(seen.at(-1), { loaded: bytes.length, total: bytes.length });
      encoder.free();
    }
  });

  test(`info: ${kind.name}`, async () => {
    const encoder = await kind.load(TINY);
    const { architecture, dimensions, context_length, pooling, layers, heads, file_size } = await encoder.info();
    const told = { architecture, dimensions, context_length, pooling, layers, heads, file_size };
    const size = (await readFile(TINY)).length;
    assert.deepEqual(told, {
      architecture: "bert",
      dimensions: 32,
      context_length: 64,
      pooling: "mean",
      layers: 2,
      heads: 4,
      file_size: size,
    });
    encoder.free();
  });
}

test("a causal model's generator refuses an encoder, and its own vectors can be cut", async () => {
  const { Generator } = await import("../../pkg/index.js");
  assert.equal(await code(() => Generator.load(TINY)), "unsupported_architecture");
  const generator = await Generator.load(CAUSAL);
  const long = "The cat slept. ".repeat(2000);
  assert.equal(await code(() => generator.embed(long)), "prompt_too_long");
  assert.equal((await generator.embed(long, truncate)).length, 1);
  generator.free();
});

/**
 * The embeddings in a process's thread of its own, where a module is started anew.
 *
 * @param {object} options those of `init`
 */
const elsewhere = (options) =>
  new Promise((resolve, reject) => {
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.module).then(async ({ default: init, Encoder }) => {
        const { variant } = await init(workerData.options);
        const encoder = await Encoder.load(new URL(workerData.tiny));
        const { backend, threads } = encoder.info();
        const vectors = encoder.embed(workerData.sentences, { truncate: true });
        parentPort.postMessage({ variant, backend, threads, vectors });
        process.exit();
      });`;
    const workerData = { module: at("pkg/encoder.js").href, tiny: TINY.href, sentences, options };
    const worker = new Worker(code, { eval: true, workerData });
    worker.on("message", resolve);
    worker.on("error", reject);
  });

test("every variant gives the same bits, on one thread and on several", async () => {
  const expected = rounded(/** @type {any} */ (BITS.find(([file]) => TINY.href.endsWith(file)))[1]);
  // Older versions of Node have no relaxed SIMD; browsers that have it are tested, too.
  const variants = new Set(["simd128", bestVariant()]);
  for (const variant of variants) {
    for (const threads of [1, 3]) {
      const found = await elsewhere({ variant, threads });
      assert.deepEqual([found.variant, found.threads], [variant, threads]);
      assert.deepEqual(plain(found.vectors), expected, `${variant}, ${threads}`);
      assert.ok(found.backend.startsWith(variant), found.backend);
    }
  }
});
