// The models of the catalogue in the row of the model: one is chosen, read about and loaded.

import { catalogue } from "./pkg/catalogue.js";
import { element, finder } from "./dom.js";

/** @typedef {import("./pkg/catalogue.js").CatalogueModel} CatalogueModel */

/** The model with a button of its own. */
const SAMPLE = "smollm2-135m";
/** Those that are offered: encoders are for the search. */
const offered = catalogue.filter(({ name, architecture }) => name !== SAMPLE && architecture !== "bert");

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

export class CatalogueView {
  #select;
  #about;

  /**
   * @param {ParentNode} root
   * @param {(model: CatalogueModel) => void} load
   */
  constructor(root, load) {
    const find = finder(root);
    this.#select = find("catalogue", "select");
    this.#about = find("catalogue-about");
    for (const { name, title, size, license } of offered) {
      const option = element("option", "", `${title} (${megabytes(size)}, ${license})`);
      option.value = name;
      this.#select.append(option);
    }
    this.#select.addEventListener("change", () => this.#tell());
    find("load-catalogue").addEventListener("click", () => load(this.#chosen));
    this.#tell();
  }

  get #chosen() {
    return offered.find(({ name }) => name === this.#select.value) ?? offered[0];
  }

  #tell() {
    const { title, good_at, context_length, license } = this.#chosen;
    const context = `Context of ${context_length.toLocaleString("en")} tokens`;
    this.#about.textContent = `${title} is good at ${good_at}. ${context}, licence ${license}.`;
  }

  /**
   * Chooses the model at an address.
   *
   * @param {string} url
   * @returns {string | undefined} its title; undefined where it is not offered
   */
  choose(url) {
    const model = offered.find((model) => model.url === url);
    if (!model) return undefined;
    this.#select.value = model.name;
    this.#tell();
    return model.title;
  }
}
