// A server that passes on the served site, and misbehaves as it is told.

import http from "node:http";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { origin } from "./harness.mjs";

/** What is sent besides, so that nobody keeps a wrong answer. */
const PASSING = { "cache-control": "no-store" };

/** Ways to answer wrongly. Each gets the right answer and the response to write. */
export const faults = {
  /** As a hotel's network answers before one has signed in. */
  login: (_, response) => response.writeHead(200, { ...PASSING, "content-type": "text/html" }).end("<h1>Welcome! Please sign in</h1>"),
  error: (_, response) => response.writeHead(503, PASSING).end("overloaded"),
  /** Ends in the middle of what it announced. */
  drop: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING, "content-length": body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  },
  /** The same without having announced anything. */
  dropUnannounced: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  },
  /** Half, as if it were all. */
  short: ({ status, headers, body }, response) => response.writeHead(status, { ...headers, ...PASSING }).end(body.subarray(0, body.length / 2)),
  /** More than there is. */
  long: ({ status, headers, body }, response) => response.writeHead(status, { ...headers, ...PASSING }).end(Buffer.concat([body, body])),
  /** Half, and then nothing. */
  stall: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING, "content-length": body.length });
    response.write(body.subarray(0, body.length / 2));
  },
  /** Nothing at all. */
  silence: () => {},
  /** All of it, whatever was asked for. */
  noRanges: ({ headers, whole }, response) => {
    const { "content-range": _, "accept-ranges": __, ...rest } = headers;
    response.writeHead(200, rest).end(whole);
  },
  /** Compressed, whatever was asked for. */
  gzip: ({ headers, whole }, response) => {
    const { "content-range": _, ...rest } = headers;
    response.writeHead(200, { ...rest, "content-encoding": "gzip" }).end(gzipSync(whole));
  },
  /** Ranges of the compressed bytes, and less of them than was asked for. */
  gzipRanges: ({ headers, whole, range }, response) => {
    const { "content-range": _, ...rest } = headers;
    const all = gzipSync(whole);
    const [first, last] = range ?? [];
    const part = range ? all.subarray(first, Math.min(last + 1, first + 4096)) : all;
    const more = range ? { "content-range": `bytes ${first}-${first + part.length - 1}/${all.length}` } : {};
    response.writeHead(range ? 206 : 200, { ...rest, ...more, "content-encoding": "gzip", "content-length": part.length }).end(part);
  },
  /** Ranges, each compressed. */
  gzipEach: ({ status, headers, body }, response) => {
    const bytes = gzipSync(body);
    response.writeHead(status, { ...headers, "content-encoding": "gzip", "content-length": bytes.length }).end(bytes);
  },
};

/** The bounds of a request for a part. */
function rangeOf({ headers: { range } }) {
  const found = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
  return found && [Number(found[1]), Number(found[2])];
}

const known = new Map();

/** What the served site answers, whole. */
async function right(path) {
  if (!known.has(path)) {
    const response = await fetch(origin + path);
    const kept = ["content-type", "cross-origin-opener-policy"].filter((name) => response.headers.has(name));
    known.set(path, {
      status: response.status,
      headers: Object.fromEntries(kept.map((name) => [name, response.headers.get(name)])),
      whole: Buffer.from(await response.arrayBuffer()),
    });
  }
  return known.get(path);
}

/** Begins to serve on a port of its own. */
export async function serve() {
  const server = {
    /** By path: the fault of its answers. `*` is for every path that has none. */
    faults: {},
    /** By path: what is served there instead of the site's own file, a function of its bytes. */
    edits: {},
    /** By path: what is served there in truth. */
    aliases: {},
    /** Answers that are being written. */
    open: new Set(),
    /** Paths that were asked for, in order. */
    asked: [],
  };
  const listener = http.createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    server.asked.push(path);
    server.open.add(response);
    response.on("close", () => server.open.delete(response));
    const found = await right(server.aliases[path] ?? path);
    const whole = server.edits[path] ? Buffer.from(server.edits[path](found.whole)) : found.whole;
    const range = found.status === 200 ? rangeOf(request) : null;
    const [first, last] = range ?? [0, whole.length - 1];
    const there = first < whole.length;
    const body = whole.subarray(first, last + 1);
    const headers = { ...found.headers, "cache-control": "no-cache", "accept-ranges": "bytes" };
    // So that a page and the HTTP cache of its browser can tell builds apart.
    headers.etag = `"${createHash("sha256").update(whole).digest("hex").slice(0, 16)}"`;
    if (range && there) headers["content-range"] = `bytes ${first}-${first + body.length - 1}/${whole.length}`;
    const status = range ? (there ? 206 : 416) : found.status;
    const fault = server.faults[path] ?? server.faults["*"];
    if (fault) return fault({ status, headers, body, whole, range }, response);
    if (request.headers["if-none-match"] === headers.etag) return response.writeHead(304, headers).end();
    response.writeHead(status, { ...headers, "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  server.origin = `http://127.0.0.1:${listener.address().port}`;
  server.close = () => {
    listener.closeAllConnections();
    return new Promise((resolve) => listener.close(resolve));
  };
  return server;
}

/**
 * Makes a server's site another build: each of its `paths` gets `text` at its end. The service worker names the
 * files as the packaging crate would have.
 */
export async function build(server, paths, text) {
  const hashes = {};
  for (const path of paths) {
    const edit = (bytes) => Buffer.concat([bytes, Buffer.from(text)]);
    // Of this build, whatever is served there later.
    hashes[path.slice(1)] = `sha256-${createHash("sha256").update(edit((await right(path)).whole)).digest("base64")}`;
    server.edits[path] = edit;
  }
  server.edits["/sw.js"] = (bytes) => {
    const [code, json] = [String(bytes), /\{"build":.*\}\}/.exec(String(bytes))[0]];
    const named = JSON.parse(json);
    named.build += text;
    Object.assign(named.files, hashes);
    return code.replace(json, JSON.stringify(named));
  };
}
