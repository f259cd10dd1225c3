// A request for embeddings in OpenAI's form → vectors of the engine's, and how many tokens they took.

import { copyOptions } from "../errors.js";
import { nextTask } from "../next-task.js";
import { invalid, unsupported } from "./openai-error.js";

/** Parameters that are read elsewhere, or are a note for the provider. */
const WITHOUT_USE = ["model", "user"];

/** How the numbers of a vector can be told. */
const FORMATS = {
  float: (/** @type {Float32Array} */ vector) => Array.from(vector),
  // Their bytes, as the official client asks for them: the least byte of each comes first, as in all hosts of WebAssembly.
  base64: (/** @type {Float32Array} */ { buffer, byteOffset, byteLength }) =>
    btoa(Array.from(new Uint8Array(buffer, byteOffset, byteLength), (byte) => String.fromCharCode(byte)).join("")),
};

/**
 * The texts of a request, and the form of their vectors.
 *
 * @param {any} body
 */
function read(body) {
  const { input, encoding_format, ...rest } = copyOptions(body);
  const unknown = Object.keys(rest).find((name) => !WITHOUT_USE.includes(name) && rest[name] != null);
  if (unknown) throw unsupported(unknown);
  const texts = Array.isArray(input) ? input : [input];
  if (!texts.length || texts.some((text) => typeof text !== "string")) {
    throw invalid("input", "must be a text or an array of texts");
  }
  const form = Object.entries(FORMATS).find(([name]) => name === (encoding_format ?? "float"))?.[1];
  if (!form) throw invalid("encoding_format", 'must be "float" or "base64"');
  return { texts, form };
}

/**
 * The answer to a request for embeddings. On the thread of the page each chunk of tokens runs in a task of its own.
 *
 * @param {any} generator
 * @param {string} model its name
 * @param {any} body
 * @param {AbortSignal} [signal]
 */
export async function embeddings(generator, model, body, signal) {
  const { texts, form } = read(body);
  const embedder = await generator.embedder(texts);
  let vectors, progress;
  try {
    do {
      signal?.throwIfAborted();
      progress = await embedder.step();
      await nextTask();
    } while (progress.done < progress.total);
    vectors = await embedder.finish();
  } catch (thrown) {
    embedder.free();
    throw thrown;
  }
  const { total } = progress;
  return {
    object: "list",
    data: vectors.map((/** @type {Float32Array} */ vector, /** @type {number} */ index) => ({
      object: "embedding",
      index,
      embedding: form(vector),
    })),
    model,
    usage: { prompt_tokens: total, total_tokens: total },
  };
}
