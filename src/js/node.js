// What Node, Deno and Bun have in place of what a browser has: files, and workers without `Worker`'s events. Their
// modules are not imported but asked for, so that bundlers for browsers do not look for them.

/**
 * A module of the runtime; undefined in a browser, and in a window of Electron, which is one.
 *
 * @param {string} name
 * @returns {any}
 */
export function builtin(name) {
  const { process } = /** @type {any} */ (globalThis);
  if (process?.type === "renderer" || process?.type === "worker") return undefined;
  return process?.getBuiltinModule?.(name);
}

/** The address of the folder that the process runs in. */
export function workingFolder() {
  const url = builtin("node:url");
  return url?.pathToFileURL(`${/** @type {any} */ (globalThis).process.cwd()}/`).href;
}

/**
 * The address of a file that is given by a path with a drive letter, which would be taken for an address itself.
 *
 * @param {string | URL} path
 * @returns {URL | undefined}
 */
export function fileUrl(path) {
  return typeof path === "string" && /^[a-z]:[\\/]/i.test(path) ? builtin("node:url")?.pathToFileURL(path) : undefined;
}

/**
 * The bytes of the file at a `file:` address, which Node's `fetch` does not read.
 *
 * @param {URL} url
 * @returns {Promise<Uint8Array> | undefined}
 */
export function readLocal(url) {
  return url.protocol === "file:" ? builtin("node:fs/promises")?.readFile(url) : undefined;
}

/**
 * A response with the file at a `file:` address; undefined for other addresses, and in a browser.
 *
 * @param {string | URL | Request} resource
 * @returns {Promise<Response | undefined>}
 */
export async function openLocal(resource) {
  const url = resource instanceof Request ? resource.url : String(resource);
  const files = url.startsWith("file:") ? builtin("node:fs") : undefined;
  if (!files) return undefined;
  // Says which file is missing; the next call does not, or too late.
  await files.promises.access(new URL(url));
  const blob = await files.openAsBlob(new URL(url));
  return new Response(blob, { headers: { "content-length": blob.size } });
}
