// The tokens of an answer → the parts that the AI SDK knows: text, reasoning and calls.

/** @typedef {import("../conversation.js").ToolCall} ToolCall */
/** @typedef {{ text: string, channel?: "text" | "thinking" | "call", tool_calls?: ToolCall[] }} Token */

/** @param {ToolCall} call */
const callPart = ({ id, function: called }) => ({
  type: /** @type {const} */ ("tool-call"),
  toolCallId: id,
  toolName: called.name,
  input: JSON.stringify(called.arguments),
});

/** The names of the channels there. */
const NAMES = { text: "text", thinking: "reasoning", call: undefined };

/** Collects the content of a whole answer. */
export class Content {
  /** @type {any[]} */
  #parts = [];

  /** @param {Token} token */
  add({ text, channel = "text", tool_calls = [] }) {
    const type = NAMES[channel];
    const last = this.#parts.at(-1);
    if (type && text) {
      if (last?.type === type) last.text += text;
      else this.#parts.push({ type, text });
    }
    this.#parts.push(...tool_calls.map(callPart));
  }

  /** The parts; an answer without any has an empty text. */
  get parts() {
    return this.#parts.length > 0 ? this.#parts : [{ type: "text", text: "" }];
  }
}

/** Sends the parts of a stream: each run of text or reasoning has a beginning, its pieces and an end. */
export class PartStream {
  #send;
  /** @type {{ type: string, id: string } | undefined} */
  #open;
  #count = 0;

  /** @param {(part: object) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {Token} token */
  add({ text, channel = "text", tool_calls = [] }) {
    const type = NAMES[channel];
    if (type && text) {
      this.#turnTo(type);
      this.#send({ type: `${type}-delta`, id: this.#open?.id, delta: text });
    }
    for (const call of tool_calls) {
      const part = callPart(call);
      this.#turnTo(undefined);
      this.#send({ type: "tool-input-start", id: part.toolCallId, toolName: part.toolName });
      this.#send({ type: "tool-input-delta", id: part.toolCallId, delta: part.input });
      this.#send({ type: "tool-input-end", id: part.toolCallId });
      this.#send(part);
    }
  }

  end() {
    this.#turnTo(undefined);
  }

  /** @param {string | undefined} type */
  #turnTo(type) {
    if (this.#open?.type === type) return;
    if (this.#open) this.#send({ type: `${this.#open.type}-end`, id: this.#open.id });
    this.#open = type === undefined ? undefined : { type, id: String(this.#count++) };
    if (this.#open) this.#send({ type: `${type}-start`, id: this.#open.id });
  }
}
