// Chat: messages → the text that the model continues, by the chat template in the model's file.

import { render, tooMuch } from "./chat-template.js";
import { Connection } from "./connection.js";
import { copyOptions, invalidOption, messageOf } from "./errors.js";
import { canStartWorkers, startWorker } from "./start-worker.js";

/** The longest time that a template may take, in milliseconds. */
const PATIENCE = 5000;
/** @type {Connection | undefined} */
let connection;

/**
 * Renders `messages` for `generator`. Resolves to the text for its `start_chat`, and to those of `options` that are for
 * that call.
 *
 * @param {import("./nexttoken.js").Generator} generator
 * @param {unknown} messages
 * @param {unknown} options
 * @returns {Promise<[conversation: string, options: Record<string, unknown>]>}
 */
export async function renderChat(generator, messages, options) {
  const { chat_template, add_generation_prompt, date, chat_template_kwargs, ...writing } = copyOptions(options);
  /** @type {Record<string, unknown>} */
  const job = { ...generator.chat_request(messages, chat_template), date: checkedDate(date) };
  if (add_generation_prompt != null) {
    if (typeof add_generation_prompt !== "boolean")
      throw invalidOption("add_generation_prompt", "must be true or false");
    job.add_generation_prompt = add_generation_prompt;
  }
  if (chat_template_kwargs != null) {
    if (Object.prototype.toString.call(chat_template_kwargs) !== "[object Object]") {
      throw invalidOption("chat_template_kwargs", "must be an object");
    }
    job.variables = chat_template_kwargs;
  }
  return [await rendered(written(job)), writing];
}

/**
 * Renders in a worker, which is terminated if the template takes too long; on this thread where there are no workers.
 *
 * @param {string} job
 * @returns {Promise<string>}
 */
async function rendered(job) {
  if (!canStartWorkers()) return render(job);
  if (!connection || connection.gone) {
    const worker = startWorker(() => new Worker(new URL("./chat-worker.js", import.meta.url), { type: "module" }));
    connection = new Connection(worker, (reason) => `the chat module stopped (${reason})`);
  }
  const mine = connection;
  await mine.call({ method: "load", args: [] });
  const timer = setTimeout(() => mine.end(tooMuch()), PATIENCE);
  try {
    return await mine.call({ method: "render", args: [job] });
  } finally {
    clearTimeout(timer);
  }
}

/** @param {object} job */
function written(job) {
  try {
    return JSON.stringify(job);
  } catch (error) {
    throw invalidOption("chat_template_kwargs", `cannot be written as JSON: ${messageOf(error)}`);
  }
}

/**
 * The date that the template takes as the current one, as text. It may be given as a Date or as text; the default is
 * now.
 *
 * @param {any} date
 */
function checkedDate(date = new Date()) {
  if (typeof date === "string") return date;
  try {
    // In local time; `toISOString` gives UTC.
    const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
    return local.toISOString().slice(0, 19);
  } catch {
    // It is no date, or an invalid one, or local time is out of range.
    throw invalidOption("date", "must be a date");
  }
}
