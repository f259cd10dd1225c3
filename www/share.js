// A text to share: a link that writes it again, its record as a file, and a picture of it.

import { download, finder } from "./dom.js";
import { hashOf } from "./hash.js";
import { MODELS, MOST_BRANCHES, describe, fromFragment, isFile, toFragment } from "./link.js";
import { toSvg } from "./svg.js";
import { toCsv, toJson } from "./record.js";

/** @typedef {import("./link.js").LinkedText} LinkedText */
/** @typedef {import("./microscope.js").Microscope} Microscope */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/**
 * The rest of the page: `origin` tells where the loaded model came from, undefined where there is none or no link can name it;
 * `show()` opens the view of a text, `write(work)` ends what is running and runs `work`, and `catalogue` chooses a model by its
 * address.
 *
 * @typedef {{ microscope: Microscope, catalogue: Pick<import("./catalogue.js").CatalogueView, "choose">, readonly origin: import("./branches.js").Origin | undefined, readonly stopping: boolean, show: () => void,
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
    find("save-svg").addEventListener("click", () => this.#save("svg", "image/svg+xml", toSvg));
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
    const isLoaded = await this.#isLoaded(text);
    // Another link may have been opened meanwhile.
    if (this.#linked !== text) return;
    if (!isLoaded) return this.#askForModel(text);
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
   * Whether the model that wrote the text is loaded. It is known by its hash, wherever it came from; by its name where one of
   * both has none.
   *
   * @param {LinkedText} text
   */
  async #isLoaded({ model, sha256 }) {
    const { origin } = this.#host;
    if (!origin) return false;
    const hash = sha256 && (origin.files ? await this.#hash(origin.files) : origin.sha256);
    // Another model may have been loaded meanwhile.
    if (this.#host.origin !== origin) return false;
    if (hash) return hash === sha256;
    return !origin.files && model === origin.key;
  }

  /**
   * The hash of the files of a model; undefined where they cannot be read any more.
   *
   * @param {File[]} files
   */
  async #hash(files) {
    this.#tell("Computing the hash of the model …");
    const hash = await hashOf(files).catch(() => undefined);
    this.#tell("");
    return hash;
  }

  /**
   * Asks for the model of the link.
   *
   * @param {LinkedText} text
   */
  #askForModel({ model, sha256 }) {
    const known = MODELS.get(model) ?? this.#host.catalogue.choose(model);
    const name = known ?? (isFile(model) ? `the file ${model}` : model);
    this.#tell(`The link tells of a text by ${name}${sha256 ? ` (SHA-256 ${sha256})` : ""}: load it to see that.`);
    if (known) return;
    // The place for a file, or for the address.
    this.#find("own-model", "details").open = true;
    if (!isFile(model)) this.#find("url", "input").value = model;
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

  async #link() {
    const text = this.#shown;
    if (!text) return;
    const { options, origin } = text;
    if (options.adapters) return this.#tell("This text was written with an adapter, which a link cannot name.");
    if (!origin) return this.#tell("The model of this text was trained here, and only a file can be named in a link.");
    if (text.branches.length > MOST_BRANCHES) {
      return this.#tell(`A link holds ${MOST_BRANCHES} branches at most: forget some of them.`);
    }
    const sha256 = origin.files ? await this.#hash(origin.files) : origin.sha256;
    if (origin.files && !sha256) return this.#tell("The file of the model cannot be read any more.");
    history.replaceState(null, "", `#${toFragment(describe({ ...text, model: origin.key, sha256 }))}`);
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
