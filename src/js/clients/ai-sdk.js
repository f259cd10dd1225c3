// A provider for the AI SDK over a generator. For the documentation see the types.

import { copyOptions } from "../errors.js";
import { sdkError } from "./ai-sdk-error.js";
import { Content, PartStream } from "./ai-sdk-parts.js";
import { readMessage, readTools } from "./ai-sdk-prompt.js";
import { modelOf } from "./local-model.js";

/** @typedef {import("./model.js").ClientModel} ClientModel */
/** @typedef {import("./model.js").Result} Result */
/** @typedef {{ type: "unsupported", feature: string, details: string }} Warning */

const PROVIDER = "nexttoken";

/** The settings of a call, with the names that the engine has for them. */
const SETTINGS = {
  maxOutputTokens: "max_tokens",
  temperature: "temperature",
  stopSequences: "stop",
  topP: "top_p",
  topK: "top_k",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  seed: "seed",
};

/**
 * What a call asks for that cannot be had.
 *
 * @param {any} call
 */
function warningsFor({ tools = [], reasoning }) {
  /** @type {Warning[]} */
  const warnings = [];
  const warn = (/** @type {string} */ feature, /** @type {string} */ details) =>
    warnings.push({ type: "unsupported", feature, details });
  for (const { type, name } of tools) if (type !== "function") warn(`tool ${name}`, "it is a tool of another provider");
  if (reasoning && !["provider-default", "none"].includes(reasoning)) {
    warn("reasoning", "how much a model thinks is limited in tokens, by providerOptions: { nexttoken: { thinking } }");
  }
  return warnings;
}

/**
 * The options of the engine for a call.
 *
 * @param {any} call
 * @param {Record<string, any>} defaults
 */
function engineOptions(call, defaults) {
  /** @type {Record<string, any>} */
  const options = { ...defaults, ...call.providerOptions?.[PROVIDER] };
  for (const [name, ours] of Object.entries(SETTINGS)) if (call[name] !== undefined) options[ours] = call[name];
  // There the penalties go by the whole text, here by its last 64 tokens unless told otherwise.
  if (call.presencePenalty !== undefined || call.frequencyPenalty !== undefined) options.penalty_last_n ??= -1;
  if (call.reasoning === "none") {
    options.chat_template_kwargs = { enable_thinking: false, ...options.chat_template_kwargs };
  }
  const { type, schema } = call.responseFormat ?? {};
  if (type === "json") options.json_schema = schema ?? { type: ["object", "array"] };
  return options;
}

/** @type {Record<string, string>} */
const REASONS = { stop: "stop", length: "length", tool_calls: "tool-calls" };

/** @param {Result} result */
function ending({ finish_reason, usage: { prompt_tokens, completion_tokens, cached_tokens } }) {
  return {
    finishReason: { unified: REASONS[finish_reason] ?? "other", raw: finish_reason },
    usage: {
      inputTokens: {
        total: prompt_tokens,
        noCache: prompt_tokens === undefined ? undefined : prompt_tokens - (cached_tokens ?? 0),
        cacheRead: cached_tokens,
        cacheWrite: undefined,
      },
      outputTokens: { total: completion_tokens, text: completion_tokens, reasoning: undefined },
    },
  };
}

/** @param {Record<string, any>} options */
const definedOf = (options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** A model as the SDK calls it. */
class LanguageModel {
  specificationVersion = /** @type {const} */ ("v4");
  provider = PROVIDER;
  supportedUrls = {};
  #model;
  #defaults;

  /**
   * @param {ClientModel} model
   * @param {string} modelId
   * @param {object} defaults
   */
  constructor(model, modelId, defaults) {
    this.#model = model;
    this.modelId = modelId;
    this.#defaults = defaults;
  }

  /**
   * Writes what a call asks for.
   *
   * @param {any} call
   * @param {import("./model.js").Handlers} handlers
   */
  async #write(call, handlers) {
    const messages = call.prompt.flatMap(readMessage);
    const { thinking, parallel_tool_calls, ...options } = engineOptions(call, this.#defaults);
    const channels = { ...readTools(call), ...definedOf({ thinking, parallel_tool_calls }) };
    const result = await this.#model.write({ messages, channels, options }, handlers);
    const { backend, reason } = this.#model;
    return { ...ending(result), providerMetadata: { [PROVIDER]: { backend, ...(reason && { reason }) } } };
  }

  #response() {
    return { id: crypto.randomUUID(), timestamp: new Date(), modelId: this.modelId };
  }

  /** @param {any} call */
  async doGenerate(call) {
    const content = new Content();
    const onToken = (/** @type {import("./ai-sdk-parts.js").Token} */ token) => content.add(token);
    const response = this.#response();
    const result = await this.#write(call, { signal: call.abortSignal, onToken });
    return { content: content.parts, ...result, response, warnings: warningsFor(call) };
  }

  /**
   * Resolves once the text has been started.
   *
   * @param {any} call
   * @returns {Promise<{ stream: ReadableStream<any> }>}
   */
  doStream(call) {
    const left = new AbortController();
    const signal = call.abortSignal ? AbortSignal.any([call.abortSignal, left.signal]) : left.signal;
    return new Promise((resolve, reject) => {
      const stream = new ReadableStream({
        start: (controller) => {
          const send = (/** @type {object} */ part) => controller.enqueue(part);
          const parts = new PartStream(send);
          const onStart = () => {
            resolve({ stream });
            send({ type: "stream-start", warnings: warningsFor(call) });
            send({ type: "response-metadata", ...this.#response() });
          };
          const onToken = (/** @type {import("./ai-sdk-parts.js").Token} */ token) => {
            if (call.includeRawChunks) send({ type: "raw", rawValue: token });
            parts.add(token);
          };
          const end = (/** @type {object} */ result) => {
            parts.end();
            send({ type: "finish", ...result });
            controller.close();
          };
          const fail = (/** @type {unknown} */ thrown) => {
            reject(thrown);
            controller.error(thrown);
          };
          this.#write(call, { signal, onStart, onToken }).then(end).catch(fail);
        },
        // Whoever leaves the stream wants no more of it.
        cancel: () => left.abort(),
      });
    });
  }
}

/**
 * A provider of one model; see the types.
 *
 * @param {any} model
 * @param {unknown} [options]
 * @returns {any} typed by hand
 */
export function createNextToken(model, options) {
  const { model: name = PROVIDER, ...defaults } = copyOptions(options);
  const language = new LanguageModel(modelOf(model), name, defaults);
  const none = (/** @type {string} */ modelType) => (/** @type {string} */ modelId) => {
    throw sdkError("AI_NoSuchModelError", `there is no ${modelType} "${modelId}"`, { modelId, modelType });
  };
  const languageModel = (/** @type {string} */ modelId = name) =>
    modelId === name ? language : none("languageModel")(modelId);
  return Object.assign((/** @type {string} */ modelId) => languageModel(modelId), {
    specificationVersion: "v4",
    languageModel,
    embeddingModel: none("embeddingModel"),
    imageModel: none("imageModel"),
  });
}
