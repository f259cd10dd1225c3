// The template engine: a WebAssembly module of its own, because it is as large as the engine itself.

import * as glue from "./nexttoken_chat.js";
import { makeError } from "./errors.js";
import { locate, memoizeAsync, startModule } from "./start-module.js";

const shipped = () => new URL("./nexttoken_chat.wasm", import.meta.url);

/** Loads the module and starts it; later calls wait for the first. */
export const load = memoizeAsync(async () =>
  startModule("chat", glue.default, await locate("chat", "nexttoken_chat.wasm", shipped)),
);

export const tooMuch = () => makeError("chat_template", "the chat template does too much: it was stopped");

/**
 * The rendered conversation of `job`: the JSON of a request and of rendering options in one object.
 *
 * @param {string} job
 */
export async function render(job) {
  await load();
  try {
    return glue.render_chat(job);
  } catch (thrown) {
    if (Array.isArray(thrown)) throw makeError(thrown[0], thrown[1]);
    // The template has exceeded a limit of the module and trapped. The module's state is unknown, so it is started
    // again.
    glue.__wbg_reset_state();
    throw tooMuch();
  }
}
