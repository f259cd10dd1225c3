// A server with OpenAI's interface as a model of the clients: llama-server, vLLM, ollama and others.

import { codeOf, copyOptions, invalidOption, makeError, messageOf } from "../errors.js";
import { newId } from "../conversation/new-id.js";
import { readArguments } from "../conversation/read-arguments.js";
import { readEvents } from "./event-stream.js";

/** @typedef {import("./model.js").ClientModel} ClientModel */
/** @typedef {import("./model.js").Request} Request */
/** @typedef {import("./model.js").Handlers} Handlers */

/** The options that have the same name there. The last two are no OpenAI's, but most servers have them. */
const SAME = [
  ...["temperature", "top_p", "seed", "stop", "max_tokens", "frequency_penalty", "presence_penalty", "logit_bias"],
  ...["top_k", "min_p"],
];

/**
 * The options of a request as the server takes them.
 *
 * @param {Record<string, any>} options
 */
function serverOptions({ json_schema, chat_template_kwargs, ...options }) {
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!SAME.includes(name)) throw invalidOption(name, "cannot be honoured by a server");
    body[name] = typeof value === "bigint" ? Number(value) : value;
  }
  if (chat_template_kwargs !== undefined) body.chat_template_kwargs = chat_template_kwargs;
  if (json_schema != null) {
    const schema = typeof json_schema === "string" ? JSON.parse(json_schema) : json_schema;
    body.response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  }
  return body;
}

/**
 * A message as the server takes it: the arguments of calls are JSON in strings.
 *
 * @param {any} message
 */
function serverMessage({ tool_calls, ...message }) {
  if (!tool_calls) return message;
  const json = (/** @type {unknown} */ value) => (typeof value === "string" ? value : JSON.stringify(value));
  const written = (/** @type {any} */ { function: called, ...call }) => ({
    ...call,
    function: { name: called.name, arguments: json(called.arguments) },
  });
  return { ...message, tool_calls: tool_calls.map(written) };
}

/**
 * The tools of a request as the server takes them.
 *
 * @param {import("./model.js").Request["channels"]} channels
 */
function serverTools({ tools, tool_choice, parallel_tool_calls, thinking } = {}) {
  if (thinking !== undefined) throw invalidOption("thinking", "cannot be honoured by a server");
  if (!tools?.length) return {};
  const named = typeof tool_choice === "object" && tool_choice && "name" in tool_choice;
  const choice = named ? { type: "function", function: { name: tool_choice.name } } : tool_choice;
  return {
    tools,
    ...(choice != null && { tool_choice: choice }),
    ...(parallel_tool_calls != null && { parallel_tool_calls }),
  };
}

/** @typedef {{ id: string, name: string, arguments: string }} Pieces what has come of a call */

/**
 * A call that has come in pieces. Where the server gave it no id, it gets one.
 *
 * @param {Pieces} call
 * @returns {import("../conversation.js").ToolCall}
 */
function serverCall({ id, name, arguments: json }) {
  const wrong = (/** @type {string} */ reason) =>
    makeError("server", `the server called "${name}" with arguments that are no ${reason}`);
  const read = readArguments(json || "{}", wrong, {});
  return { id: id || newId(), type: "function", function: { name, arguments: read } };
}

/** The calls of an answer, put together from their pieces. */
class ServerCalls {
  /** @type {Pieces[]} */
  #calls = [];
  /**
   * The last call of each index.
   *
   * @type {Map<unknown, Pieces>}
   */
  #open = new Map();

  /** @param {any} piece whatever the server sent */
  add({ index, id, function: called }) {
    let call = this.#open.get(index);
    // Some servers give no index, or give all calls the same one: another id is another call.
    if (!call || (id && call.id && id !== call.id)) {
      this.#calls.push((call = { id: "", name: "", arguments: "" }));
      this.#open.set(index, call);
    }
    call.id ||= id ?? "";
    call.name += called?.name ?? "";
    call.arguments += called?.arguments ?? "";
  }

  /** The calls, once all pieces have come. */
  complete() {
    return this.#calls.map(serverCall);
  }
}

/**
 * What a server says of its error.
 *
 * @param {Response} response
 */
async function explanation(response) {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text);
    return error.message ?? String(error);
  } catch {
    return text.slice(0, 200) || response.statusText;
  }
}

const SETTINGS = ["baseURL", "model", "apiKey", "headers", "fetch", "when", "minTokensPerSecond"];

/** @param {unknown} given the option `server` */
export function serverSettings(given) {
  const settings = copyOptions(given, SETTINGS);
  for (const name of ["baseURL", "model"]) {
    if (typeof settings[name] !== "string") throw invalidOption(`server.${name}`, "must be a string");
  }
  return /** @type {import("./model.js").ServerOptions} */ (settings);
}

/** @implements {ClientModel} */
export class ServerModel {
  backend = /** @type {const} */ ("server");
  #settings;

  /**
   * @param {import("./model.js").ServerOptions} settings
   * @param {string} reason why the browser does not answer
   */
  constructor(settings, reason) {
    this.#settings = settings;
    this.reason = reason;
  }

  async name() {
    return this.#settings.model;
  }

  /** What fits is for the server to say. */
  async contextLength() {
    return Infinity;
  }

  /**
   * Sends a request in OpenAI's form to the server, for its own model.
   *
   * @param {string} path
   * @param {Record<string, any> | undefined} body none where something is asked for
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>}
   */
  async forward(path, body, signal) {
    const { baseURL, model, apiKey, headers, fetch = globalThis.fetch } = this.#settings;
    const sent = new Headers(headers);
    if (apiKey !== undefined) sent.set("Authorization", `Bearer ${apiKey}`);
    if (body) sent.set("Content-Type", "application/json");
    const init = { method: body ? "POST" : "GET", headers: sent, signal };
    try {
      return await fetch(baseURL.replace(/\/$/, "") + path, {
        ...init,
        body: body && JSON.stringify({ ...body, model }),
      });
    } catch (thrown) {
      if (signal?.aborted) throw signal.reason;
      throw makeError("server", `the server at ${baseURL} could not be reached: ${messageOf(thrown)}`, thrown);
    }
  }

  /**
   * @param {Request} request
   * @param {Handlers} [handlers]
   */
  async write({ messages, prompt, prefix, channels, options = {} }, { signal, onStart, onToken } = {}) {
    if (prefix) throw invalidOption("prefix", "cannot be honoured by a server");
    const body = {
      ...(messages ? { messages: messages.map(serverMessage) } : { prompt: prompt ?? "" }),
      ...serverTools(channels),
      ...serverOptions(options),
      stream: true,
      stream_options: { include_usage: true },
    };
    const response = await this.forward(messages ? "/chat/completions" : "/completions", body, signal);
    if (!response.ok || !response.body) {
      const { status } = response;
      throw Object.assign(makeError("server", `the server answered ${status}: ${await explanation(response)}`), {
        status,
      });
    }
    onStart?.();
    try {
      return await received(response.body, onToken);
    } catch (thrown) {
      if (signal?.aborted) throw signal.reason;
      if (codeOf(thrown) !== "internal") throw thrown;
      throw makeError("server", `the server's answer broke off: ${messageOf(thrown)}`, thrown);
    }
  }

  /**
   * An estimate: the tokenizer is the server's.
   *
   * @param {import("../nexttoken.js").ChatMessage[]} messages
   */
  async count(messages) {
    return messages.reduce((total, { content }) => total + 4 + Math.ceil(content.length / 4), 0);
  }

  async fork() {
    return this;
  }

  free() {}
}

/**
 * Passes on what a server streams, and gives what it says of it.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {Handlers["onToken"]} onToken
 * @returns {Promise<import("./model.js").Result>}
 */
async function received(body, onToken) {
  let finish_reason = "stop";
  const calls = new ServerCalls();
  /** @type {any} */
  let usage;
  for await (const chunk of readEvents(body)) {
    if (chunk.error) throw makeError("server", `the server's answer broke off: ${chunk.error.message ?? chunk.error}`);
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    const { content, reasoning_content, reasoning, tool_calls } = choice.delta ?? {};
    const text = content ?? choice.text;
    // OpenAI's interface has no name for it; llama-server has the first, Ollama and newer releases of vLLM the second.
    const thought = reasoning_content || reasoning;
    if (thought) onToken?.({ text: thought, channel: "thinking" });
    if (text) onToken?.({ text, channel: "text" });
    for (const piece of tool_calls ?? []) calls.add(piece);
    finish_reason = choice.finish_reason ?? finish_reason;
  }
  const called = calls.complete();
  if (called.length > 0) onToken?.({ text: "", channel: "call", tool_calls: called });
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage ?? {};
  const cached_tokens = prompt_tokens_details?.cached_tokens;
  return { finish_reason, usage: { prompt_tokens, completion_tokens, cached_tokens } };
}
