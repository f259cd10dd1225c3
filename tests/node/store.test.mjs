// The store of models on the disk, in Node: a program is killed in the middle of a download, and the next goes on.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Encoder, WorkerEncoder } from "../../pkg/encoder.js";
import { Generator, WorkerGenerator } from "../../pkg/index.js";
import { ModelStore, folderBackend, memoryBackend } from "../../pkg/store.js";
import { folderFor } from "../../pkg/store/entry.js";

const MODEL = await readFile(fileURLToPath(new URL("../../www/stories.gguf", import.meta.url)));
const ENCODER = await readFile(fileURLToPath(new URL("../data/encoder/tiny.q8_0.gguf", import.meta.url)));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** The files of the server, by their paths; what was asked of it; and after how many bytes of a file it falls silent. */
const files = {
  "/model.gguf": MODEL,
  "/encoder.gguf": ENCODER,
};
let asked = [];
let silentAfter = {};

const server = http.createServer((request, response) => {
  const file = files[request.url];
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  asked.push([request.url, start]);
  const body = file.subarray(start);
  const range = start ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : {};
  response.writeHead(start ? 206 : 200, { etag: `"${sha256(file).slice(0, 8)}"`, "content-length": body.length, ...range });
  const most = silentAfter[request.url];
  if (most === undefined) response.end(body);
  else response.write(body.subarray(0, most - start));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const folder = await mkdtemp(join(tmpdir(), "nexttoken-store-"));
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});
const address = (path) => `http://127.0.0.1:${server.address().port}${path}`;

/** A program that reads a model until it is killed. */
const READER = `
const { ModelStore, folderBackend } = await import(process.env.STORE);
const { source } = await new ModelStore({ backend: folderBackend(process.env.FOLDER) }).open(JSON.parse(process.env.SOURCE));
for await (const chunk of source.body) chunk;
`;

/** Kills such a program once at least so many bytes are on the disk. */
async function readAndDie(source, bytes) {
  const store = new ModelStore({ backend: folderBackend(folder) });
  const env = { ...process.env, STORE: new URL("../../pkg/store.js", import.meta.url).href, FOLDER: folder, SOURCE: JSON.stringify(source) };
  const child = spawn(process.execPath, ["--input-type=module", "-e", READER], { env, stdio: "inherit" });
  const exited = once(child, "exit");
  const stored = async () => (await store.list()).reduce((sum, { size }) => sum + size, 0);
  let gone = false;
  exited.then(() => (gone = true));
  while ((await stored()) < bytes && !gone) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill("SIGKILL");
  await exited;
}

test("a program that was killed goes on with its download, and what is kept is read without the server", async () => {
  for (const share of [0.1, 0.5, 0.99]) {
    const store = new ModelStore({ backend: folderBackend(folder) });
    await store.clear();
    const bytes = Math.floor(share * MODEL.length);
    asked = [];
    silentAfter = { "/model.gguf": bytes };
    // All but what may wait to be written.
    await readAndDie(address("/model.gguf"), bytes - 150_000);
    const [{ kept, size }] = await store.list();
    assert.equal(kept, false);
    assert.ok(size > bytes - 150_000 && size <= bytes, `${size} of ${bytes}`);

    silentAfter = {};
    const opened = await store.open(address("/model.gguf"), { sha256: sha256(MODEL) });
    const generator = await Generator.load(opened.source);
    await opened.settle();
    generator.free();
    assert.deepEqual(asked.at(-1), ["/model.gguf", size]);
    assert.ok(await store.has(address("/model.gguf")));

    asked = [];
    const again = await store.open(address("/model.gguf"));
    const whole = await new Response(again.source instanceof Blob ? again.source : (again.source.body ?? again.source)).arrayBuffer();
    await again.settle();
    assert.equal(sha256(Buffer.from(whole)), sha256(MODEL));
    assert.deepEqual(asked, []);
  }
});

// The store looks at how a file begins, and takes the parts in the order of their folders.
const [EARLY, LATE] = ["/one", "/two"].toSorted((one, other) => (folderFor(address(one)) < folderFor(address(other)) ? -1 : 1));
files[EARLY] = MODEL.subarray(0, 300_000);
files[LATE] = Buffer.concat([Buffer.from("GGUF"), MODEL.subarray(300_000)]);

test("of a model in parts, those that are there are kept, and the one that broke off goes on", async () => {
  const store = new ModelStore({ backend: folderBackend(folder) });
  await store.clear();
  const source = [address(LATE), address(EARLY)];
  asked = [];
  silentAfter = { [LATE]: 700_000 };
  await readAndDie(source, 300_000 + 700_000 - 150_000);
  silentAfter = {};
  asked = [];
  const opened = await store.open(source, { sha256: [sha256(files[LATE]), sha256(files[EARLY])] });
  const read = [];
  for (const part of opened.source) read.push(Buffer.from(await new Response(part instanceof Blob ? part : (part.body ?? part)).arrayBuffer()));
  await opened.settle();
  assert.deepEqual(read.map(sha256), [sha256(files[LATE]), sha256(files[EARLY])]);
  const again = asked.filter(([path]) => path === LATE).at(-1);
  assert.ok(again[1] > 700_000 - 150_000 && again[1] <= 700_000, JSON.stringify(asked));
  // Of one that is there, the last byte is asked for, to see whether it is still the same file.
  assert.ok(!asked.some(([path, start]) => path === EARLY && start < 299_999), JSON.stringify(asked));
  assert.deepEqual((await store.list()).map(({ kept }) => kept), [true, true]);
});

test("a kept model that the reader of another kind refuses stays, and one that is damaged does not", async () => {
  const backend = memoryBackend();
  const store = new ModelStore({ backend });
  const [model, encoder] = [address("/model.gguf"), address("/encoder.gguf")];
  const code = (kind, url) => kind.load(url, { store }).then(() => "none", (error) => error.code);
  silentAfter = {};
  // What never loaded is not kept.
  assert.equal(await code(Encoder, model), "unsupported_architecture");
  assert.deepEqual(await store.list(), []);

  (await Generator.load(model, { store })).free();
  (await Encoder.load(encoder, { store })).free();
  asked = [];
  for (const [kind, url] of [[Encoder, model], [WorkerEncoder, model], [Generator, encoder], [WorkerGenerator, encoder]]) {
    assert.equal(await code(kind, url), "unsupported_architecture", kind.name);
    assert.ok(await store.has(url), `${kind.name} removed ${url}`);
  }
  (await Generator.load(model, { store })).free();
  assert.deepEqual(asked, []);

  await backend.write(folderFor(encoder), "0", new Uint8Array((await backend.read(folderFor(encoder), "0")).size));
  assert.equal(await code(Encoder, encoder), "not_gguf");
  assert.equal(await store.has(encoder), false);
  assert.ok(await store.has(model));
});
