// The engine in a module worker: it answers the calls that `WorkerGenerator` posts.
//
// A call is { id, seat, method, args }, where `seat` is the number of a generator in this worker. Its answer is { id,
// value } or { id, error }, or { crashed } if the engine cannot be used any more. Each token is computed in a task of
// its own, so that messages of the page (abort, start) are handled before the next one.

import init, { Generator, bytesOf, constrained } from "./engine.js";
import { converse } from "./chat.js";
import { codeOf, failure, words } from "./errors.js";
import { opened } from "./portable.js";

const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();

/** Waits for a new task, so that messages can be handled. Unlike a timer this has no delay. */
const turn = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

/** A generator, and at most one step that it has computed before it was asked for. */
class Seat {
  /** The number of the current text, by which work for an earlier text is recognized. */
  run = 0;
  #prefilled = false;
  #ahead;
  /** The plan to compute ahead; a cancelled plan is replaced here. */
  #plan;

  /** @param {Generator} generator */
  constructor(generator, prefilled = false) {
    this.generator = generator;
    this.#prefilled = prefilled;
  }

  /** Begins a new text, and returns its number. */
  newRun() {
    this.#prefilled = false;
    this.#ahead = this.#plan = undefined;
    return (this.run += 1);
  }

  /** Drops a step that was computed ahead, so that the generator is in the state that the page knows. */
  settle() {
    this.#plan = undefined;
    if (this.#ahead?.token) this.generator.rewind(1);
    this.#ahead = undefined;
    return this.generator;
  }

  fork() {
    return new Seat(this.settle().fork(), this.#prefilled);
  }

  prefill() {
    const progress = this.generator.prefill();
    this.#prefilled = progress.done >= progress.total;
    return progress;
  }

  async next() {
    const mine = this.run;
    let step = this.#ahead;
    this.#ahead = undefined;
    while (!step && !this.#prefilled) {
      this.prefill();
      if (!this.#prefilled) await turn();
      if (mine !== this.run) return {};
    }
    step ??= this.#compute();
    if (step.error) throw step.error;
    if (step.token && !step.token.finish_reason) this.#computeAhead();
    return step;
  }

  #compute() {
    const { generator } = this;
    const token = generator.next_token();
    return { token, finish_reason: generator.finish_reason, context_used: generator.context_used };
  }

  /** Computes one step ahead while the page shows the last one. */
  async #computeAhead() {
    if (this.#plan) return;
    const plan = (this.#plan = {});
    await turn();
    if (plan !== this.#plan) return;
    this.#plan = undefined;
    if (this.#ahead) return;
    try {
      this.#ahead = this.#compute();
    } catch (error) {
      if (isCrash(error)) crash(error);
      else this.#ahead = { error };
    }
  }
}

/** The generators by number. The one that was loaded is 0, its forks follow. */
const seats = new Map();
let taken = 0;

function take(seat) {
  seats.set(taken, seat);
  return taken++;
}

/** Starts a text with the arguments that `prepare` resolves to. If another text starts meanwhile, that one wins. */
async function begin(seat, method, prepare) {
  seat.settle();
  const mine = seat.newRun();
  const args = await prepare(seat);
  if (mine !== seat.run) throw failure("aborted", "aborted");
  // The earlier text may have gone on meanwhile.
  seat.newRun();
  seat.generator[method](...args);
  return { seed: seat.generator.seed, context_used: seat.generator.context_used };
}

/** Texts being scored, by number. */
const scorers = new Map();
let scored = 0;

const methods = {
  async load(id, { source, engine, options }) {
    await init(engine);
    const onProgress = (progress) => postMessage({ id, progress });
    const generator = await Generator.load(opened(source), { ...options, onProgress });
    take(new Seat(generator));
    return { context_length: generator.context_length };
  },
  async inspect(_, { source, engine, options }) {
    await init(engine);
    return Generator.inspect(opened(source), options);
  },
  start: (seat, prompt, options) =>
    begin(seat, "start", async ({ generator }) => [prompt, await constrained(generator, options)]),
  chat: (seat, messages, options) =>
    begin(seat, "start_chat", async ({ generator }) => {
      const [conversation, writing] = await converse(generator, messages, options);
      return [conversation, await constrained(generator, writing)];
    }),
  abort(seat) {
    seat.settle().abort();
    seat.newRun();
  },
  reset(seat) {
    seat.newRun();
    seat.generator.reset();
  },
  prefill: (seat) => seat.prefill(),
  next_token: (seat) => seat.next(),
  peek: (seat, options) => seat.settle().peek(options),
  accept: (seat, token) => seat.settle().accept(token),
  rewind: (seat, count) => seat.settle().rewind(count),
  async configure(seat, options) {
    const made = await constrained(seat.generator, options);
    seat.settle().configure(made);
  },
  snapshot: (seat) => seat.settle().snapshot(),
  async restore(seat, snapshot) {
    const bytes = await bytesOf(snapshot);
    seat.settle().restore_bytes(bytes);
    seat.newRun();
    return { seed: seat.generator.seed, context_used: seat.generator.context_used };
  },
  fork: (seat) => take(seat.fork()),
  // Posting a view would copy the whole memory of the module.
  logits: (seat) => seat.settle().logits()?.slice(),
  samplers: (seat) => seat.generator.samplers,
  timings: (seat) => seat.generator.timings(),
  info: (seat) => seat.generator.info(),
  tokenize: (seat, ...args) => seat.generator.tokenize(...args),
  detokenize: (seat, ...args) => seat.generator.detokenize(...args),
  token_name: (seat, token) => seat.generator.token_name(token),
  score: (seat, ...args) => seat.generator.score(...args),
  scorer(seat, ...args) {
    const scorer = seat.generator.scorer(...args);
    scorers.set(scored, { seat, scorer });
    return scored++;
  },
  scorer_step: (_, number) => scorers.get(number).scorer.step(),
  scorer_finish(_, number) {
    const { scorer } = scorers.get(number);
    scorers.delete(number);
    return scorer.finish();
  },
  scorer_free(_, number) {
    scorers.get(number).scorer.free();
    scorers.delete(number);
  },
  state(seat) {
    const { text, ids, prompt_ids, finish_reason, seed, context_used } = seat.settle();
    return { text, ids, prompt_ids, finish_reason, seed, context_used };
  },
  free(seat, number) {
    seats.delete(number);
    for (const [key, scoring] of scorers) if (scoring.seat === seat) methods.scorer_free(seat, key);
    seat.newRun();
    seat.generator.free();
  },
};

/** Whether the module has trapped, after which it must not be used again. */
const isCrash = (error) => codeOf(error) === "crashed";

function crash(error) {
  postMessage({ crashed: words(error.cause ?? error) });
}

onmessage = async ({ data: { id, seat, method, args } }) => {
  try {
    const value = await methods[method](method === "load" ? id : seats.get(seat), ...args);
    postMessage({ id, value });
  } catch (error) {
    if (isCrash(error)) crash(error);
    else postMessage({ id, error: { message: words(error), code: codeOf(error) } });
  }
};
onmessageerror = () => postMessage({ crashed: "a call could not be read" });
