// The template engine: a WebAssembly module of its own, because it is as large as the engine itself.

import { failure } from "./errors.js";
import { begun, once } from "./starting.js";

const module = () => new URL("./nexttoken_chat.wasm", import.meta.url);

/** Loads the module and starts it; later calls wait for the first. */
export const load = once(() =>
  begun(
    async () => {
      const glue = await import("./nexttoken_chat.js");
      await glue.default({ module_or_path: module() });
      return glue;
    },
    "chat module",
    module(),
  ),
);

export const tooMuch = () => failure("chat_template", "the chat template does too much: it was stopped");

/** The rendered conversation of `job`: the JSON of a request and of rendering options in one object. */
export async function render(job) {
  const glue = await load();
  try {
    return glue.render_chat(job);
  } catch (thrown) {
    if (Array.isArray(thrown)) throw failure(...thrown);
    // The template has exceeded a limit of the module and trapped. The module's state is unknown, so it is started
    // again.
    glue.__wbg_reset_state();
    throw tooMuch();
  }
}
