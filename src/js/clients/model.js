// A model in the browser, or on a server where the browser is not enough: the clients work the same on either.

import init, { Generator, WorkerGenerator } from "../index.js";
import { codeOf, copyOptions, messageOf } from "../errors.js";
import { modelOf } from "./local-model.js";
import { omit } from "./omit.js";
import { ServerModel, serverSettings } from "./server-model.js";

/** @typedef {import("./model.js").ServerOptions} ServerOptions */
/** @typedef {import("../nexttoken.js").ModelSource} ModelSource */

/** The errors that say that this browser cannot run the model: another one, or a server, might. */
const NOT_HERE = ["out_of_memory", "unsupported_browser"];

/** What both take that run the engine: which module is started. */
const ENGINE = ["variant", "wasm_url", "wasm"];

/**
 * The engine on this thread or in a worker, as two functions.
 *
 * @param {boolean} worker
 * @param {Record<string, any>} options of a load
 */
function engine(worker, options) {
  if (worker) {
    const inspecting = omit(options, ["onProgress"]);
    return {
      inspect: (/** @type {ModelSource} */ source) => WorkerGenerator.inspect(source, inspecting),
      load: (/** @type {ModelSource} */ source) => WorkerGenerator.load(source, options),
    };
  }
  const own = Object.entries(options).filter(([name]) => ENGINE.includes(name));
  const loading = omit(options, ENGINE);
  const inspecting = omit(loading, ["onProgress"]);
  const started = () => init(Object.fromEntries(own));
  return {
    inspect: async (/** @type {ModelSource} */ source) => (await started(), Generator.inspect(source, inspecting)),
    load: async (/** @type {ModelSource} */ source) => (await started(), Generator.load(source, loading)),
  };
}

/**
 * Why the model should not even be loaded here; undefined where it should.
 *
 * @param {ReturnType<typeof engine>} here
 * @param {ModelSource} source
 * @param {ServerOptions} server
 */
async function refusal(here, source, { when }) {
  if (when === "always") return "the server was asked for";
  // What can be read only once is left for the load.
  if (source instanceof Response || source instanceof ReadableStream) return undefined;
  const inspection = await here.inspect(source);
  if (!inspection.supported) return inspection.reason ?? "the model does not run here";
  return (await when?.(inspection)) ? "the server was preferred for this model" : undefined;
}

/**
 * How many tokens the generator writes in a second.
 *
 * @param {Generator | WorkerGenerator} generator
 */
async function speedOf(generator) {
  // A constant text, so that the measurement is the same each time.
  await generator.start("Once upon a time", { temperature: 0, max_tokens: 8 });
  while (await generator.next_token());
  const { decode_tokens_per_second } = await generator.timings();
  await generator.reset();
  return decode_tokens_per_second;
}

/**
 * Loads a model here, unless `refusal` or the load itself says that it does not fit.
 *
 * @param {ReturnType<typeof engine>} here
 * @param {ModelSource} source
 * @param {ServerOptions} server
 * @returns {Promise<Generator | WorkerGenerator | string>} the generator, or the reason why there is none
 */
async function attempt(here, source, server) {
  try {
    const reason = await refusal(here, source, server);
    if (reason !== undefined) return reason;
    const generator = await here.load(source);
    if (!server.minTokensPerSecond) return generator;
    const speed = await speedOf(generator);
    if (speed >= server.minTokensPerSecond) return generator;
    generator.free();
    return `the model is too slow here: ${speed.toFixed(1)} tokens per second`;
  } catch (thrown) {
    if (NOT_HERE.includes(codeOf(thrown))) return messageOf(thrown);
    throw thrown;
  }
}

/**
 * What a model's file says and whether it runs here. For the documentation see the types.
 *
 * @param {ModelSource} source
 * @param {unknown} [options]
 */
export async function inspectModel(source, options) {
  // What can be read only once is left for the load.
  if (source instanceof Response || source instanceof ReadableStream) return undefined;
  const given = omit(copyOptions(options), ["server", "onProgress"]);
  const { worker = typeof Worker !== "undefined", ...inspecting } = given;
  return engine(worker, inspecting).inspect(source);
}

/**
 * Loads a model for the clients. For the documentation see the types.
 *
 * @param {ModelSource} source
 * @param {unknown} [options]
 * @returns {Promise<import("./model.js").ClientModel>}
 */
export async function loadModel(source, options) {
  const { server, worker = typeof Worker !== "undefined", ...loading } = copyOptions(options);
  const here = engine(worker, loading);
  if (server === undefined) return modelOf(await here.load(source));
  const settings = serverSettings(server);
  const loaded = await attempt(here, source, settings);
  return typeof loaded === "string" ? new ServerModel(settings, loaded) : modelOf(loaded);
}
