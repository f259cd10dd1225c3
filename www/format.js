// The formatting of tokens and numbers on the page.

import { element } from "./dom.js";

/**
 * Makes white space visible.
 *
 * @param {string} text
 */
export const visible = (text) => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toFixed(1)} %`;
}

/**
 * @param {number} number
 * @param {string} thing
 */
export const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

/**
 * The usual spelling of a sampler stage's name.
 *
 * @param {string} name
 */
export const stageTitle = (name) => name.replaceAll("_", "-");

/**
 * A token, set apart from the words around it.
 *
 * @param {string} text
 */
export const piece = (text) => element("code", "piece", visible(text));

/**
 * A model in a sentence.
 *
 * @param {import("./pkg/index.js").ModelInfo} info
 */
export function modelText(info) {
  const millions = (info.parameters / 1e6).toFixed(info.parameters < 1e7 ? 1 : 0);
  return (
    `This is ${info.name}: ${millions} million parameters, ${info.quantization}, ` +
    `context of ${info.context_length} tokens, ${info.backend}.`
  );
}

/**
 * What a model takes and how fast it writes here, before it is downloaded.
 *
 * @param {import("./pkg/index.js").Inspection} inspection of a model that runs here
 */
export function forecastText({ memory, decode_tokens_per_second: speed }) {
  const writes = speed ? ` and should write about ${speed.toFixed(speed < 10 ? 1 : 0)} tokens/s here` : "";
  return `It needs ${((memory?.total ?? 0) / 1e6).toFixed(0)} MB of memory${writes}.`;
}

/**
 * How far a load is, how fast it goes on, and when it is done.
 *
 * @param {import("./pkg/index.js").LoadProgress} progress
 */
export function loadingText({ loaded, total, state, speed, remaining, resumed }) {
  const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(0);
  const parts = [
    total
      ? `${megabytes(loaded)} of ${megabytes(total)} MB, ${((100 * loaded) / total).toFixed(0)} %`
      : `${megabytes(loaded)} MB`,
  ];
  if (speed) parts.push(`${(speed / 1e6).toFixed(1)} MB/s`);
  if (remaining !== undefined) parts.push(`${duration(remaining)} left`);
  if (state === "waiting") parts.push("downloaded by another tab");
  if (state === "reconnecting") parts.push("the line dropped, connecting again …");
  if (state === "downloading" && resumed) parts.push(`going on from ${megabytes(resumed)} MB`);
  return parts.join(", ");
}

/** @param {number} seconds */
const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
