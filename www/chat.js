// The chat view: a conversation with the model, by its own chat template.

import { element, finder } from "./dom.js";

/** @typedef {import("./pkg/index.js").ChatMessage} ChatMessage */
/** @typedef {import("./pkg/index.js").Token} Token */

export class Chat {
  /** @type {ChatMessage[]} */
  #messages = [];
  #system;
  #box;
  #list;

  /** @param {ParentNode} root holds the system prompt, the messages and the box for the next one */
  constructor(root) {
    const find = finder(root);
    this.#system = find("system", "textarea");
    this.#box = find("say", "textarea");
    this.#list = find("messages");
  }

  /** The messages so far, as the engine takes them. */
  get conversation() {
    const system = this.#system.value.trim();
    return system ? [{ role: "system", content: system }, ...this.#messages] : [...this.#messages];
  }

  /**
   * Sends the text in the box as the user's message.
   *
   * @param {(into: HTMLElement, seen: (tokens: Token[], show: () => void) => void) => Promise<boolean>} answer runs the
   *   model and calls `seen` with its tokens, some at a time, and what shows them in `into`; resolves to whether that
   *   succeeded
   */
  async send(answer) {
    const said = this.#box.value.trim();
    if (!said) return;
    this.#box.value = "";
    this.#messages.push({ role: "user", content: said });
    const asked = this.#add("user", said);
    const answered = this.#add("assistant", "");
    let text = "";
    /** @type {Token["finish_reason"]} */
    let finish;
    const well = await answer(answered, (tokens, show) => {
      text += tokens.map((token) => token.text).join("");
      finish = tokens.at(-1)?.finish_reason;
      const follows = this.#isNearEnd;
      show();
      if (follows) this.#toEnd();
    });
    answered.classList.remove("waiting");
    if (!well || text === "") return this.#takeBack(said, asked, answered);
    this.#messages.push({ role: "assistant", content: text });
    if (finish === "length") answered.classList.add("cut");
  }

  /** Forgets the conversation. */
  clear() {
    this.#messages.length = 0;
    this.#list.replaceChildren();
  }

  /**
   * Removes a message that got no answer, and puts its text back into the box.
   *
   * @param {string} said
   * @param {HTMLElement[]} items
   */
  #takeBack(said, ...items) {
    this.#messages.pop();
    for (const item of items) item.remove();
    if (!this.#box.value) this.#box.value = said;
  }

  /**
   * @param {"user" | "assistant"} role
   * @param {string} text
   */
  #add(role, text) {
    const item = element("li", role, text);
    item.classList.toggle("waiting", role === "assistant");
    item.setAttribute("aria-label", role === "user" ? "You" : "The model");
    this.#list.append(item);
    this.#toEnd();
    return item;
  }

  /** Whether the view is scrolled to the end, so that it should follow new text. */
  get #isNearEnd() {
    return this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 80;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }
}
