// The one model that all instruments share. It is loaded when the first of them needs it, and each has it for itself
// while it works.

import { WorkerGenerator } from "../pkg/index.js";
import { codeOf, messageOf } from "../errors.js";
import { Queue } from "./queue.js";
import { number, onLanguage, t } from "./text.js";

const STORIES = new URL("../stories.gguf", import.meta.url).href;

/** The options under which the probabilities are the model's own. */
export const OWN = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 };

/** Where the load is told, and tried again. */
const bar = document.querySelector("#load");
const [told, meter, again] = ["#load-text", "#load-bar", "#load-again"].map((name) => bar?.querySelector(name));

/** @type {() => string} */
let telling = () => "";
const tell = (now = telling) => {
  telling = now;
  if (told) told.textContent = telling();
};
onLanguage(() => tell());

/** @param {boolean} failed */
function showLoad(failed) {
  if (bar instanceof HTMLElement) bar.hidden = false;
  if (meter instanceof HTMLElement) meter.hidden = failed;
  if (again instanceof HTMLElement) again.hidden = !failed;
}

async function loaded() {
  for (;;) {
    try {
      showLoad(false);
      tell(() => t("load.begins"));
      const generator = await WorkerGenerator.load(STORIES, {
        onProgress({ loaded, total }) {
          if (total && meter instanceof HTMLProgressElement) meter.value = loaded / total;
          const of = { done: number(loaded / 1e6, 1), all: number((total ?? loaded) / 1e6, 1) };
          tell(() => t("load.goes", of));
        },
      });
      if (bar instanceof HTMLElement) bar.hidden = true;
      return generator;
    } catch (error) {
      showLoad(true);
      tell(() => t("load.failed", { why: messageOf(error) }));
      await new Promise((resolve) => again?.addEventListener("click", resolve, { once: true }));
    }
  }
}

/** @type {Promise<WorkerGenerator> | undefined} */
let generator;
const queue = new Queue(() => (generator ??= loaded()));

export const model = {
  /**
   * Runs `work` with the model while nothing else uses it. Resolves to undefined where newer work of the same name has
   * come before it could begin.
   *
   * @template Result
   * @param {string} name
   * @param {(generator: WorkerGenerator) => Promise<Result>} work
   * @returns {Promise<Result | undefined>}
   */
  use: (name, work) =>
    queue.use(name, async (used) => {
      try {
        return await work(used);
      } catch (error) {
        // An engine that stopped is gone for good: the next work gets another.
        if (codeOf(error) === "crashed") {
          generator = undefined;
          rows = undefined;
          used.free();
        }
        throw error;
      }
    }),
};

/**
 * What the model makes of a text: the record of the next token.
 *
 * @param {WorkerGenerator} used
 * @param {string} text
 * @param {Parameters<WorkerGenerator["start"]>[1]} options
 * @param {Parameters<WorkerGenerator["peek"]>[0]} wanted
 */
export async function predict(used, text, options, wanted) {
  await used.start(text, options);
  const record = await used.peek(wanted);
  if (!record) throw Object.assign(new Error("no token follows"), { code: "prompt_too_long" });
  return record;
}

/** @type {Promise<Float32Array[]> | undefined} */
let rows;

/**
 * The vectors of all tokens. The storyteller has one table for the embedding and for the linear head.
 *
 * @param {WorkerGenerator} used
 */
export function vocabulary(used) {
  rows ??= readAll(used).catch((error) => {
    rows = undefined;
    throw error;
  });
  return rows;
}

/** @param {WorkerGenerator} used */
async function readAll(used) {
  const { vocabulary_size } = await used.info();
  return Promise.all(Array.from({ length: vocabulary_size }, (_, id) => used.head_row(id)));
}

/**
 * A token by itself; one that stands for no text by its name.
 *
 * @param {WorkerGenerator} used
 * @param {number} id
 */
export const tokenText = (used, id) => used.token_text(id);

/**
 * The ids of a text with the texts of its tokens.
 *
 * @param {WorkerGenerator} used
 * @param {string} text
 */
export async function tokensOf(used, text) {
  const ids = [...(await used.tokenize(text))];
  return Promise.all(ids.map(async (id) => ({ id, text: await tokenText(used, id) })));
}
