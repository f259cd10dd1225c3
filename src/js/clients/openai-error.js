// Errors in OpenAI's form.

import { codeOf, messageOf } from "../errors.js";

/** The errors of the engine that are the request's own fault. */
const BAD_REQUEST = [
  ...["invalid_option", "unknown_option", "constraint", "chat_template", "empty_prompt", "prompt_too_long"],
  "forbidden_token",
];
/** Those after which the same request may succeed elsewhere or later. */
const UNAVAILABLE = ["out_of_memory", "freed", "crashed", "server"];

/** An error of a request. In a `Response` it is the JSON `{ error: { message, type, param, code } }`. */
export class OpenAIError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {string | null} [param] the parameter that is at fault
   * @param {unknown} [cause]
   */
  constructor(status, code, message, param = null, cause = undefined) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "OpenAIError";
    this.status = status;
    this.code = code;
    this.param = param;
    this.type = status < 500 ? "invalid_request_error" : "server_error";
  }

  toJSON() {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/**
 * A parameter that cannot be honoured.
 *
 * @param {string} param
 * @param {string} [message]
 */
export const unsupported = (param, message = `this engine does not support the parameter "${param}"`) =>
  new OpenAIError(400, "unsupported_parameter", message, param);

/**
 * A parameter with an impossible value.
 *
 * @param {string} param
 * @param {string} reason
 */
export const invalid = (param, reason) =>
  new OpenAIError(400, "invalid_value", `the parameter "${param}" ${reason}`, param);

/**
 * What was thrown, as an error in OpenAI's form. What the caller's signal threw stays as it is.
 *
 * @param {any} thrown
 * @param {AbortSignal} [signal]
 * @returns {any}
 */
export function openAIError(thrown, signal) {
  if (thrown instanceof OpenAIError || (signal?.aborted && thrown === signal.reason)) return thrown;
  const code = codeOf(thrown);
  const [status, name] = BAD_REQUEST.includes(code)
    ? [400, code === "prompt_too_long" ? "context_length_exceeded" : code]
    : [UNAVAILABLE.includes(code) ? 503 : 500, code];
  return new OpenAIError(status, name, messageOf(thrown), null, thrown);
}
