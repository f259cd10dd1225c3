// A plain static server, as a web host is: no special headers but those that an environment asks for.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * The file that an address means, or undefined where there is none. `mounts` are pairs of an address and the file or
 * folder that lies there; the first that fits counts.
 */
function fileOf(pathname, mounts) {
  for (const [address, path] of mounts) {
    if (!pathname.startsWith(address)) continue;
    const file = join(path, normalize(pathname.slice(address.length)));
    for (const candidate of [file, join(file, "index.html")]) {
      if (statSync(candidate, { throwIfNoEntry: false })?.isFile()) return candidate;
    }
  }
  return undefined;
}

/** Serves `mounts` on a port of 127.0.0.1; resolves to the server. */
export async function serve(port, mounts, headers = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = fileOf(decodeURIComponent(pathname), mounts);
    if (!file) return response.writeHead(pathname.endsWith("/favicon.ico") ? 204 : 404, headers).end();
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": statSync(file).size, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}
