// A prompt of the AI SDK → messages, and its tools → those of a conversation.

import { unsupportedPart } from "./ai-sdk-error.js";

/** @typedef {{ type: string, [key: string]: any }} PromptPart */

/**
 * What a tool gave, as text.
 *
 * @param {PromptPart} output
 */
function resultText({ type, value, reason }) {
  if (type === "text" || type === "error-text") return value;
  if (type === "execution-denied") return `The call was denied${reason ? `: ${reason}` : "."}`;
  if (type !== "content") return JSON.stringify(value);
  const other = value.find((/** @type {PromptPart} */ part) => part.type !== "text");
  if (other) throw unsupportedPart(`tool results of type ${other.type}`);
  return value.map((/** @type {PromptPart} */ { text }) => text).join("");
}

/**
 * The messages of one of the prompt: each result of a tool is one of its own.
 *
 * @param {{ role: string, content: string | PromptPart[] }} message
 */
export function readMessage({ role, content }) {
  if (typeof content === "string") return [{ role, content }];
  const known = role === "tool" ? ["tool-result"] : ["text", "reasoning", "tool-call"];
  const other = content.find(({ type }) => !known.includes(type));
  if (other) throw unsupportedPart(`parts of type ${other.type}`);
  if (role === "tool") {
    return content.map(({ toolCallId, toolName, output }) => ({
      role,
      content: resultText(output),
      tool_call_id: toolCallId,
      name: toolName,
    }));
  }
  const joined = (/** @type {string} */ wanted) =>
    content.flatMap(({ type, text }) => (type === wanted ? [text] : [])).join("");
  const calls = content.filter(({ type }) => type === "tool-call");
  const reasoning = joined("reasoning");
  return [
    {
      role,
      content: joined("text"),
      ...(reasoning && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls.map(readCall) }),
    },
  ];
}

/** @param {PromptPart} part */
const readCall = ({ toolCallId, toolName, input }) => ({
  id: toolCallId,
  type: /** @type {const} */ ("function"),
  function: { name: toolName, arguments: input ?? {} },
});

/**
 * The tools of a request, and which of them are to be called.
 *
 * @param {any} request
 */
export function readTools({ tools = [], toolChoice }) {
  const functions = tools.filter((/** @type {any} */ { type }) => type === "function");
  const choice = toolChoice?.type === "tool" ? { name: toolChoice.toolName } : toolChoice?.type;
  return {
    tools: functions.map((/** @type {any} */ { name, description, inputSchema }) => ({
      type: "function",
      function: { name, description, parameters: inputSchema },
    })),
    ...(functions.length > 0 && choice !== undefined && { tool_choice: choice }),
  };
}
