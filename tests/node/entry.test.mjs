// The files of the store while they are written.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBackend } from "../../pkg/store/backends.js";
import { Entry, recordIn } from "../../pkg/store/entry.js";

const MODEL = Buffer.concat([Buffer.from("GGUF"), Buffer.from(Array.from({ length: 600_000 }, (_, i) => (i * 7919) >> 5))]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A backend on a slow disk; the first write of all is the slowest. */
function slowBackend() {
  const backend = memoryBackend();
  let writes = 0;
  return {
    ...backend,
    async write(...file) {
      await pause(writes++ === 0 ? 40 : 5);
      await backend.write(...file);
    },
  };
}

async function stored(backend) {
  const pieces = [];
  for await (const piece of new Entry(backend, "model", await recordIn(backend, "model")).pieces()) pieces.push(piece);
  return Buffer.concat(pieces);
}

test("whoever goes on with a file that was left finds what was written, in its order", async () => {
  for (const left of [0, 10, 30, 45, 60]) {
    const backend = slowBackend();
    const entry = new Entry(backend, "model", { url: "https://a/b", segments: [], kept: false, used: 0 });
    entry.restart({});
    const taken = entry.append(MODEL);
    await pause(left);
    await entry.close();
    const before = await stored(backend);
    assert.ok(before.length > 0 && before.equals(MODEL.subarray(0, before.length)), `left after ${left} ms`);
    // What comes late is not written: the file is another's now.
    await taken;
    await entry.append(MODEL);
    await pause(50);
    assert.equal((await stored(backend)).length, before.length);
  }
});

test("what is written while more is taken is written once", async () => {
  const backend = slowBackend();
  const entry = new Entry(backend, "model", { url: "https://a/b", segments: [], kept: false, used: 0 });
  entry.restart({});
  await Promise.all([entry.append(MODEL), entry.flush(), pause(20).then(() => entry.flush())]);
  await entry.keep(MODEL.length);
  assert.ok((await stored(backend)).equals(MODEL));
});
