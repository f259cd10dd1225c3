// Chat: messages → the text the model continues, by the template in its file.
//
// The template engine is as large as the engine itself, so it is a WebAssembly module of its own, loaded
// with the first conversation.

import { failure, unusable } from "./errors.js";
import { begun, once } from "./starting.js";

const module = () => new URL("./nexttoken_chat.wasm", import.meta.url);

const load = once(() =>
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

/**
 * Renders `messages` for `generator`: the text for its `start_chat`, and what of `options` is for that.
 *
 * @param {import("./nexttoken.js").Generator} generator
 * @returns {Promise<[conversation: string, options: object]>}
 */
export async function converse(generator, messages, options) {
  const { chat_template, add_generation_prompt, date, chat_template_kwargs, ...writing } = options ?? {};
  const job = { ...generator.chat_request(messages, chat_template), date: checkedDate(date) };
  if (add_generation_prompt != null) {
    if (typeof add_generation_prompt !== "boolean") throw unusable("add_generation_prompt", "must be true or false");
    job.add_generation_prompt = add_generation_prompt;
  }
  if (chat_template_kwargs != null) {
    if (Object.prototype.toString.call(chat_template_kwargs) !== "[object Object]") {
      throw unusable("chat_template_kwargs", "must be an object");
    }
    job.variables = chat_template_kwargs;
  }
  return [render(await load(), written(job)), writing];
}

function render(glue, job) {
  try {
    return glue.render_chat(job);
  } catch (thrown) {
    if (Array.isArray(thrown)) throw failure(...thrown);
    // The template ran into the limits of the module, which is in a state nobody knows.
    glue.__wbg_reset_state();
    throw failure("chat_template", "the chat template does too much: it was stopped");
  }
}

function written(job) {
  try {
    return JSON.stringify(job);
  } catch (error) {
    throw unusable("chat_template_kwargs", `cannot be written as JSON: ${error.message}`);
  }
}

/** The day the template takes for today, as text: a Date, or a text already; now unless given. */
function checkedDate(date = new Date()) {
  if (typeof date === "string") return date;
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) throw unusable("date", "must be a date");
  // The clock on the wall, not that of Greenwich.
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

