// Long runs: texts that exceed their context again and again, and many loads, forks and errors. A text is the same in
// two runs, and the module's memory does not grow.
//
// NEXTTOKEN_SOAK=1 makes the runs long: 60,000 tokens twice, and 200 loads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, open, PLAIN } from "./harness.mjs";

const long = Boolean(process.env.NEXTTOKEN_SOAK);

/**
 * In the page: generates `tokens` tokens, `texts` times. Returns of each run a hash of their ids, and the size of the memory
 * in the middle and at the end.
 */
async function write({ texts, tokens }) {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const { default: exports } = await import("/pkg/nexttoken.js");
  const { memory } = await exports();
  const generator = await Generator.load("/stories.gguf");
  // Without this token no story ends.
  const banned_tokens = generator.tokenize("<|endoftext|>", { special: true });
  const runs = [];
  // Guessed tokens are run together, as many as the measured time says: what memory that takes differs from run to run.
  const options = { seed: 11, context_shift: true, max_tokens: tokens, banned_tokens, speculation: false };
  while (runs.length < texts) {
    generator.start("Once upon a time", options);
    // The hash FNV-1a.
    let hash = 0x811c9dc5;
    let count = 0;
    let half;
    for (const { id } of generator) {
      hash = Math.imul(hash ^ id, 0x01000193) >>> 0;
      count += 1;
      if (count === tokens / 2) half = memory.buffer.byteLength;
    }
    runs.push({ hash, count, reason: generator.finish_reason, half, end: memory.buffer.byteLength });
  }
  generator.free();
  return runs;
}

/** In the page: loads, forks and fails `rounds` times. Returns the size of the module's memory after each round. */
async function reload({ rounds }) {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const { default: exports } = await import("/pkg/nexttoken.js");
  const { memory } = await exports();
  const file = await (await fetch("/stories.gguf")).blob();
  const broken = [file.slice(0, 500_000), file.slice(9), new Blob([])];
  const sizes = [];
  const ids = new Set();
  for (let round = 0; round < rounds; round += 1) {
    const generator = await Generator.load(file);
    const code = await Generator.load(broken[round % broken.length]).catch(({ code }) => code);
    if (typeof code !== "string") throw new Error("a broken file was loaded");
    generator.start("Once upon a time", { seed: 1, max_tokens: 10 });
    generator.next_token();
    const forks = [generator.fork(), generator.fork()];
    for (const one of [generator, ...forks]) {
      for (const wrong of [{ top_p: 2 }, { typo: 1 }, { stop: [{}] }, { get top_k() { throw 1; } }]) {
        try {
          one.configure(wrong);
          throw new Error("it was accepted");
        } catch ({ code }) {
          if (!/option$/.test(code)) throw new Error(`another error: ${code}`);
        }
      }
      while (one.next_token());
      ids.add(String(one.ids));
      one.free();
    }
    sizes.push(memory.buffer.byteLength);
  }
  return { sizes, texts: ids.size };
}

// The allocator takes memory in pages of 64 KiB. The first text finds it in order, later ones in what earlier ones left
// free, where at one time or another a list no longer fits: one page is added once, and then no more in 150 texts.
const PAGE = 65_536;

test("a long text is the same each time, in the same memory", async () => {
  const { page, close } = await open(PLAIN);
  const tokens = long ? 60_000 : can("time") ? 6_000 : 2_000;
  const runs = await page.evaluate(write, { texts: long ? 2 : 5, tokens });
  const [first, ...later] = runs;
  assert.deepEqual([first.count, first.reason], [tokens, "length"]);
  for (const { hash } of later) assert.equal(hash, first.hash);
  // Each token adds its id, its text and the state of the sampler before it to lists that grow by doubling.
  assert.ok(first.end - first.half <= 100 * tokens, `${first.half} bytes, then ${first.end}`);
  // A leak of nine bytes a token would take more than one page in the later texts.
  const sizes = runs.map(({ end }) => end);
  assert.ok(sizes.at(-1) - first.end <= PAGE, `bytes after each text: ${sizes}`);
  await close();
});

test("loads, forks and errors give back what they took", async () => {
  const { page, close } = await open(PLAIN);
  const rounds = long ? 200 : can("time") ? 40 : 15;
  const { sizes, texts } = await page.evaluate(reload, { rounds });
  assert.equal(texts, 1);
  assert.equal(sizes.at(-1), sizes[9], `bytes after each round: ${sizes}`);
  await close();
});
