// The guided tour: its language, and its instruments, each of which begins when the reader comes near it.

import { finder } from "../dom.js";
import { tryAttention } from "./try-attention.js";
import { tryChoosing } from "./try-choosing.js";
import { tryContext, tryOrder } from "./try-pairs.js";
import { tryEmbedding, tryTokens } from "./try-tokens.js";
import { tryHead, tryLayers } from "./try-layers.js";
import { tryLoop } from "./try-loop.js";
import { trySoftmax } from "./try-softmax.js";
import { tryTraining } from "./try-training.js";
import { chosenLanguage } from "./languages.js";
import { setLanguage, setUpSwitch } from "./text.js";

const find = finder(document);
setUpSwitch(find("languages"));
// English is there where the texts of another language cannot be loaded.
await setLanguage(chosenLanguage(location.search, navigator.languages)).catch(() => setLanguage("en"));

for (const instrument of document.querySelectorAll(".instrument")) {
  if (instrument instanceof HTMLElement) instrument.hidden = false;
}
for (const set of [
  tryTokens,
  tryEmbedding,
  tryOrder,
  tryAttention,
  tryLayers,
  tryContext,
  tryHead,
  trySoftmax,
  tryTraining,
  tryChoosing,
  tryLoop,
]) {
  set(find);
}
// The instruments have moved what the address points to.
document.getElementById(fragment(location.hash))?.scrollIntoView();
document.body.dataset.ready = "";

/** @param {string} hash */
function fragment(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return ""; // not an address of this page
  }
}
