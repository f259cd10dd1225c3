// The engine in a module worker: answers the calls that `WorkerGenerator` posts.
//
// A call is { id, method, args }; its answer { id, value }, { id, error } or, where the engine
// cannot be used any more, { crashed }. Each token is computed in a task of its own, so that what
// the page says meanwhile (abort, start) is heard before the next one.

import init, { Generator } from "./engine.js";
import { converse } from "./chat.js";
import { failure } from "./errors.js";

/** @type {Generator | undefined} */
let generator;
/** Counts runs, so that what belongs to an old one can be told. */
let run = 0;
let prefilled = false;
/** The step computed before it was asked for: one at most. */
let ahead;
let planned = false;

const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();

/** Lets messages in. Unlike a timer, at once. */
const turn = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

const methods = {
  async load(id, { source, engine, options }) {
    await init(engine);
    const onProgress = (progress) => postMessage({ id, progress });
    generator = await Generator.load(opened(source), { ...options, onProgress });
    return { context_length: generator.context_length };
  },
  async inspect(_, { source, engine, options }) {
    await init(engine);
    return Generator.inspect(opened(source), options);
  },
  start(_, prompt, options) {
    newRun();
    generator.start(prompt, options);
    return { seed: generator.seed, context_used: generator.context_used };
  },
  async chat(_, messages, options) {
    newRun();
    const mine = run;
    const conversation = await converse(generator, messages, options);
    if (mine !== run) throw failure("aborted", "aborted");
    generator.start_chat(...conversation);
    return { seed: generator.seed, context_used: generator.context_used };
  },
  abort() {
    newRun();
    generator.abort();
  },
  reset() {
    newRun();
    generator.reset();
  },
  prefill() {
    const progress = generator.prefill();
    prefilled = progress.done >= progress.total;
    return progress;
  },
  next_token: () => nextStep(),
  timings: () => generator.timings(),
  info: () => generator.info(),
  tokenize: (_, ...args) => generator.tokenize(...args),
  detokenize: (_, ...args) => generator.detokenize(...args),
  token_name: (_, ...args) => generator.token_name(...args),
  score: (_, ...args) => generator.score(...args),
  state: () => ({ text: generator.text, finish_reason: generator.finish_reason, seed: generator.seed }),
};

function newRun() {
  run += 1;
  prefilled = false;
  ahead = undefined;
}

/** Anything `Generator.load` takes, from what could be posted. */
function opened(source) {
  if (Array.isArray(source)) return source.map(opened);
  const { url, blob, bytes, stream, length } = source;
  if (!stream) return url ?? blob ?? bytes;
  // A Response, because it can tell how long it is.
  return new Response(stream, { headers: length ? { "content-length": length } : {} });
}

async function nextStep() {
  const mine = run;
  let step = ahead;
  ahead = undefined;
  while (!step && !prefilled) {
    const { done, total } = generator.prefill();
    prefilled = done >= total;
    if (!prefilled) await turn();
    if (mine !== run) return {};
  }
  step ??= compute();
  if (step.error) throw step.error;
  if (step.token && !step.token.finish_reason) planAhead(mine);
  return step;
}

function compute() {
  const token = generator.next_token();
  return { token, finish_reason: generator.finish_reason, context_used: generator.context_used };
}

/** Computes one step while the page shows the last one. */
async function planAhead(mine) {
  if (planned) return;
  planned = true;
  await turn();
  planned = false;
  if (mine !== run || ahead) return;
  try {
    ahead = compute();
  } catch (error) {
    if (isCrash(error)) crash(error);
    else ahead = { error };
  }
}

/** A trap leaves the module in a state nobody knows: nothing of it may be used again. */
const isCrash = (error) => error instanceof WebAssembly.RuntimeError || error instanceof RangeError;

function crash(error) {
  postMessage({ crashed: String(error?.message ?? error) });
}

const portable = (error) => ({ message: String(error?.message ?? error), code: error?.code ?? "internal" });

onmessage = async ({ data: { id, method, args } }) => {
  try {
    const value = await methods[method](id, ...args);
    postMessage({ id, value });
  } catch (error) {
    if (isCrash(error)) crash(error);
    else postMessage({ id, error: portable(error) });
  }
};
