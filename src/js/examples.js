// What a model is fine-tuned on: a text, or conversations, which its chat template renders.

import { renderChat } from "./chat.js";
import { codeOf, invalidOption, makeError, messageOf } from "./errors.js";

/** @typedef {import("./nexttoken_trainer.js").ChatMessage} ChatMessage */
/** @typedef {import("./nexttoken_trainer.js").Conversation} Conversation */

/** The most conversations, and the most messages in one. */
const LIMIT = 100_000;
const WANTED = '{"messages": [{"role": …, "content": …}, …]}';

/**
 * A copy of a list that is none too long. What reads it may throw.
 *
 * @param {unknown} list
 * @returns {unknown[]}
 */
function copied(list) {
  if (!Array.isArray(list) || list.length > LIMIT) throw new Error(`there must be a list of at most ${LIMIT}`);
  return Array.from(list);
}

/**
 * The examples as they were given, checked as far as they can be without a model.
 *
 * @param {unknown} examples
 * @returns {string | ChatMessage[][]} a text, or the messages of each conversation
 */
export function readExamples(examples) {
  if (typeof examples === "string") return examples;
  try {
    const conversations = /** @type {Conversation[]} */ (copied(examples));
    return conversations.map(({ messages }) =>
      /** @type {ChatMessage[]} */ (copied(messages)).map((message) => ({ ...message })),
    );
  } catch (thrown) {
    throw invalidOption("examples", `must be a text or a list of { messages }: ${messageOf(thrown)}`);
  }
}

/**
 * Renders each conversation up to each of the assistant's answers. A first message answers nothing.
 *
 * Each beginning is rendered by itself, though that takes time quadratic in the messages: a template may write a message in
 * another way once another follows, as those do that leave out what was thought before earlier answers.
 *
 * @param {any} generator of the trainer's module
 * @param {ChatMessage[][]} conversations
 * @returns {Promise<[prompt: string, conversation: string][][]>} the messages before each answer, and those with it
 */
export async function renderAnswers(generator, conversations) {
  // One date, or an answer and what is before it might differ in it.
  const date = new Date();
  const render = async (/** @type {ChatMessage[]} */ messages, /** @type {boolean} */ add_generation_prompt) => {
    const [text] = await renderChat(generator, messages, { add_generation_prompt, date });
    return text;
  };
  /** @type {[string, string][][]} */
  const rendered = [];
  for (const [index, messages] of conversations.entries()) {
    /** @type {[string, string][]} */
    const answers = [];
    try {
      for (const [turn, { role }] of messages.entries()) {
        if (turn === 0 || role !== "assistant") continue;
        const before = await render(messages.slice(0, turn), true);
        answers.push([before, await render(messages.slice(0, turn + 1), false)]);
      }
    } catch (thrown) {
      throw makeError(codeOf(thrown), `conversations[${index}]: ${messageOf(thrown)}`, thrown);
    }
    rendered.push(answers);
  }
  return rendered;
}

/** @param {any} message */
const isMessage = (message) =>
  typeof message?.role === "string" && typeof message.content === "string" && Object.keys(message).length === 2;

/**
 * Reads a line of a file of conversations.
 *
 * @param {string} line
 * @param {number} number from 1 on
 * @returns {Conversation}
 */
function readLine(line, number) {
  let reason = "it is something else";
  try {
    const messages = JSON.parse(line)?.messages;
    if (Array.isArray(messages) && messages.every(isMessage)) return { messages };
  } catch (thrown) {
    reason = messageOf(thrown);
  }
  throw invalidOption(`line ${number}`, `must be an object like ${WANTED} in JSON: ${reason}`);
}

/**
 * Reads conversations as JSON lines; see the types.
 *
 * @param {string} text
 */
export function readConversations(text) {
  if (typeof text !== "string") throw invalidOption("text", "must be a string");
  /** @type {Conversation[]} */
  const conversations = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    if (line.trim() !== "") conversations.push(readLine(line, number));
  }
  return conversations;
}
