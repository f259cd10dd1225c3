/** A model that has a name: small, and of an architecture that loads here. */
export interface CatalogueModel {
  /** What `Generator.load`, `WorkerGenerator.load`, their `inspect` and the loads of encoders take in place of an address. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  /** The address of its file, by which a store keeps it. */
  readonly url: string;
  /** The SHA-256 of the file in hexadecimal digits. */
  readonly sha256: string;
  /** Bytes of the file. */
  readonly size: number;
  /** The licence of the weights: an SPDX identifier, or the name that its authors give it. */
  readonly license: string;
  /** The longest context that its authors promise, in tokens. */
  readonly context_length: number;
  /** The architecture in its header: `bert` is a text encoder, for `nexttoken/encoder`; the others write. */
  readonly architecture: string;
  /** What it is good at, in a few words. */
  readonly good_at: string;
}

/**
 * The models that have names, the smallest first, and after them the text encoders. With the option `store` the SHA-256 of
 * what a name loads is checked. In a service worker a name needs this file to be imported.
 */
export const catalogue: readonly CatalogueModel[];
