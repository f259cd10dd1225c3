// The first call of a worker, without a worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { callWithSource } from "../../src/js/call-with-source.js";

/** A stream of one chunk that tells what cancelled it. */
function stream() {
  const told = { cancelled: false };
  const source = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(4)),
    cancel: () => void (told.cancelled = true),
  });
  return { source, told };
}

/** A connection whose call gives `answer`, and which tells what ended it. */
function connection(answer) {
  const told = { ended: [] };
  return { told, end: (error) => told.ended.push(error.code), call: async () => answer() };
}

const call = (connect, source) =>
  callWithSource({ name: "engine", connect }, "load", source, {}, ["onProgress", "signal"]);

test("a stream is cancelled where no worker can be made for it", async () => {
  const { source, told } = stream();
  const connect = () => {
    throw new Error("no worker here");
  };
  await assert.rejects(call(connect, source), /no worker here/);
  assert.equal(told.cancelled, true);
});

test("a worker that fails is ended, and one that answers is not", async () => {
  const failing = stream();
  const broken = connection(() => Promise.reject(new Error("it is no model")));
  await assert.rejects(
    call(() => broken, failing.source),
    /it is no model/,
  );
  assert.deepEqual(broken.told.ended, ["freed"]);
  assert.equal(failing.told.cancelled, true);

  const { source, told } = stream();
  const sound = connection(() => "a model");
  assert.deepEqual(await call(() => sound, source), { connection: sound, answer: "a model" });
  assert.deepEqual(sound.told.ended, []);
  assert.equal(told.cancelled, true);
});
