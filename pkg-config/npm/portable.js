// A model's source on its way to a worker, and what it is there.
//
// The chunks of a stream go through a port, each when the worker asks for it. Transferring the stream itself
// is no faster, WebKit cannot, and where it can be done the stream is not cancelled when the worker ends: a
// download would stay open.

import { failure, unusable, words } from "./errors.js";
import { here } from "./starting.js";

const isStream = (source) => source instanceof Response || source instanceof ReadableStream;
const unread = (reason) => failure("io", `the file could not be read: ${reason}`);

/** What can be posted of anything `Generator.load` takes, what of it is moved, and what ends its stream. */
export async function portable(source) {
  if (Array.isArray(source)) {
    if (source.some(isStream)) throw unusable("source", "must be a list of URLs, Files, Blobs or buffers, each part once");
    return [await Promise.all(source.map(async (part) => (await portable(part))[0]))];
  }
  if (typeof source === "string" || source instanceof URL) {
    return [{ url: new URL(source, here()).href }];
  }
  if (source instanceof Blob) return [{ blob: source }];
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return [{ bytes: source }];
  if (source instanceof Request) return [await asked(source)];
  if (source instanceof ReadableStream) return streamed(source);
  if (!(source instanceof Response)) {
    const allowed = "a URL, Request, Response, Blob, File, ArrayBuffer, Uint8Array or ReadableStream, or a list of parts";
    throw unusable("source", `must be ${allowed}`);
  }
  const { body, headers } = source;
  if (!source.ok) {
    body?.cancel().catch(() => {});
    throw failure("http", `the server answered ${source.status} for ${source.url}`);
  }
  if (!body) throw unread("the response has no body");
  // With an encoding it counts other bytes than those that are read.
  return streamed(body, headers.has("content-encoding") ? null : headers.get("content-length"));
}

/** All of a request but its signal. */
async function asked(request) {
  const { url, method, mode, credentials, cache, redirect, referrer, referrerPolicy, integrity } = request;
  const init = { method, mode, credentials, cache, redirect, referrer, referrerPolicy, integrity, headers: [...request.headers] };
  try {
    if (!/^(GET|HEAD)$/.test(method)) init.body = await request.arrayBuffer();
  } catch (thrown) {
    throw unread(words(thrown));
  }
  return { url, init };
}

function streamed(stream, length) {
  if (stream.locked) throw unread("its stream is being read or has been read already");
  const { port1, port2: port } = new MessageChannel();
  const reader = stream.getReader();
  port1.onmessage = async () => {
    try {
      const { done, value } = await reader.read();
      // Copied, because the bytes may be a part of more, and be read elsewhere too.
      const chunk = value instanceof Uint8Array ? value.slice() : value;
      port1.postMessage({ done, chunk }, chunk === value ? [] : [chunk.buffer]);
    } catch (error) {
      port1.postMessage({ error: String(error?.message ?? error) });
    }
  };
  const close = () => {
    port1.close();
    reader.cancel().catch(() => {});
  };
  return [{ port, length }, [port], close];
}

/** Anything `Generator.load` takes, from what was posted. */
export function opened(posted) {
  if (Array.isArray(posted)) return posted.map(opened);
  const { url, init, blob, bytes, port, length } = posted;
  if (init) return new Request(url, init);
  // A Response, because it can tell how long it is.
  return port ? new Response(received(port), { headers: length ? { "content-length": length } : {} }) : (url ?? blob ?? bytes);
}

const received = (port) =>
  new ReadableStream({
    pull: (controller) =>
      new Promise((resolve) => {
        port.onmessage = ({ data: { done, chunk, error } }) => {
          if (error !== undefined) controller.error(new Error(error));
          else if (done) controller.close();
          else controller.enqueue(chunk);
          resolve();
        };
        port.postMessage(null);
      }),
  });
