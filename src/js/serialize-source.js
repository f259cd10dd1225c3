// Sends a model's source to a worker, and restores it there.
//
// The chunks of a stream are sent through a message port, each when the worker asks for it. Transferring the stream
// itself is no faster, and WebKit does not support it. Where it is supported, the stream is not cancelled when the
// worker ends, and a download would stay open.

import { invalidOption, makeError, messageOf } from "./errors.js";
import { resolveUrl } from "./start-module.js";

/**
 * A source as it is posted.
 *
 * @typedef {{ url?: string, init?: RequestInit, blob?: Blob, bytes?: ArrayBuffer | ArrayBufferView, port?: MessagePort,
 *   length?: string | null }} Posted
 */
/** @typedef {[posted: Posted | Posted[], moved?: Transferable[], close?: () => void]} Serialized */

/** @param {unknown} source */
const isStream = (source) => source instanceof Response || source instanceof ReadableStream;
/** @param {string} reason */
const unread = (reason) => makeError("io", `the file could not be read: ${reason}`);

/**
 * For any source that `Generator.load` accepts: the message to post, the objects to transfer with it, and a function
 * that closes its stream.
 *
 * @param {unknown} source
 * @returns {Promise<Serialized>}
 */
export async function serializeSource(source) {
  if (Array.isArray(source)) {
    if (source.some(isStream))
      throw invalidOption("source", "must be a list of URLs, Files, Blobs or buffers, each part once");
    return [await Promise.all(source.map(async (part) => /** @type {Posted} */ ((await serializeSource(part))[0])))];
  }
  if (typeof source === "string" || source instanceof URL) {
    return [{ url: resolveUrl(source).href }];
  }
  if (source instanceof Blob) return [{ blob: source }];
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return [{ bytes: source }];
  if (source instanceof Request) return [await asked(source)];
  if (source instanceof ReadableStream) return streamed(source);
  if (!(source instanceof Response)) {
    const allowed =
      "a URL, Request, Response, Blob, File, ArrayBuffer, Uint8Array or ReadableStream, or a list of parts";
    throw invalidOption("source", `must be ${allowed}`);
  }
  const { body, headers } = source;
  if (!source.ok) {
    body?.cancel().catch(() => {});
    throw makeError("http", `the server answered ${source.status} for ${source.url}`);
  }
  if (!body) throw unread("the response has no body");
  // With a content encoding, the header counts the encoded bytes.
  return streamed(body, headers.has("content-encoding") ? null : headers.get("content-length"));
}

/**
 * All of a request but its signal, which cannot be posted.
 *
 * @param {Request} request
 * @returns {Promise<Posted>}
 */
async function asked(request) {
  const { url, method, mode, credentials, cache, redirect, referrer, referrerPolicy, integrity } = request;
  /** @type {RequestInit} */
  const init = {
    method,
    mode,
    credentials,
    cache,
    redirect,
    referrer,
    referrerPolicy,
    integrity,
    headers: [...request.headers],
  };
  try {
    if (!/^(GET|HEAD)$/.test(method)) init.body = await request.arrayBuffer();
  } catch (thrown) {
    throw unread(messageOf(thrown));
  }
  return { url, init };
}

/**
 * @param {ReadableStream} stream
 * @param {string | null} [length] in bytes, as a header has it
 * @returns {Serialized}
 */
function streamed(stream, length) {
  if (stream.locked) throw unread("its stream is being read or has been read already");
  const { port1, port2: port } = new MessageChannel();
  const reader = stream.getReader();
  port1.onmessage = async () => {
    try {
      const { done, value } = await reader.read();
      // The bytes are copied, because they may be a part of a larger buffer that is also used elsewhere.
      const chunk = value instanceof Uint8Array ? new Uint8Array(value) : value;
      port1.postMessage({ done, chunk }, chunk === value ? [] : [chunk.buffer]);
    } catch (error) {
      port1.postMessage({ error: messageOf(error) });
    }
  };
  const close = () => {
    port1.close();
    reader.cancel().catch(() => {});
  };
  return [{ port, length }, [port], close];
}

/**
 * Restores the source for `Generator.load` from what was posted.
 *
 * @param {Posted | Posted[]} posted
 * @returns {any}
 */
export function deserializeSource(posted) {
  if (Array.isArray(posted)) return posted.map(deserializeSource);
  const { url, init, blob, bytes, port, length } = posted;
  if (init) return new Request(/** @type {string} */ (url), init);
  // A Response and not a stream, because it has a header for its length.
  return port
    ? new Response(streamFromPort(port), { headers: length ? { "content-length": length } : {} })
    : (url ?? blob ?? bytes);
}

/** @param {MessagePort} port */
const streamFromPort = (port) =>
  new ReadableStream({
    pull: (controller) =>
      new Promise((/** @type {(nothing: void) => void} */ resolve) => {
        port.onmessage = ({ data: { done, chunk, error } }) => {
          if (error !== undefined) controller.error(new Error(error));
          else if (done) controller.close();
          else controller.enqueue(chunk);
          resolve();
        };
        port.postMessage(null);
      }),
    cancel() {
      // A chunk may be on its way, for which there is no room in a closed stream.
      port.onmessage = null;
      port.close();
    },
  });
