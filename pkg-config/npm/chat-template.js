// The template engine: a WebAssembly module of its own, because it is as large as the engine itself.

import { failure } from "./errors.js";
import { begun, once } from "./starting.js";

const module = () => new URL("./nexttoken_chat.wasm", import.meta.url);

/** Gets the module ready; it is loaded with the first conversation. */
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

/** The conversation of `job`, the JSON of what is rendered and how. */
export async function render(job) {
  const glue = await load();
  try {
    return glue.render_chat(job);
  } catch (thrown) {
    if (Array.isArray(thrown)) throw failure(...thrown);
    // The template ran into the limits of the module, which is in a state nobody knows.
    glue.__wbg_reset_state();
    throw tooMuch();
  }
}
