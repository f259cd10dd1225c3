// Texts that a reader brings as a file.

import { finder } from "./dom.js";

/** The longest text to learn from, in bytes: a longer one takes minutes to tokenize before the first step of a training. */
const LONGEST = 8_000_000;

/**
 * The text of a file, if it is not too long.
 *
 * @param {File} file
 * @param {number} [longest] bytes
 */
export async function readText(file, longest = LONGEST) {
  const { name, size } = file;
  if (size > longest) {
    const [has, most] = [Math.ceil(size / 1e5) / 10, longest / 1e6];
    throw new Error(`${name} is too long: it has ${has} MB, and ${most} MB at most are read`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error(`${name} is not UTF-8 text; save it as UTF-8, or choose another`, { cause: error });
  }
}

/**
 * Calls `take` with a text file that is dropped on the page while a view is open.
 *
 * @param {Document | HTMLElement} root holds what is shown while a file is dragged
 * @param {() => boolean} isOpen
 * @param {(file: File) => void} take
 */
export function takeDroppedText(root, isOpen, take) {
  const drop = (/** @type {Event} */ event) => {
    const file = isOpen() ? droppedText(/** @type {DragEvent} */ (event)) : undefined;
    if (!file) return;
    finder(root)("drop").hidden = true;
    take(file);
  };
  root.addEventListener("drop", drop, true);
}

/**
 * The text file that was dropped; undefined where a model was, or nothing. The page then does not take it for a model.
 *
 * @param {DragEvent} event
 */
export function droppedText(event) {
  const file = event.dataTransfer?.files[0];
  if (!file || file.name.endsWith(".gguf")) return undefined;
  event.preventDefault();
  event.stopPropagation();
  return file;
}
