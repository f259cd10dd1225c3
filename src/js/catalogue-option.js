// The names of `nexttoken/catalogue` as sources of a load. The list itself is fetched with the first source that may be a
// name.

import { invalidOption, withErrorCode } from "./errors.js";

/** @typedef {import("./catalogue.js").CatalogueModel} CatalogueModel */

/**
 * The list, where `nexttoken/catalogue` has been imported.
 *
 * @type {readonly CatalogueModel[] | undefined}
 */
let offered;

/** @param {readonly CatalogueModel[]} catalogue */
export const offerCatalogue = (catalogue) => void (offered = catalogue);

/** @returns {Promise<readonly CatalogueModel[]>} */
async function fetched() {
  if ("ServiceWorkerGlobalScope" in globalThis) {
    throw invalidOption("source", 'needs `import "nexttoken/catalogue"` in a service worker, or "./" before a file');
  }
  return (await import("./catalogue-models.js")).catalogue;
}

/**
 * Whether a source may be a name: text without what an address or the name of a model's file has.
 *
 * @param {unknown} source
 * @returns {source is string}
 */
export const mayBeName = (source) => typeof source === "string" && /^[\w.-]+$/.test(source) && !/\.gguf$/i.test(source);

/**
 * The model of a name; undefined where there is none, so that it is an address.
 *
 * @param {string} name
 */
export async function modelNamed(name) {
  return (offered ?? (await fetched())).find((model) => model.name === name);
}

/**
 * `call` with the address of a model where its source is a name.
 *
 * @template This
 * @template {unknown[]} Rest
 * @template Result
 * @param {(this: This, source: any, ...rest: Rest) => Promise<Result>} call
 * @returns {(this: This, source: any, ...rest: Rest) => Promise<Result>}
 */
export const withNames = (call) =>
  withErrorCode(async function (source, ...rest) {
    const model = mayBeName(source) ? await modelNamed(source) : undefined;
    return call.call(this, model?.url ?? source, ...rest);
  });
