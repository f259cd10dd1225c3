// The fine-tuning view, without a browser and without a model.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { test } from "node:test";
import { click, openPage, press } from "./dom.mjs";

// Instead of the trainer, which is not built here: what a test puts into `globalThis.trainer`.
const trainer = `data:text/javascript,${encodeURIComponent(`
  export const WorkerFinetuner = { load: (...args) => globalThis.trainer.load(...args) };
  export const readConversations = (text) => text.trim().split("\\n").map((line) => JSON.parse(line));
`)}`;
const hook = `
  export const resolve = (name, context, next) =>
    /pkg\\/trainer\\.js$/.test(name) ? { url: ${JSON.stringify(trainer)}, shortCircuit: true } : next(name, context);
`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { FinetuneView } = await import("../../www/tune.js");

const PIRATE = readFileSync(new URL("../../www/pirate.jsonl", import.meta.url), "utf8");
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A model that says which adapter it answers with. */
function model() {
  const seen = { adapters: [], asked: [], open: 0 };
  let text = [];
  return {
    seen,
    load_adapter: async (bytes, { name }) => void seen.adapters.push([name, ...bytes]),
    async chat(messages, options) {
      seen.asked.push({ messages, options });
      text = ["scale ", String(options.adapters.tuned)];
    },
    async start(prompt, options) {
      text = [prompt, String(options.adapters.tuned)];
    },
    next_token: async () => (text.length > 0 ? { text: text.shift() } : undefined),
    timings: async () => ({ decode_tokens_per_second: 10 }),
  };
}

/**
 * The view on a page with this model; `losses` are those of what is held out, looked at after each step that has
 * one. An error among them is that of the step.
 */
function view(used, losses) {
  const root = openPage();
  globalThis.ResizeObserver = class {
    observe() {}
  };
  const state = { model: used, canChat: true, architecture: "llama", errors: [], loads: [], freed: 0 };
  globalThis.trainer = {
    async load(...args) {
      state.loads.push(args);
      let step = 0;
      return {
        info: async () => ({
          parameters: 1200,
          steps: losses.length,
          training_sequences: 27,
          held_out_sequences: 3,
          base_loss: 4,
        }),
        async step() {
          await settled();
          const loss = losses[step++];
          if (loss instanceof Error) throw loss;
          const validation = loss && { loss };
          return { step, loss: 3, tokens_per_second: 7.4, validation, complete: step === losses.length };
        },
        to_gguf: async () => new Uint8Array([1, 2, 3]),
        free: () => (state.freed += 1),
      };
    },
  };
  const page = {
    get model() {
      return state.model;
    },
    get canChat() {
      return state.canChat;
    },
    get architecture() {
      return state.architecture;
    },
    get stopping() {
      return state.stopping;
    },
    stop: () => (state.stopping = true),
    open: () => ({ source: "the file", settle: async (error) => void (state.settled = [error]) }),
    options: () => ({ temperature: 0.5, max_tokens: 300, record: { top: 16 } }),
    showError: (error) => error && state.errors.push(error.message ?? error),
    async alone(work) {
      state.stopping = false;
      await work(used);
      return true;
    },
  };
  const made = new FinetuneView(root, page);
  made.update();
  const find = (id) => root.querySelector(`#${id}`);
  for (const id of ["mode-tune", "adapter-on"]) find(id).checked = true;
  find("tune-text").value = PIRATE;
  return { find, made, state };
}

/** Waits until something is so, but not for ever. */
async function until(isSo) {
  for (let turn = 0; turn < 1000 && !isSo(); turn += 1) await settled();
}

/** Waits until nothing runs any more. */
const ended = ({ find }) => until(() => !find("tune").disabled && find("tune-stop").disabled);

/** A load that lasts until it is called off. */
const endless = (source, examples, config, { signal }) =>
  new Promise((_, reject) => {
    // As a browser may tell it.
    const abort = () => reject(new TypeError("Load failed"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  });

test("the sample is thirty conversations with a pirate", () => {
  const lines = PIRATE.trim()
    .split("\n")
    .map((line) => JSON.parse(line).messages);
  assert.equal(lines.length, 30);
  for (const messages of lines)
    assert.deepEqual(
      messages.map(({ role }) => role),
      ["user", "assistant"],
    );
  assert.equal(new Set(lines.map(([{ content }]) => content)).size, 30);
});

test("the sample is there at first, and replaces what was written only where it is asked for", async () => {
  const { find } = view(model(), []);
  Object.assign(globalThis, { location: { href: "http://localhost/" }, fetch: async () => new Response(PIRATE) });
  const open = () => find("mode-tune").dispatchEvent(new Event("change"));
  find("tune-text").value = "";
  open();
  await settled();
  assert.equal(find("tune-text").value, PIRATE);
  find("tune-text").value = "";
  open();
  find("tune-text").value = "written meanwhile";
  await settled();
  assert.equal(find("tune-text").value, "written meanwhile");
  click(find("tune-pirate"));
  await settled();
  assert.equal(find("tune-text").value, PIRATE);
});

test("a model that cannot chat is given the pirate's answers as a text, and a text of one's own stays", async () => {
  const { find, state } = view(model(), []);
  Object.assign(globalThis, { location: { href: "http://localhost/" }, fetch: async () => new Response(PIRATE) });
  const open = async () => {
    find("mode-tune").dispatchEvent(new Event("change"));
    await settled();
    return find("tune-text").value;
  };
  find("tune-text").value = "";
  state.canChat = false;
  const lines = (await open()).trimEnd().split("\n");
  assert.deepEqual([lines.length, lines[0]], [30, "Ahoy, matey! Welcome aboard me ship, arr!"]);
  state.canChat = true;
  assert.equal(await open(), PIRATE);
  find("tune-text").value += "{}";
  state.canChat = false;
  assert.equal(await open(), `${PIRATE}{}`);
});

test("what the model cannot learn is refused before it is read", async () => {
  const shown = view(model(), [3]);
  const { find, state } = shown;
  const told = async (change) => {
    Object.assign(state, { canChat: true, architecture: "llama" }, change);
    click(find("tune"));
    await ended(shown);
    return state.errors.pop();
  };
  assert.match(await told({ architecture: "gpt2" }), /architecture gpt2 cannot be fine-tuned, only llama or qwen2/);
  assert.match(await told({ canChat: false }), /^this model has no chat template.*SmolLM2-135M.*plain text/);
  assert.deepEqual([state.loads, find("tune").disabled], [[], false]);
  find("tune-text").value = "a text";
  assert.equal(await told({ canChat: false, architecture: "qwen2" }), undefined);
  assert.equal(state.loads.length, 1);
  assert.equal(find("tune-after").textContent, `${find("tune-prompt").value}1`);
});

test("a fine-tuning is shown step by step, and its adapter answers beside the model as it was", async () => {
  const used = model();
  const shown = view(used, [3, 2, 2.5]);
  const { find, made, state } = shown;
  assert.deepEqual([find("tune").disabled, find("adapter").hidden, made.adapters], [false, true, {}]);
  find("tune-config").querySelector("[name=steps]").valueAsNumber = 3;
  find("tune-config").querySelector("[name=steps]").value = "3";
  click(find("tune"));
  assert.deepEqual([find("tune").disabled, find("tune-stop").disabled], [true, false]);
  await ended(shown);
  assert.deepEqual(state.errors, []);
  const [[source, examples, config]] = state.loads;
  assert.deepEqual(
    [source, examples.length, config, state.settled, state.freed],
    ["the file", 30, { steps: 3 }, [undefined], 1],
  );
  assert.equal(find("tune-step").textContent, "3");
  assert.equal(find("tune-best").textContent, "best: 2.000, after step 2");
  assert.match(find("tune-status").textContent, /best state is kept, that after step 2: held-out loss 2\.000/);
  assert.equal(find("tune-curve").querySelectorAll(".held-out").length, 4);
  assert.match(find("tune-curve").querySelector(".name").textContent, /^the model as it was 4\.00/);
  assert.deepEqual(used.seen.adapters, [["tuned", 1, 2, 3]]);

  // The same question by the same seed, and both answers side by side.
  assert.deepEqual([find("tune-before").textContent, find("tune-after").textContent], ["scale 0", "scale 1"]);
  const [before, after] = used.seen.asked;
  assert.deepEqual(before.messages, [{ role: "user", content: find("tune-prompt").value }]);
  assert.deepEqual({ ...before.options, adapters: 0 }, { ...after.options, adapters: 0 });
  assert.deepEqual([before.options.seed, before.options.max_tokens, before.options.temperature], [1, 60, 0.5]);

  // The switch, and another model, for which the adapter is not.
  assert.deepEqual([find("adapter").hidden, find("tune-download").disabled], [false, false]);
  assert.deepEqual(made.adapters, { adapters: { tuned: 1 } });
  find("adapter-on").checked = false;
  assert.deepEqual(made.adapters, {});
  find("adapter-on").checked = true;
  state.model = model();
  made.update();
  assert.deepEqual([find("adapter").hidden, find("tune-answers").hidden, made.adapters], [true, true, {}]);
  assert.equal(find("tune-download").disabled, false);
});

test("while another view is open, the answers wait until they are asked for", async () => {
  const used = model();
  const shown = view(used, [3]);
  const { find } = shown;
  click(find("tune"));
  find("mode-tune").checked = false;
  await ended(shown);
  assert.match(
    find("tune-status").textContent,
    /after step 1: held-out loss 3\.000\. “Ask both” shows what it has learnt\.$/,
  );
  assert.deepEqual([used.seen.asked, used.seen.adapters.length, find("tune-ask").disabled], [[], 1, false]);
  find("mode-tune").checked = true;
  click(find("tune-ask"));
  await settled();
  assert.equal(used.seen.asked.length, 2);
});

test("it can be stopped, and what has learnt nothing is no adapter", async () => {
  const used = model();
  const shown = view(used, Array(100).fill(5));
  click(shown.find("tune"));
  await until(() => shown.find("tune-step").textContent >= "2");
  click(shown.find("tune-stop"));
  await ended(shown);
  assert.ok(Number(shown.find("tune-step").textContent) < 100 && shown.state.freed === 1);
  assert.match(shown.find("tune-status").textContent, /^No step made the held-out loss lower/);
  assert.deepEqual([used.seen.adapters, shown.find("tune-download").disabled], [[], true]);
});

test("a stop is heeded before the first step, and told apart from what has learnt nothing", async () => {
  const shown = view(model(), Array(100).fill(undefined));
  const { find, state } = shown;
  const { load } = globalThis.trainer;
  let begin;
  globalThis.trainer.load = async (...args) => {
    const tuner = await load(...args);
    const info = await tuner.info();
    return { ...tuner, info: () => new Promise((resolve) => (begin = () => resolve(info))) };
  };
  click(find("tune"));
  await until(() => begin);
  click(find("tune-stop"));
  begin();
  await ended(shown);
  assert.deepEqual([find("tune-status").textContent, find("tune-step").textContent, state.freed], ["Stopped.", "", 1]);

  globalThis.trainer.load = load;
  click(find("tune"));
  await until(() => find("tune-speed").textContent !== "");
  click(find("tune-stop"));
  await ended(shown);
  assert.match(find("tune-status").textContent, /^Stopped before the first look/);
  assert.deepEqual([state.freed, state.errors, find("tune-download").disabled], [2, [], true]);
});

test("while the answers are awaited another fine-tuning may begin, and can be stopped", async () => {
  const used = model();
  const shown = view(used, [3]);
  const { find, state } = shown;
  const { chat } = used;
  let answer = () => {};
  used.chat = async (...args) => (await new Promise((resolve) => (answer = resolve)), chat(...args));
  click(find("tune"));
  await until(() => state.freed > 0 && !find("tune").disabled);
  globalThis.trainer.load = endless;
  click(find("tune"));
  for (let turn = 0; turn < 2; turn += 1) {
    answer();
    await settled();
  }
  assert.deepEqual([find("tune-before").textContent, find("tune-after").textContent], ["scale 0", "scale 1"]);
  assert.deepEqual([find("tune").disabled, find("tune-stop").disabled], [true, false]);
  click(find("tune-stop"));
  await ended(shown);
  assert.equal(find("tune-status").textContent, "Stopped.");
  assert.deepEqual([find("tune").disabled, state.errors], [false, []]);
});

test("a step that fails leaves the adapter of the best one", async () => {
  const diverged = Object.assign(new Error("the loss is not finite"), { code: "not_finite" });
  const used = model();
  const shown = view(used, [3, diverged, 2]);
  const { find, state } = shown;
  click(find("tune"));
  await ended(shown);
  assert.deepEqual([used.seen.adapters, find("tune-download").disabled, state.freed], [[["tuned", 1, 2, 3]], false, 1]);
  assert.match(find("tune-status").textContent, /best state is kept, that after step 1/);
  // The answers would clear the error, and wait until they are asked for.
  assert.deepEqual([used.seen.asked, find("tune-ask").disabled, find("adapter").hidden], [[], false, false]);
  assert.deepEqual(state.errors, ["the loss is not finite"]);
});

test("a step that fails before any was better leaves no adapter, and an earlier one stays", async () => {
  const used = model();
  const losses = [3];
  const shown = view(used, losses);
  const { find, state } = shown;
  click(find("tune"));
  await ended(shown);
  losses.splice(0, 1, 5, Object.assign(new Error("the step failed"), { code: "crashed" }), 2);
  click(find("tune"));
  await ended(shown);
  assert.deepEqual([used.seen.adapters.length, find("tune-download").disabled, state.freed], [1, false, 2]);
  assert.deepEqual([find("tune-status").textContent, state.errors], ["", ["the step failed"]]);
});

test("an action that fails leaves the status of a fine-tuning", async () => {
  const shown = view(model(), Array(100).fill(3));
  const { find, state } = shown;
  click(find("tune"));
  await until(() => find("tune-step").textContent >= "2");
  const told = find("tune-status").textContent;
  assert.match(told, /^1,200 numbers in the adapter; 27 sequences to learn from, 3 held out/);
  Object.assign(globalThis, {
    location: { href: "http://localhost/" },
    fetch: async () => new Response("", { status: 404 }),
  });
  click(find("tune-pirate"));
  await settled();
  assert.match(state.errors.pop(), /answered 404/);
  assert.equal(find("tune-status").textContent, told);
  click(find("tune-stop"));
  await ended(shown);
});

test("the answers can be stopped, are not asked for twice, and come by Enter", async () => {
  const used = model();
  const shown = view(used, [3]);
  const { find, state } = shown;
  click(find("tune"));
  await ended(shown);
  const { chat } = used;
  let answer = () => {};
  used.chat = async (...args) => (await new Promise((resolve) => (answer = resolve)), chat(...args));
  used.seen.asked.length = 0;
  press(find("tune-prompt"), "Enter");
  assert.deepEqual(
    [find("tune-ask").disabled, find("tune-stop").disabled, find("tune").disabled],
    [true, false, false],
  );
  press(find("tune-prompt"), "Enter");
  click(find("tune-stop"));
  answer();
  await settled();
  assert.deepEqual([find("tune-before").textContent, find("tune-after").textContent], ["", ""]);
  assert.deepEqual([find("tune-ask").disabled, find("tune-stop").disabled], [false, true]);
  // One was asked, and the prompt's key has begun no fine-tuning.
  assert.deepEqual([used.seen.asked.length, state.loads.length], [1, 1]);
  used.chat = chat;
  click(find("tune-ask"));
  await settled();
  assert.deepEqual([find("tune-before").textContent, find("tune-after").textContent], ["scale 0", "scale 1"]);
});

test("how far the model is read is shown, and not spoken", async () => {
  const shown = view(model(), [3]);
  const { find } = shown;
  let read;
  globalThis.trainer.load = (...args) => {
    [, , , { onProgress: read }] = args;
    return endless(...args);
  };
  click(find("tune"));
  await until(() => read);
  const said = find("tune-status").textContent;
  read({ loaded: 40, total: 160 });
  assert.deepEqual([find("tune-read").textContent, find("tune-status").textContent], ["25 %", said]);
  assert.equal(find("tune-read").closest("[role]"), null);
  click(find("tune-stop"));
  await ended(shown);
  assert.deepEqual([find("tune-read").textContent, find("tune-status").textContent], ["", "Stopped."]);
});

test("what goes wrong is said, and another try is possible", async () => {
  const shown = view(model(), [3]);
  const { find, state } = shown;
  find("tune-text").value = " ";
  click(find("tune"));
  await ended(shown);
  assert.match(state.errors.pop(), /^there is nothing to learn/);
  find("tune-text").value = "a text";
  const { load } = globalThis.trainer;
  for (const [code, told] of [
    ["out_of_memory", /four bytes each, may not fit into the memory of a tab: it is "gpt2"$/],
    ["crashed", /four bytes each/],
    ["bad_metadata", /^it is "gpt2"/],
  ]) {
    globalThis.trainer.load = async () => {
      throw Object.assign(new Error('it is "gpt2"'), { code });
    };
    state.settled = [];
    click(find("tune"));
    await settled();
    await ended(shown);
    assert.match(state.errors.pop(), told);
    // The store is not told of the error, which is not the file's fault.
    assert.deepEqual(state.settled, [undefined]);
    assert.equal(find("tune").disabled, false);
  }
  globalThis.trainer.load = load;
  click(find("tune"));
  await settled();
  await ended(shown);
  assert.deepEqual(state.errors, []);
  // A text is learnt as it is.
  assert.equal(state.loads[0][1], "a text");
});
