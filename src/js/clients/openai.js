// OpenAI's interface over a generator. For the documentation see the types.

import { copyOptions } from "../errors.js";
import { readEvents, writeEvents } from "./event-stream.js";
import { modelOf } from "./local-model.js";
import { FORMS, chunks, headOf, whole } from "./openai-answer.js";
import { embeddings } from "./openai-embeddings.js";
import { OpenAIError, invalid, openAIError } from "./openai-error.js";
import { readChat, readCompletion } from "./openai-request.js";

export { OpenAIError };

/** @typedef {import("./server-model.js").ServerModel} ServerModel */
/** @typedef {import("./model.js").ClientModel} ClientModel */

/** What can be asked for with a body: its path, how it is read, and the form of its answer. */
const KINDS = {
  chat: { path: "/chat/completions", read: readChat, form: FORMS.chat },
  completion: { path: "/completions", read: readCompletion, form: FORMS.completion },
};
/** @typedef {typeof KINDS[keyof typeof KINDS]} Kind */

const EMBEDDINGS = "/embeddings";

/**
 * A stream as an async iterable that can be aborted, as the official client has it.
 *
 * @template Item
 * @param {AsyncGenerator<Item, void, void>} items
 * @param {AbortController} controller
 */
const streamOf = (items, controller) => ({ controller, [Symbol.asyncIterator]: () => items });

/**
 * The items of a stream; leaving the loop cancels it. Not every browser's streams are iterable.
 *
 * @template Item
 * @param {ReadableStream<Item>} stream
 * @param {AbortSignal} signal
 */
async function* itemsOf(stream, signal) {
  const reader = stream.getReader();
  try {
    for (let read; !(read = await reader.read()).done;) yield read.value;
  } catch (thrown) {
    throw openAIError(thrown, signal);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Answers requests by the engine in this tab. */
class Engine {
  #model;
  #named;
  #defaults;

  /**
   * @param {ClientModel} model
   * @param {string | undefined} name
   * @param {object} defaults
   */
  constructor(model, name, defaults) {
    this.#model = model;
    this.#named = name;
    this.#defaults = defaults;
  }

  async name() {
    return this.#named ?? this.#model.name();
  }

  /**
   * The answer to a request: a stream of chunks where it asks for one.
   *
   * @param {Kind} kind
   * @param {any} body
   * @param {AbortSignal} [signal]
   */
  async answer({ read, form }, body, signal) {
    const job = read(body, this.#defaults);
    const name = await this.#asked(body);
    const head = headOf(form, name);
    return job.stream ? chunks(this.#model, job, form, head, signal) : whole(this.#model, job, form, head, signal);
  }

  /**
   * @param {any} body
   * @param {AbortSignal} [signal]
   */
  async embeddings(body, signal) {
    return embeddings(this.#model.generator, await this.#asked(body), body, signal);
  }

  /**
   * The name of the model, which a request must not call by another.
   *
   * @param {any} body
   */
  async #asked(body) {
    const name = await this.name();
    const asked = body?.model ?? name;
    if (asked !== name) throw missing(asked, name);
    return name;
  }
}

/**
 * @param {string} name
 * @param {string} there the model that there is
 */
const missing = (name, there) =>
  new OpenAIError(404, "model_not_found", `there is no model "${name}", only "${there}"`, "model");

/** A client of one model; see the types. */
class OpenAIClient {
  #model;
  #engine;
  #created = Math.floor(Date.now() / 1000);

  /**
   * @param {any} model
   * @param {unknown} options
   */
  constructor(model, options) {
    const { model: name, ...defaults } = copyOptions(options);
    if (name !== undefined && typeof name !== "string") throw invalid("model", "must be a string");
    this.#model = modelOf(model);
    this.#engine = new Engine(this.#model, name, defaults);
  }

  get backend() {
    return this.#model.backend;
  }

  get reason() {
    return this.#model.reason;
  }

  chat = { completions: { create: this.#creator(KINDS.chat) } };
  completions = { create: this.#creator(KINDS.completion) };
  embeddings = {
    create: async (/** @type {any} */ body, /** @type {{ signal?: AbortSignal }} */ { signal } = {}) => {
      try {
        signal?.throwIfAborted();
        const server = this.#server();
        if (!server) return await this.#engine.embeddings(body, signal);
        return await (await accepted(await server.forward(EMBEDDINGS, body, signal))).json();
      } catch (thrown) {
        throw openAIError(thrown, signal);
      }
    },
  };
  models = {
    list: async () => {
      const data = await this.#models();
      const items = (async function* () {
        yield* data;
      })();
      return { object: "list", data, [Symbol.asyncIterator]: () => items };
    },
    retrieve: async (/** @type {string} */ name) => {
      const [there] = await this.#models();
      if (name !== there.id) throw missing(name, there.id);
      return there;
    },
  };

  /** The server, if one answers. */
  #server() {
    return this.#model.backend === "server" ? /** @type {ServerModel} */ (this.#model) : undefined;
  }

  async #models() {
    return [{ id: await this.#engine.name(), object: "model", created: this.#created, owned_by: "nexttoken" }];
  }

  /** @param {Kind} kind */
  #creator(kind) {
    return async (/** @type {any} */ body, /** @type {{ signal?: AbortSignal }} */ { signal } = {}) => {
      const controller = new AbortController();
      const signals = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
      try {
        signals.throwIfAborted();
        const server = this.#server();
        if (!server) {
          const answer = await this.#engine.answer(kind, body, signals);
          return answer instanceof ReadableStream ? streamOf(itemsOf(answer, signals), controller) : answer;
        }
        const response = await accepted(await server.forward(kind.path, body, signals));
        if (!body.stream) return await response.json();
        return streamOf(readEvents(/** @type {ReadableStream<Uint8Array>} */ (response.body)), controller);
      } catch (thrown) {
        throw openAIError(thrown, signals);
      }
    };
  }

  /**
   * Answers as a server would. For the option `fetch` of the official client it needs no `this`.
   *
   * @param {string | URL | Request} resource
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  fetch = async (resource, init) => {
    const request = new Request(resource, /** @type {RequestInit} */ ({ ...init, duplex: "half" }));
    const { signal } = request;
    try {
      signal.throwIfAborted();
      const response = await this.#route(request, signal);
      response.headers.set("x-nexttoken-backend", this.#model.backend);
      return response;
    } catch (thrown) {
      const error = openAIError(thrown, signal);
      if (!(error instanceof OpenAIError)) throw error;
      return Response.json(error, { status: error.status });
    }
  };

  /**
   * @param {Request} request
   * @param {AbortSignal} signal
   */
  async #route(request, signal) {
    // The address up to the version is the caller's own.
    const { pathname } = new URL(request.url);
    const [, path] = /(\/(?:chat\/completions|completions|embeddings|models(?:\/.*)?))\/?$/.exec(pathname) ?? [];
    if (!path) throw new OpenAIError(404, "unknown_url", `there is nothing at ${request.method} ${pathname}`);
    const asks = path.startsWith("/models");
    if (request.method !== (asks ? "GET" : "POST")) {
      throw new OpenAIError(405, "method_not_allowed", `${pathname} does not take ${request.method}`);
    }
    const body = asks ? undefined : await bodyOf(request);
    const server = this.#server();
    if (server) return passed(await server.forward(path, body, signal));
    if (path === "/models") return Response.json(await this.models.list());
    if (asks) return Response.json(await this.models.retrieve(decodeURIComponent(path.slice("/models/".length))));
    if (path === EMBEDDINGS) return Response.json(await this.#engine.embeddings(body, signal));
    const kind = path === KINDS.chat.path ? KINDS.chat : KINDS.completion;
    const answer = await this.#engine.answer(kind, body, signal);
    if (!(answer instanceof ReadableStream)) return Response.json(answer);
    const headers = { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" };
    return new Response(
      writeEvents(answer, (thrown) => openAIError(thrown)),
      { headers },
    );
  }
}

/** @param {Request} request */
async function bodyOf(request) {
  try {
    return await request.json();
  } catch {
    throw new OpenAIError(400, "invalid_json", "the body is no JSON");
  }
}

/**
 * A response of a server whose headers can be changed.
 *
 * @param {Response} response
 */
function passed({ body, status, statusText, headers }) {
  const kept = new Headers(headers);
  // The browser has decoded the body already.
  for (const name of ["content-encoding", "content-length"]) kept.delete(name);
  return new Response(body, { status, statusText, headers: kept });
}

/**
 * A response of a server, or its error.
 *
 * @param {Response} response
 */
async function accepted(response) {
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  const message = error?.message ?? `the server answered ${response.status}`;
  throw Object.assign(new OpenAIError(response.status, error?.code ?? "server", message, error?.param ?? null), {
    type: error?.type ?? "server_error",
  });
}

/**
 * OpenAI's interface over a model.
 *
 * @param {any} model
 * @param {unknown} [options]
 * @returns {any} typed by hand
 */
export const createOpenAI = (model, options) => new OpenAIClient(model, options);
