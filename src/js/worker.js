// The engine in a module worker: it answers the calls that `WorkerGenerator` posts. Each token is computed in a task of
// its own, so that messages of the page (abort, start) are handled before the next one.

import init, { Generator, bytesOf, constrained } from "./engine.js";
import { renderChat } from "./chat.js";
import { makeError } from "./errors.js";
import { AT_ANY_TIME, GENERATOR_METHODS } from "./methods.js";
import { deserializeSource } from "./serialize-source.js";
import { isCrash, reportCrash, reportProgress, serveCalls } from "./serve-calls.js";

/** @typedef {import("./nexttoken.js").GenerateOptions} GenerateOptions */
/** @typedef {import("./methods.js").SCORER_METHODS} ScorerMethods */
/** @typedef {import("./nexttoken.js").Token} Token */
/** @typedef {import("./nexttoken.js").Scorer<any>} Scorer */
/** @typedef {{ token?: Token, error?: unknown }} Step what a step gave, or threw */

const channel = new MessageChannel();
/** @type {((nothing: void) => void)[]} */
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();

/**
 * Waits for a new task, so that messages can be handled. Unlike a timer this has no delay.
 *
 * @returns {Promise<void>}
 */
const nextTask = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

/** A generator, and at most one step that it has computed before it was asked for. */
class Session {
  /** The number of the current text, by which work for an earlier text is recognized. */
  run = 0;
  #prefilled = false;
  /** @type {Step | undefined} */
  #ahead;
  /**
   * Stands for the step ahead that is going to be computed; another one, or none, stands here once that is called off.
   *
   * @type {object | undefined}
   */
  #scheduled;

  /** @param {Generator} generator */
  constructor(generator, prefilled = false) {
    this.generator = generator;
    this.#prefilled = prefilled;
  }

  /** Begins a new text, and returns its number. */
  newRun() {
    this.#prefilled = false;
    this.#ahead = this.#scheduled = undefined;
    return (this.run += 1);
  }

  /** The generator in the state that the page knows: a step that was computed ahead is dropped. */
  settled() {
    this.#scheduled = undefined;
    if (this.#ahead?.token) this.generator.rewind(1);
    this.#ahead = undefined;
    return this.generator;
  }

  fork() {
    return new Session(this.settled().fork(), this.#prefilled);
  }

  prefill() {
    const progress = this.generator.prefill();
    this.#prefilled = progress.done >= progress.total;
    return progress;
  }

  /** The next token, or undefined after the last one. */
  async next() {
    const mine = this.run;
    let step = this.#ahead;
    this.#ahead = undefined;
    while (!step && !this.#prefilled) {
      this.prefill();
      if (!this.#prefilled) await nextTask();
      if (mine !== this.run) return undefined;
    }
    step ??= { token: this.generator.next_token() };
    if (step.error) throw step.error;
    if (step.token && !step.token.finish_reason) this.#computeAhead();
    return step.token;
  }

  /** Computes one step ahead while the page shows the last one. */
  async #computeAhead() {
    if (this.#scheduled) return;
    const scheduled = (this.#scheduled = {});
    await nextTask();
    if (scheduled !== this.#scheduled) return;
    this.#scheduled = undefined;
    if (this.#ahead) return;
    try {
      this.#ahead = { token: this.generator.next_token() };
    } catch (error) {
      if (isCrash(error)) reportCrash(error);
      else this.#ahead = { error };
    }
  }
}

/**
 * The generators by number. The one that was loaded is 0, its forks follow.
 *
 * @type {Map<number | undefined, Session>}
 */
const sessions = new Map();
let registered = 0;

/** @param {Session} session */
function register(session) {
  sessions.set(registered, session);
  return registered++;
}

/**
 * Starts a text with the arguments that `prepare` resolves to. If another text starts meanwhile, that one wins.
 *
 * @template {"start" | "start_chat"} Method
 * @param {Session} session
 * @param {Method} method
 * @param {(generator: Generator) => Promise<Parameters<Generator[Method]>>} prepare
 */
async function begin(session, method, prepare) {
  const generator = session.settled();
  const mine = session.newRun();
  const args = await prepare(generator);
  if (mine !== session.run) throw makeError("aborted", "aborted");
  // The earlier text may have gone on meanwhile.
  session.newRun();
  /** @type {(...args: any[]) => void} */ (generator[method]).apply(generator, args);
  return begun(generator);
}

/**
 * What the page is told of a text that was begun.
 *
 * @param {Generator} generator
 */
const begun = ({ seed, context_used }) => ({ seed, context_used });

/**
 * Texts being scored, embedded or compared, by number.
 *
 * @type {Map<number, { session: Session, scorer: Scorer }>}
 */
const scorers = new Map();
let scored = 0;

/** @param {number} number */
const scorerOf = (number) => /** @type {Scorer} */ (scorers.get(number)?.scorer);

/** @typedef {{ source: any, engine: object, options: any, abort: MessagePort }} Loading what is loaded, and how */

/**
 * The calls that are for the worker, or load something for a generator in it.
 *
 * @type {Record<string, (id: number, what: Loading, session: Session) => unknown>}
 */
const own = {
  async load(id, { source, engine, options }) {
    await init(engine);
    const onProgress = (/** @type {unknown} */ progress) => reportProgress(id, progress);
    register(new Session(await Generator.load(deserializeSource(source), { ...options, onProgress })));
  },
  async inspect(_, { source, engine, options }) {
    await init(engine);
    return Generator.inspect(deserializeSource(source), options);
  },
  load_adapter: (id, what, session) => loadFor(session, "load_adapter", id, what),
  load_draft: (id, what, session) => loadFor(session, "load_draft", id, what),
};

/**
 * Has a generator load something.
 *
 * @param {Session} session
 * @param {"load_adapter" | "load_draft"} method
 * @param {number} id
 * @param {Loading} what
 */
function loadFor({ generator }, method, id, { source, options, abort }) {
  const onProgress = (/** @type {unknown} */ progress) => reportProgress(id, progress);
  const controller = new AbortController();
  abort.onmessage = () => controller.abort();
  const { signal } = controller;
  return generator[method](deserializeSource(source), { ...options, onProgress, signal });
}

/**
 * The calls that are answered in a way of their own. The others are methods of the generator.
 *
 * @type {Record<string, (session: Session, ...args: any[]) => unknown>}
 */
const special = {
  start: (session, prompt, options) =>
    begin(session, "start", async (generator) => [prompt, await constrained(generator, options)]),
  chat: (session, messages, options) =>
    begin(session, "start_chat", async (generator) => {
      const [conversation, writing] = await renderChat(generator, messages, options);
      return [conversation, await constrained(generator, writing)];
    }),
  abort(session) {
    session.settled().abort();
    session.newRun();
  },
  reset(session) {
    session.newRun();
    session.generator.reset();
  },
  prefill: (session) => session.prefill(),
  next_token: (session) => session.next(),
  async configure(session, options) {
    const compiled = await constrained(session.generator, options);
    session.settled().configure(compiled);
  },
  async restore(session, snapshot) {
    const bytes = await bytesOf(snapshot);
    session.settled().restore_bytes(bytes);
    session.newRun();
    return begun(session.generator);
  },
  fork: (session) => register(session.fork()),
  // Posting a view would copy the whole memory of the module.
  logits: (session) => session.settled().logits()?.slice(),
  property: (session, /** @type {keyof Generator} */ name) => session.settled()[name],
  state(session) {
    const { text, ids, prompt_ids, finish_reason, seed, context_used } = session.settled();
    return { text, ids, prompt_ids, finish_reason, seed, context_used };
  },
  scorer(session, /** @type {ScorerMethods[number]} */ method, args) {
    const scorer = /** @type {(...args: any[]) => Scorer} */ (session.generator[method])(...args);
    scorers.set(scored, { session, scorer });
    return scored++;
  },
  scorer_step: (_, number) => scorerOf(number).step(),
  scorer_finish(_, number) {
    const scorer = scorerOf(number);
    scorers.delete(number);
    return scorer.finish();
  },
  scorer_free(_, number) {
    scorerOf(number).free();
    scorers.delete(number);
  },
  free(session, number) {
    sessions.delete(number);
    for (const [key, scoring] of scorers) if (scoring.session === session) special.scorer_free(session, key);
    session.newRun();
    session.generator.free();
  },
};

/** @type {Set<string>} */
const anyTime = new Set(AT_ANY_TIME);
/** @type {typeof special} */
const methods = {};
for (const name of GENERATOR_METHODS) {
  methods[name] = (session, ...args) => {
    const generator = anyTime.has(name) ? session.generator : session.settled();
    return /** @type {(...args: any[]) => unknown} */ (generator[name]).apply(generator, args);
  };
}
Object.assign(methods, special);

serveCalls(({ id, session, method, args }) => {
  const mine = /** @type {Session} */ (sessions.get(session));
  if (own[method]) return own[method](id, /** @type {[Loading]} */ (args)[0], mine);
  return methods[method](mine, ...args);
});
