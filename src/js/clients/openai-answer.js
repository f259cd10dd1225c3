// What the engine writes → answers in OpenAI's form: whole ones, and the chunks of a stream.

/** @typedef {import("../nexttoken.js").Token} Token */
/** @typedef {import("./openai-request.js").Job} Job */
/** @typedef {{ id: string, created: number, model: string, system_fingerprint: string }} Head */
/**
 * @typedef {object} Piece a token, or a whole text
 * @property {string} text
 * @property {string} [reasoning]
 * @property {any[]} [calls]
 * @property {any} logprobs
 * @property {string | null} finish_reason
 */

/** The least logarithm that is told: JSON has no infinity. */
const LEAST = -9999;

/** @param {{ text: string, bytes: number[], logprob: number }} candidate */
const entry = ({ text, bytes, logprob }) => ({ token: text, bytes, logprob: Math.max(logprob, LEAST) });

/**
 * The probabilities of a token; undefined for the one that ends a text without being part of it.
 *
 * @param {Partial<Token>} token
 * @param {number} top
 */
function probabilities({ id, text, finish_reason, record }, top) {
  if (!record || (finish_reason === "stop" && text === "")) return undefined;
  const chosen = record.candidates.find((candidate) => candidate.id === id);
  return chosen && { ...entry(chosen), top_logprobs: record.candidates.slice(0, top).map(entry) };
}

/** The form of the answers to `chat.completions.create`. */
const CHAT = {
  object: "chat.completion",
  streamed: "chat.completion.chunk",
  id: "chatcmpl-",
  /** @param {Piece} piece */
  whole: ({ text, reasoning, calls = [], ...rest }) => ({
    message: {
      role: "assistant",
      content: calls.length > 0 ? text.trimEnd() || null : text,
      refusal: null,
      ...(reasoning && { reasoning_content: reasoning.trimEnd() }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    ...rest,
  }),
  /** @param {Piece} piece */
  chunk: ({ text, reasoning, calls, ...rest }) => ({
    delta: {
      ...(text && { content: text }),
      ...(reasoning && { reasoning_content: reasoning }),
      ...(calls?.length && { tool_calls: calls }),
    },
    ...rest,
  }),
  first: { delta: { role: "assistant", content: "", refusal: null }, logprobs: null, finish_reason: null },
  /** @param {any[]} tokens */
  logprobs: (tokens) => ({ content: tokens, refusal: null }),
};

/** @param {Piece} piece */
const completed = ({ text, logprobs, finish_reason }) => ({ text, logprobs, finish_reason });

/** That of the answers to `completions.create`. */
const COMPLETION = {
  object: "text_completion",
  streamed: "text_completion",
  id: "cmpl-",
  whole: completed,
  chunk: completed,
  first: undefined,
  /**
   * @param {any[]} tokens
   * @param {number} offset where they begin in the text
   */
  logprobs(tokens, offset) {
    let end = offset;
    return {
      tokens: tokens.map(({ token }) => token),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: tokens.map(({ top_logprobs }) =>
        Object.fromEntries(top_logprobs.map((/** @type {any} */ { token, logprob }) => [token, logprob])),
      ),
      text_offset: tokens.map(({ token }) => {
        const begin = end;
        end += token.length;
        return begin;
      }),
    };
  },
};

export const FORMS = { chat: CHAT, completion: COMPLETION };
/** @typedef {typeof CHAT | typeof COMPLETION} Form */

/**
 * What every answer begins with.
 *
 * @param {Form} form
 * @param {string} model
 * @returns {Head}
 */
export const headOf = (form, model) => ({
  id: form.id + crypto.randomUUID().replaceAll("-", ""),
  created: Math.floor(Date.now() / 1000),
  model,
  system_fingerprint: "nexttoken",
});

/**
 * The usage of all choices together: each prompt is counted once.
 *
 * @param {import("./model.js").Result[]} results
 * @param {number} n choices of each prompt
 */
function usageOf(results, n) {
  const firsts = results.filter((_, index) => index % n === 0);
  /** @type {(list: typeof results, name: "prompt_tokens" | "completion_tokens" | "cached_tokens") => number} */
  const sum = (list, name) => list.reduce((total, { usage }) => total + (usage[name] ?? 0), 0);
  const prompt_tokens = sum(firsts, "prompt_tokens");
  const completion_tokens = sum(results, "completion_tokens");
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: sum(firsts, "cached_tokens") },
  };
}

/** @typedef {{ text: string, reasoning?: string, calls?: ReturnType<typeof callOf>[] }} Written */

/**
 * A call as OpenAI has it: its arguments are JSON in a string.
 *
 * @param {import("../conversation.js").ToolCall} call
 */
const callOf = ({ id, type, function: called }) => ({
  id,
  type,
  function: { name: called.name, arguments: JSON.stringify(called.arguments) },
});

/**
 * Writes all choices of a job, and gives their usage.
 *
 * @param {import("./model.js").ClientModel} model
 * @param {Job} job
 * @param {{ signal?: AbortSignal, onStart?: (index: number) => void,
 *   onPiece: (index: number, written: Written, tokens: any[]) => void,
 *   onEnd: (index: number, reason: string) => void }} handlers
 */
async function writeAll(model, { writes, n, prompts, topLogprobs }, { signal, onStart, onPiece, onEnd }) {
  const results = [];
  for (const [index, write] of writes.entries()) {
    /** The probabilities of what may be the beginning of a marker: they are told with the text that it turns out to be. */
    let kept = /** @type {any[]} */ ([]);
    const result = await model.write(write, {
      signal,
      onStart() {
        onStart?.(index);
        if (prompts[index]) onPiece(index, { text: prompts[index] }, []);
      },
      onToken(token) {
        const { channel = "text", text, tool_calls } = token;
        // In `logprobs` the probabilities are those of the text: thinking and calls have none.
        const told = channel === "text" ? probabilities(token, topLogprobs) : undefined;
        if (tool_calls) onPiece(index, { text: "", calls: tool_calls.map(callOf) }, []);
        else if (channel === "thinking" && text) onPiece(index, { text: "", reasoning: text }, []);
        if (channel !== "text") kept = [];
        else if (told) kept.push(told);
        if (channel === "text" && (text || (kept.length > 0 && token.channel === undefined))) {
          onPiece(index, { text }, kept);
          kept = [];
        }
      },
    });
    onEnd(index, result.finish_reason);
    results.push(result);
  }
  return usageOf(results, n);
}

/**
 * The whole answer.
 *
 * @param {import("./model.js").ClientModel} model
 * @param {Job} job
 * @param {Form} form
 * @param {Head} head
 * @param {AbortSignal} [signal]
 */
export async function whole(model, job, form, head, signal) {
  /** @type {(Required<Written> & { tokens: any[], finish_reason: string })[]} */
  const texts = job.writes.map(() => ({ text: "", reasoning: "", calls: [], tokens: [], finish_reason: "length" }));
  const usage = await writeAll(model, job, {
    signal,
    onPiece(index, { text, reasoning = "", calls = [] }, tokens) {
      texts[index].text += text;
      texts[index].reasoning += reasoning;
      texts[index].calls.push(...calls);
      texts[index].tokens.push(...tokens);
    },
    onEnd: (index, reason) => (texts[index].finish_reason = reason),
  });
  const choices = texts.map(({ tokens, ...written }, index) => {
    const logprobs = job.logprobs ? form.logprobs(tokens, 0) : null;
    return { index, ...form.whole({ ...written, logprobs }) };
  });
  return { ...head, object: form.object, choices, usage };
}

/**
 * The answer as a stream of chunks, once its text has been started.
 *
 * @param {import("./model.js").ClientModel} model
 * @param {Job} job
 * @param {Form} form
 * @param {Head} head
 * @param {AbortSignal} [signal]
 * @returns {Promise<ReadableStream<any>>}
 */
export function chunks(model, job, form, head, signal) {
  const left = new AbortController();
  const signals = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const usage = job.includeUsage ? { usage: null } : {};
  /** @type {number[]} */
  const offsets = job.writes.map(() => 0);
  /** @type {number[]} */
  const called = job.writes.map(() => 0);
  return new Promise((resolve, reject) => {
    const stream = new ReadableStream({
      start(controller) {
        const send = (/** @type {any[]} */ choices, /** @type {object} */ more = usage) =>
          controller.enqueue({ ...head, object: form.streamed, choices, ...more });
        const sendPiece = (/** @type {number} */ index, /** @type {Piece} */ piece) =>
          send([{ index, ...form.chunk(piece) }]);
        writeAll(model, job, {
          signal: signals,
          onStart(index) {
            resolve(stream);
            if (form.first) send([{ index, ...form.first }]);
          },
          onPiece(index, { calls = [], ...written }, tokens) {
            const logprobs = job.logprobs ? form.logprobs(tokens, offsets[index]) : null;
            offsets[index] += written.text.length;
            const numbered = calls.map((call) => ({ index: called[index]++, ...call }));
            sendPiece(index, { ...written, calls: numbered, logprobs, finish_reason: null });
          },
          onEnd: (index, finish_reason) => sendPiece(index, { text: "", logprobs: null, finish_reason }),
        }).then(
          (usage) => {
            if (job.includeUsage) send([], { usage });
            controller.close();
          },
          (thrown) => {
            reject(thrown);
            controller.error(thrown);
          },
        );
      },
      // Whoever leaves the stream wants no more of it.
      cancel: () => left.abort(),
    });
  });
}
