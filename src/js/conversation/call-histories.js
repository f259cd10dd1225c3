// Calls and results in a history, as the templates of some families know them.

/** @typedef {Record<string, any>} Message */

/**
 * The results of a message's calls, each with its call: by the id where that is known, else in the order.
 *
 * @param {Message[]} calls
 * @param {Message[]} results
 * @returns {{ call?: Message, result?: Message }[]}
 */
function paired(calls, results) {
  const left = [...results];
  const take = (/** @type {number} */ index) => (index < 0 ? undefined : left.splice(index, 1)[0]);
  const byId = calls.map(({ id }) => take(id === undefined ? -1 : left.findIndex((it) => it.tool_call_id === id)));
  const pairs = calls.map((call, index) => ({ call, result: byId[index] ?? left.shift() }));
  return [...pairs, ...left.map((result) => ({ result }))];
}

/**
 * The messages in groups: an answer with calls together with its results, and each other message by itself.
 *
 * @param {Message[]} messages
 * @returns {Message[][]}
 */
function grouped(messages) {
  /** @type {Message[][]} */
  const groups = [];
  for (const message of messages) {
    if (message.role === "tool" && groups.at(-1)?.[0].tool_calls) groups.at(-1)?.push(message);
    else groups.push([message]);
  }
  return groups;
}

/**
 * gpt-oss's templates render one call of a message, whose results come next, and refuse to have both thinking and a text
 * with it: a text would be rendered as thinking.
 *
 * @param {Message[]} messages
 */
export function oneCallEach(messages) {
  return grouped(messages).flatMap(([{ tool_calls, ...message }, ...results]) => {
    if (!tool_calls) return [message];
    const { reasoning_content, content, ...others } = message;
    const thought = reasoning_content && content ? `${reasoning_content}\n\n${content}` : reasoning_content;
    const first = { ...others, content: thought ? "" : content, ...(thought && { reasoning_content: thought }) };
    return paired(tool_calls, results).flatMap(({ call, result }, index) => [
      ...(call ? [{ ...(index === 0 ? first : { ...others, content: "" }), tool_calls: [call] }] : []),
      ...(result ? [result] : []),
    ]);
  });
}

/**
 * A result that is an object or a list in JSON, with all its digits; other texts stay as they are.
 *
 * @param {string} text
 */
function readResult(text) {
  // A number that JavaScript might write otherwise than the tool did.
  if (!/^\s*[{[]/.test(text) || /\d{16}|\d[eE][+-]?\d|\.\d*0(?!\d)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Gemma 4's templates have the results in the message of their calls, and the text after them, where it goes on. A text
 * before a call has no place there.
 *
 * @param {Message[]} messages
 * @param {string} template
 */
export function withResponses(messages, template) {
  if (!template.includes("tool_responses")) return messages;
  /** @type {Message[]} */
  const found = [];
  for (const [message, ...results] of grouped(messages)) {
    const before = found.at(-1);
    if (message.tool_calls) {
      const responses = paired(message.tool_calls, results).flatMap(({ call, result }) =>
        result ? [{ name: call?.function.name ?? "unknown", response: readResult(result.content) }] : [],
      );
      found.push({ ...message, content: "", ...(responses.length > 0 && { tool_responses: responses }) });
    } else if (message.role === "assistant" && before?.tool_responses && before.content === "") {
      before.content = message.content;
    } else {
      found.push(message);
    }
  }
  return found;
}
