// A server that forwards the served site, and misbehaves as a test asks.

import http from "node:http";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { origin } from "./harness.mjs";

/** The headers that keep a wrong response out of caches. */
const PASSING = { "cache-control": "no-store" };

/** Faults. Each function gets the right response and the response to write. */
export const faults = {
  /** A login page, like that of a hotel's network. */
  login: (_, response) => response.writeHead(200, { ...PASSING, "content-type": "text/html" }).end("<h1>Welcome! Please sign in</h1>"),
  error: (_, response) => response.writeHead(503, PASSING).end("overloaded"),
  /** Closes the connection in the middle of the announced length. */
  drop: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING, "content-length": body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  },
  /** The same without an announced length. */
  dropUnannounced: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  },
  /** Half of the body, as if it were all. */
  short: ({ status, headers, body }, response) => response.writeHead(status, { ...headers, ...PASSING }).end(body.subarray(0, body.length / 2)),
  /** More than the file has. */
  long: ({ status, headers, body }, response) => response.writeHead(status, { ...headers, ...PASSING }).end(Buffer.concat([body, body])),
  /** Half of the body, and then nothing. */
  stall: ({ status, headers, body }, response) => {
    response.writeHead(status, { ...headers, ...PASSING, "content-length": body.length });
    response.write(body.subarray(0, body.length / 2));
  },
  /** The bytes before `end` in the file, a piece at a time, and then nothing. */
  until: (end) => paced(end, () => {}),
  /** The whole file, a piece at a time. */
  slow: paced(Infinity, (response) => response.end()),
  /** No response at all. */
  silence: () => {},
  /** The whole file, whatever range was requested. */
  noRanges: ({ headers, whole }, response) => {
    const { "content-range": _, "accept-ranges": __, ...rest } = headers;
    response.writeHead(200, rest).end(whole);
  },
  /** The whole file compressed, whatever range was requested. */
  gzip: ({ headers, whole }, response) => {
    const { "content-range": _, ...rest } = headers;
    response.writeHead(200, { ...rest, "content-encoding": "gzip" }).end(gzipSync(whole));
  },
  /** Ranges of the compressed bytes, and shorter ones than requested. */
  gzipRanges: ({ headers, whole, range }, response) => {
    const { "content-range": _, ...rest } = headers;
    const all = gzipSync(whole);
    const [first, last] = range ?? [];
    const part = range ? all.subarray(first, Math.min(last + 1, first + 4096)) : all;
    const more = range ? { "content-range": `bytes ${first}-${first + part.length - 1}/${all.length}` } : {};
    response.writeHead(range ? 206 : 200, { ...rest, ...more, "content-encoding": "gzip", "content-length": part.length }).end(part);
  },
  /** Ranges of the file, each compressed. */
  gzipEach: ({ status, headers, body }, response) => {
    const bytes = gzipSync(body);
    response.writeHead(status, { ...headers, "content-encoding": "gzip", "content-length": bytes.length }).end(bytes);
  },
};

/** Sends a file up to a byte of it, a piece every few milliseconds, and then does `last`. */
function paced(end, last) {
  return async ({ status, headers, body, range, answer }, response) => {
    response.writeHead(status, { ...headers, ...PASSING, "content-length": body.length });
    const sent = body.subarray(0, Math.max(0, end - (range?.[0] ?? 0)));
    for (let at = 0; at < sent.length && !response.destroyed; at += 16_384) {
      const piece = sent.subarray(at, at + 16_384);
      response.write(piece);
      answer.sent += piece.length;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    last(response);
  };
}

/** The bounds of a range request. */
function rangeOf({ headers: { range } }) {
  const found = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  return found && [Number(found[1]), found[2] ? Number(found[2]) : Infinity];
}

const known = new Map();

/** The headers that make a page cross-origin isolated. */
const ISOLATING = ["cross-origin-opener-policy", "cross-origin-embedder-policy"];

/** The response of the served site, with the whole file. */
async function right(path) {
  if (!known.has(path)) {
    const response = await fetch(origin + path);
    const kept = ["content-type", ...ISOLATING].filter((name) => response.headers.has(name));
    known.set(path, {
      status: response.status,
      headers: Object.fromEntries(kept.map((name) => [name, response.headers.get(name)])),
      whole: Buffer.from(await response.arrayBuffer()),
    });
  }
  return known.get(path);
}

/** The headers of a response without those that make a page isolated, as of a host where no header can be set. */
const plain = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !ISOLATING.includes(name)));

/** Starts a server on a port of its own. Its pages are isolated as those of the served site are, or never. */
export async function serve({ isolated = true } = {}) {
  const server = {
    /** The faults by path; `*` is for all other paths. */
    faults: {},
    /** Changes by path: functions from the bytes of the site's file to those that are served. */
    edits: {},
    /** By path: another path whose file is served there. */
    aliases: {},
    /** The responses that are not complete. */
    open: new Set(),
    /** The paths that were requested, in order. */
    asked: [],
    /** By path: what the server says of the version of the file, as headers, instead of a strong ETag. */
    versions: {},
    /** What was answered by path: two header fields of the request, the status, and the bytes that were sent. */
    answers: {},
  };
  const listener = http.createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    server.asked.push(path);
    server.open.add(response);
    response.on("close", () => server.open.delete(response));
    const found = await right(server.aliases[path] ?? path);
    const whole = server.edits[path] ? Buffer.from(server.edits[path](found.whole)) : found.whole;
    // Tells the builds apart for the page and the browser's HTTP cache.
    const etag = `"${createHash("sha256").update(whole).digest("hex").slice(0, 16)}"`;
    const version = server.versions[path] ?? { etag };
    const outdated = (request.headers["if-range"] ?? version.etag) !== version.etag;
    const range = found.status === 200 && !outdated ? rangeOf(request) : null;
    const [first, last] = range ?? [0, whole.length - 1];
    const there = first < whole.length;
    const body = whole.subarray(first, last + 1);
    const kept = isolated ? found.headers : plain(found.headers);
    const headers = { ...kept, "cache-control": "no-cache", "accept-ranges": "bytes", ...version };
    if (range && there) headers["content-range"] = `bytes ${first}-${first + body.length - 1}/${whole.length}`;
    const status = range ? (there ? 206 : 416) : found.status;
    const { range: asked, "if-range": condition } = request.headers;
    const answer = { asked, condition, status, sent: 0 };
    (server.answers[path] ??= []).push(answer);
    const fault = server.faults[path] ?? server.faults["*"];
    if (fault) return fault({ status, headers, body, whole, range, answer }, response);
    if (headers.etag && request.headers["if-none-match"] === headers.etag) return response.writeHead(304, headers).end();
    response.writeHead(status, { ...headers, "content-length": body.length });
    if (request.method === "HEAD") return response.end();
    answer.sent = body.length;
    response.end(body);
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
 * Makes the site of a server another build: `text` is appended to each of its `paths`, and the service worker lists
 * their hashes, as the packaging crate writes them.
 */
export async function build(server, paths, text) {
  const hashes = {};
  for (const path of paths) {
    const edit = (bytes) => Buffer.concat([bytes, Buffer.from(text)]);
    // The hash is that of this build, whatever is served there later.
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
