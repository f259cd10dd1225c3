// Whether a download is faster in several ranges at once, where each connection has a limit of its own: over HTTP/1.1,
// and over HTTP/2, where a browser sends all requests to a server over one connection.
//
//     node benches/browser/ranges.mjs
//
// CHROMIUM names the browser. It needs `openssl`, and the packages of tests/browser.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http2 from "node:http2";
import https from "node:https";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";

const { chromium } = createRequire(join(import.meta.dirname, "../../tests/browser/package.json"))("playwright-core");

const SIZE = 24 << 20;
const RANGES = 3;
/** What each connection carries at most, in bytes per millisecond. */
const RATE = 4000;
const body = Buffer.alloc(SIZE, 1);

/** A key and a certificate of its own, which the browser is told to take. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "nexttoken-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const about = ["-subj", "/CN=localhost", "-days", "1", "-nodes", "-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...about], { stdio: "ignore" });
  const read = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return read;
}

/** A buffer in pieces. */
function* pieces(bytes) {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

/** Answers with the body, or the range of it that was asked for. */
function answer(request, response) {
  if (request.url !== "/file") return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [undefined, 0, SIZE - 1];
  const part = body.subarray(Number(first), Number(last) + 1);
  const range = request.headers.range ? { "content-range": `bytes ${first}-${last}/${SIZE}` } : {};
  response.writeHead(range["content-range"] ? 206 : 200, { "content-length": part.length, "cache-control": "no-store", ...range });
  Readable.from(pieces(part)).pipe(response);
}

const listening = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/** Forwards what a server sends, no faster than the limit. */
async function forward(server, client) {
  let free = 0;
  for await (const bytes of server) {
    free = Math.max(free, performance.now()) + bytes.length / RATE;
    await setTimeout(free - performance.now());
    client.write(bytes);
  }
}

/** A server that forwards connections to a port, each with a limit of its own. */
function limited(port) {
  return net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    client.pipe(server);
    client.on("error", () => server.destroy());
    forward(server, client)
      .catch(() => {})
      .finally(() => client.destroy());
  });
}

/** In the page: how many seconds the file takes in so many ranges at once. */
async function download({ ranges, size }) {
  const began = performance.now();
  const part = size / ranges;
  const load = async (_, index) => {
    const range = `bytes=${index * part}-${(index + 1) * part - 1}`;
    return (await (await fetch("/file", { cache: "no-store", headers: ranges > 1 ? { range } : {} })).arrayBuffer()).byteLength;
  };
  const lengths = await Promise.all(Array.from({ length: ranges }, load));
  if (lengths.reduce((sum, length) => sum + length) !== size) throw new Error(`${lengths} of ${size} bytes`);
  return (performance.now() - began) / 1000;
}

const keys = certificate();
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "chromium", args });
for (const [name, server] of [
  ["HTTP/1.1", https.createServer(keys, answer)],
  ["HTTP/2", http2.createSecureServer(keys, answer)],
]) {
  const proxy = limited(await listening(server));
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(`https://localhost:${await listening(proxy)}/`);
  for (const ranges of [1, RANGES]) {
    const seconds = await page.evaluate(download, { ranges, size: SIZE });
    console.log(`${name}, ${ranges} at once: ${seconds.toFixed(1)} s`);
  }
  await page.close();
  proxy.close();
  server.close();
}
await browser.close();
process.exit();
