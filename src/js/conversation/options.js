// The options of a conversation: the tools, which of them may be called, and how long the model thinks.

import { copyOptions, invalidOption } from "../errors.js";

/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {import("./stepper.js").Constraint} Constraint */
/** @typedef {{ mode: "auto" | "required" | "none", name?: string }} Choice */

/**
 * The tools, each as the function in it.
 *
 * @param {any} given
 * @returns {Tool[]}
 */
function checkedTools(given) {
  if (!Array.isArray(given)) throw invalidOption("tools", "must be a list of tools");
  const tools = given.map((tool, index) => {
    const { name, description, parameters } = tool?.function ?? {};
    const wrong = (/** @type {string} */ reason) => invalidOption(`tools[${index}]`, reason);
    // The name is part of the text, between the marks of each template.
    if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name) || /^[\d.-]/.test(name)) {
      throw wrong(
        "must have a name of up to 64 letters, digits, dots, dashes and underscores, the first a letter or underscore",
      );
    }
    if (parameters !== undefined && (parameters === null || typeof parameters !== "object")) {
      throw wrong("must have a schema for its parameters");
    }
    return {
      name,
      description: description ?? "",
      parameters: parameters ?? { type: "object", properties: {} },
    };
  });
  if (new Set(tools.map(({ name }) => name)).size < tools.length) {
    throw invalidOption("tools", "must have names that differ");
  }
  return tools;
}

/**
 * @param {any} given "auto", "none", "required", `{ name }`, or OpenAI's `{ type: "function", function: { name } }`
 * @param {Tool[]} tools
 * @returns {Choice}
 */
function checkedChoice(given, tools) {
  if (given === "none" || tools.length === 0) {
    if (given !== undefined && given !== "none" && given !== "auto") {
      throw invalidOption("tool_choice", "needs a tool");
    }
    return { mode: "none" };
  }
  if (given === "auto" || given === "required") return { mode: given };
  const name = given?.name ?? given?.function?.name;
  if (tools.some((tool) => tool.name === name)) return { mode: "required", name };
  throw invalidOption("tool_choice", 'must be "auto", "none", "required" or the name of a tool');
}

/** @param {any} given */
function checkedLimit(given) {
  const { limit = Infinity } = copyOptions(given, ["limit"]);
  if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 0)) {
    throw invalidOption("thinking.limit", "must be a number of tokens");
  }
  return limit;
}

/**
 * @param {any} given
 * @returns {string[]}
 */
function checkedStops(given) {
  const stops = [given ?? []].flat();
  if (stops.every((stop) => typeof stop === "string" && stop !== "")) return stops;
  throw invalidOption("stop", "must be a string or a list of strings that are not empty");
}

/**
 * @param {string} name
 * @param {any} source
 * @returns {Constraint}
 */
const constraintOf = (name, source) => /** @type {any} */ ({ [name]: source });

/**
 * Reads the options; what is not for the conversation is for `chat`.
 *
 * @param {unknown} given
 */
export function readOptions(given) {
  const {
    tools,
    tool_choice,
    parallel_tool_calls = true,
    thinking,
    chat_template,
    stop,
    ...writing
  } = copyOptions(given);
  const known = checkedTools(tools ?? []);
  const choice = checkedChoice(tool_choice ?? (known.length > 0 ? "auto" : undefined), known);
  const [constraint, another] = ["json_schema", "regex", "grammar"].filter((name) => writing[name] != null);
  if (another) throw invalidOption(another, `cannot be there together with "${constraint}"`);
  if (choice.mode !== "none" && constraint)
    throw invalidOption("tools", `cannot be there together with "${constraint}"`);
  return {
    tools: known,
    choice,
    parallel: parallel_tool_calls !== false,
    limit: checkedLimit(thinking),
    stop: checkedStops(stop),
    constraint: constraint === undefined ? undefined : constraintOf(constraint, writing[constraint]),
    chat_template,
    writing: Object.fromEntries(Object.entries(writing).filter(([name]) => name !== constraint)),
  };
}
