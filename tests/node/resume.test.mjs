// Downloads whose connection drops.

import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { resumingFetch } from "../../pkg/resume.js";

const FILE = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) >> 3));
/** What the server does with a request, and the ranges it was asked for. */
let behaviour;
let asked = [];

const server = http.createServer((request, response) => {
  asked.push(request.headers.range);
  behaviour(request, response, asked.length);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());
const url = `http://127.0.0.1:${server.address().port}/`;

/**
 * Sends the file, or the range that is asked for, and drops the connection after so many bytes.
 *
 * @param {{ ranges?: boolean, upTo?: number, headers?: Record<string, string>, file?: Buffer, length?: boolean }} how
 */
function send(request, response, { ranges = true, upTo, headers = { etag: '"1"' }, file = FILE, length = true }) {
  const start = ranges && request.headers.range ? Number(/^bytes=(\d+)-$/.exec(request.headers.range)[1]) : 0;
  const body = file.subarray(start);
  const range = start ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : {};
  response.writeHead(start ? 206 : 200, { ...headers, ...range, ...(length ? { "content-length": body.length } : {}) });
  if (upTo === undefined) response.end(body);
  // After a moment, so that the bytes arrive before the connection is gone.
  else response.write(body.subarray(0, upTo), () => setTimeout(() => response.destroy(), 50));
}

async function download(init = {}) {
  asked = [];
  const response = await resumingFetch(url, init);
  return Buffer.from(await response.arrayBuffer());
}

const whole = async (init) => assert.ok((await download(init)).equals(FILE));

test("goes on by range, as often as bytes came", async () => {
  behaviour = (request, response, turn) => send(request, response, { upTo: turn < 6 ? 15_000 : undefined });
  await whole();
  assert.deepEqual(asked, [undefined, ...[1, 2, 3, 4, 5].map((turn) => `bytes=${15_000 * turn}-`)]);
});

test("goes on with a server that forgets ranges, and with one that does not tell the length", async () => {
  behaviour = (request, response, turn) => send(request, response, { ranges: false, upTo: [40_000, 20_000, 70_000][turn - 1] });
  await whole();
  assert.equal(asked.length, 4);
  behaviour = (request, response, turn) => send(request, response, { length: false, upTo: turn === 1 ? 40_000 : undefined });
  await whole();
});

test("goes on after an error of the server, and after a date instead of a tag", async () => {
  behaviour = (request, response, turn) => {
    if (turn === 2) return response.writeHead(503).end("overloaded");
    send(request, response, { headers: { "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" }, upTo: turn === 1 ? 1 : undefined });
  };
  await whole();
  assert.deepEqual(asked, [undefined, "bytes=1-", "bytes=1-"]);
});

test("does not mix a file with another", async () => {
  for (const ranges of [true, false]) {
    behaviour = (request, response, turn) =>
      turn === 1 ? send(request, response, { upTo: 40_000 }) : send(request, response, { ranges, headers: { etag: '"2"' } });
    await assert.rejects(download());
    assert.equal(asked.length, 2);
  }
  // Nothing tells whether it is the same.
  for (const headers of [{}, { etag: 'W/"1"' }]) {
    behaviour = (request, response) => send(request, response, { headers, upTo: 40_000 });
    await assert.rejects(download());
    assert.equal(asked.length, 1);
  }
});

test("gives up where nothing comes any more, and when it is aborted", async () => {
  behaviour = (request, response, turn) => (turn === 1 ? send(request, response, { upTo: 40_000 }) : response.destroy());
  await assert.rejects(download());
  assert.equal(asked.length, 4);
  const abort = new AbortController();
  behaviour = (request, response) => {
    send(request, response, { upTo: 40_000 });
    setTimeout(() => abort.abort(), 20);
  };
  await assert.rejects(download({ signal: abort.signal }), { name: "AbortError" });
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(asked.length, 1);
});

test("sends what was asked with the request again, and leaves ranges and hashes alone", async () => {
  let seen = [];
  behaviour = (request, response, turn) => {
    seen.push(request.headers.authorization);
    send(request, response, { upTo: turn === 1 ? 40_000 : undefined });
  };
  const request = new Request(url, { headers: { authorization: "Bearer me" } });
  asked = [];
  const body = await (await resumingFetch(request, {})).arrayBuffer();
  assert.ok(Buffer.from(body).equals(FILE));
  assert.deepEqual(seen, ["Bearer me", "Bearer me"]);
  asked = [];
  const part = await resumingFetch(new Request(url, { headers: { range: "bytes=10-" } }), {});
  await assert.rejects(part.arrayBuffer());
  assert.equal(asked.length, 1);
});
