// What the device does not take of a model, and the page holds instead.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBackend } from "../../pkg/store/backends.js";
import { Overflow } from "../../pkg/store/overflow.js";

const RECORD = "about.json";
const read = async (files, ...path) => (await files.read(...path))?.text();

/** A device that takes so many writes, and then is full. */
function fullAfter(writes) {
  const device = memoryBackend();
  const full = new DOMException("full", "QuotaExceededError");
  const write = async (...file) => {
    if (writes-- <= 0) throw full;
    await device.write(...file);
  };
  return { device: { ...device, write }, full, makeRoom: () => (writes = Infinity) };
}

test("what does not fit is read from memory, and stored once there is room", async () => {
  const { device, full, makeRoom } = fullAfter(2);
  const files = new Overflow(device);
  await files.write("model", "0", "first");
  await files.write("model", RECORD, "one");
  assert.equal(files.missing("model"), undefined);
  await files.write("model", "1", "second");
  await files.write("model", RECORD, "two");
  assert.equal(files.missing("model").cause, full);
  const all = async () => [await read(files, "model", "0"), await read(files, "model", "1"), await read(files, "model", RECORD)];
  assert.deepEqual(await all(), ["first", "second", "two"]);
  assert.deepEqual([await read(device, "model", "1"), await read(device, "model", RECORD)], [undefined, "one"]);
  await files.save("model");
  assert.equal(files.missing("model").cause, full);
  makeRoom();
  await files.save("model");
  assert.equal(files.missing("model"), undefined);
  assert.deepEqual([await read(device, "model", "1"), await read(device, "model", RECORD)], ["second", "two"]);
});

test("what another page has gone on with is not mixed with what this one holds", async () => {
  const { device, makeRoom } = fullAfter(2);
  const files = new Overflow(device);
  await files.write("model", "0", "first");
  await files.write("model", RECORD, "one");
  await files.write("model", "1", "second");
  await files.write("model", RECORD, "two");
  makeRoom();
  await device.write("model", "0", "another");
  await device.write("model", RECORD, "other");
  assert.equal(await read(files, "model", RECORD), "other");
  assert.deepEqual([await read(files, "model", "0"), await read(files, "model", "1")], ["another", undefined]);
  assert.equal(files.missing("model"), undefined);
});

test("of what is too large for memory nothing is held", async () => {
  const { device, full } = fullAfter(0);
  const bytes = new Uint8Array(100);
  for (const [backend, refusal] of [[device, (error) => error === full], [undefined, /does not store anything/]]) {
    const files = new Overflow(backend, 1000);
    files.expect("large", 1001);
    await assert.rejects(files.write("large", "0", bytes), refusal);
    assert.equal(await files.read("large", "0"), undefined);
    files.expect("small", 900);
    await files.write("small", "0", bytes);
    assert.equal((await files.read("small", "0")).size, 100);
    // Where the size is not known, what comes is counted.
    files.expect("unknown", undefined);
    await assert.rejects(async () => {
      for (let index = 0; index < 10; index += 1) await files.write("unknown", String(index), bytes);
    }, refusal);
    assert.equal(await files.read("unknown", "0"), undefined);
    assert.deepEqual(await files.folders(), ["small"]);
    await files.remove("small");
    assert.deepEqual(await files.folders(), []);
  }
});
