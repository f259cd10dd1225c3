// A server with OpenAI's interface as a model of the clients: llama-server, vLLM, ollama and others.

import { codeOf, copyOptions, invalidOption, makeError, messageOf } from "../errors.js";
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
  async write({ messages, prompt, prefix, options = {} }, { signal, onStart, onToken } = {}) {
    if (prefix) throw invalidOption("prefix", "cannot be honoured by a server");
    const body = {
      ...(messages ? { messages } : { prompt: prompt ?? "" }),
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
  /** @type {any} */
  let usage;
  for await (const chunk of readEvents(body)) {
    if (chunk.error) throw makeError("server", `the server's answer broke off: ${chunk.error.message ?? chunk.error}`);
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    const text = choice.delta?.content ?? choice.text;
    if (text) onToken?.({ text });
    finish_reason = choice.finish_reason ?? finish_reason;
  }
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage ?? {};
  const cached_tokens = prompt_tokens_details?.cached_tokens;
  return { finish_reason, usage: { prompt_tokens, completion_tokens, cached_tokens } };
}
