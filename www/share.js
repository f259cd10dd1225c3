// A text to share: a link that writes it again, and its record as a file.

import { download, finder } from "./dom.js";
import { MODELS, describe, fromFragment, toFragment } from "./link.js";
import { toCsv, toJson } from "./record.js";

/** @typedef {import("./link.js").LinkedText} LinkedText */
/** @typedef {import("./microscope.js").Microscope} Microscope */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/**
 * The rest of the page: `model` is what a link calls the loaded model, undefined where it has no name or there is none;
 * `show()` opens the view of a text, and `write(work)` ends what is running and runs `work`.
 *
 * @typedef {{ microscope: Microscope, readonly model: string | undefined, readonly stopping: boolean, show: () => void,
 *   write: (work: (generator: WorkerGenerator) => Promise<void>) => Promise<boolean> }} Host
 */

export class ShareView {
  #find;
  #host;
  #status;
  /** @type {LinkedText | undefined} a text that is still to be written again */
  #linked;

  /**
   * @param {ParentNode} root holds the view, and the box for a model's address
   * @param {Host} host
   */
  constructor(root, host) {
    const find = (this.#find = finder(root));
    this.#host = host;
    this.#status = find("shared");
    find("link").addEventListener("click", () => this.#link());
    find("save-csv").addEventListener("click", () => this.#save("csv", "text/csv", ({ tokens }) => toCsv(tokens)));
    find("save-json").addEventListener("click", () => this.#save("json", "application/json", toJson));
    globalThis.addEventListener?.("hashchange", () => this.read());
  }

  /** Reads the link in the page's address, and shows its text where its model is loaded. */
  async read() {
    this.#linked = undefined;
    try {
      this.#linked = fromFragment(location.hash);
    } catch {
      this.#host.show();
      return this.#tell("The link to a text is damaged.");
    }
    if (this.#linked) this.#host.show();
    await this.show();
  }

  /** Writes the text of the link again, once, where the model that wrote it is loaded. */
  async show() {
    const text = this.#linked;
    if (!text) return;
    if (text.model !== this.#host.model) return this.#ask(text.model);
    this.#linked = undefined;
    let begun = false;
    const done = await this.#host.write(async (generator) => {
      begun = true;
      const same = await this.#host.microscope.replay(generator, text);
      const told = same ? "the same text as there" : "another text than there: the model or its version differs";
      this.#tell(this.#host.stopping ? "Stopped." : `Written again from the link: ${told}.`);
    });
    // Something else came first: the text waits for the next model.
    if (!begun) this.#linked ??= text;
    else if (!done) this.#tell("The text of the link could not be written.");
  }

  /**
   * Asks for the model of the link.
   *
   * @param {string} model
   */
  #ask(model) {
    this.#tell(`The link tells of a text by ${MODELS.get(model) ?? model}: load it to see that.`);
    if (!MODELS.has(model)) this.#find("url", "input").value = model;
  }

  /** @param {string} text */
  #tell(text) {
    this.#status.textContent = text;
  }

  get #shown() {
    const { shown } = this.#host.microscope;
    if (!shown) this.#tell("There is no text yet.");
    return shown;
  }

  #link() {
    const shown = this.#shown;
    if (!shown) return;
    if (!shown.key) return this.#tell("The model of this text came as a file, which a link cannot name.");
    history.replaceState(null, "", `#${toFragment(describe({ ...shown, model: shown.key }))}`);
    this.#tell("The link is in the address bar.");
    const copied = navigator.clipboard?.writeText(location.href);
    copied?.then(() => this.#tell("The link is in the address bar, and copied.")).catch(() => {});
  }

  /**
   * Offers a file to download.
   *
   * @param {string} ending
   * @param {string} type
   * @param {(shown: NonNullable<Microscope["shown"]>) => string} content
   */
  #save(ending, type, content) {
    const shown = this.#shown;
    if (shown) download(`text.${ending}`, new Blob([content(shown)], { type }));
  }
}
