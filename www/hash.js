// The SHA-256 of a model that came as files.

import { sha256 } from "./pkg/vendor/sha256.js";

/**
 * Those computed before, by the list of files: a model may have gigabytes.
 *
 * @type {WeakMap<File[], Promise<string>>}
 */
const known = new WeakMap();

/**
 * The hash of some files, one after the other in the order of their names, in hexadecimal digits. Fails where one cannot be
 * read.
 *
 * @param {File[]} files
 */
export function hashOf(files) {
  let hash = known.get(files);
  if (hash) return hash;
  known.set(files, (hash = compute(files)));
  // A drive that was gone may come back.
  hash.catch(() => known.delete(files));
  return hash;
}

/** @param {File[]} files */
async function compute(files) {
  const hash = sha256.create();
  for (const file of files.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const reader = file.stream().getReader();
    for (let part = await reader.read(); part.value; part = await reader.read()) hash.update(part.value);
  }
  return [...hash.digest()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
