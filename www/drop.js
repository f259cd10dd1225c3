// Files that are dropped anywhere on the page.

import { finder } from "./dom.js";

/**
 * Shows while files are dragged over the page that they may be dropped, and calls `take` with those that are. A view that
 * takes a file itself stops the event before.
 *
 * @param {Document | HTMLElement} root holds what is shown meanwhile
 * @param {(files: FileList | undefined) => void} take
 */
export function takeDropped(root, take) {
  const shown = finder(root)("drop");
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    shown.hidden = false;
  });
  root.addEventListener("dragleave", (event) => {
    if (!(/** @type {DragEvent} */ (event).relatedTarget)) shown.hidden = true;
  });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    shown.hidden = true;
    take(/** @type {DragEvent} */ (event).dataTransfer?.files);
  });
}
