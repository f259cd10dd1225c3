// What the tests of the store share: a server whose faults are set, tabs, and loads through the store.

import { createHash } from "node:crypto";
import { after, beforeEach } from "node:test";
import { faults, serve } from "./faulty-server.mjs";
import { open, origin } from "./harness.mjs";

export const server = await serve();
after(() => server.close());

export const MODEL = "/models/story.gguf";
export const bytes = Buffer.from(await (await fetch(`${origin}/stories.gguf`)).arrayBuffer());
export const TOTAL = bytes.length;
export const hash = (content) => createHash("sha256").update(content).digest("hex");
export const SHA256 = hash(bytes);
/** What the model writes. */
export const TEXT = ", there was a";
/** The most that can be lost where a download breaks off: a segment that is not full, and one that is being written. */
export const LOSS = 2 * 65_536;

beforeEach(() => {
  server.faults = {};
  server.edits = {};
  server.versions = {};
  server.aliases = { [MODEL]: "/stories.gguf" };
  server.answers = {};
});

export const answers = () => server.answers[MODEL] ?? [];
export const sent = () => answers().reduce((total, answer) => total + answer.sent, 0);

/** A tab, which is on a page of the server without a model. */
export async function tab(context) {
  if (!context) {
    const { page, context } = await open(`${server.origin}/alice.txt`, { serviceWorkers: "allow" });
    return { page, context };
  }
  const page = await context.newPage();
  await page.goto(`${server.origin}/alice.txt`);
  return { page, context };
}

/** In the page: loads the model through the store, lets it write, and tells how it went. */
async function loadIn({ kind, url, options, list }) {
  const { default: init, [kind]: Kind } = await import("/pkg/index.js");
  if (kind === "Generator") await init();
  const abort = (globalThis.abort = new AbortController());
  const told = (globalThis.told = { states: [], last: undefined });
  const onProgress = (progress) => {
    if (told.states.at(-1) !== progress.state) told.states.push(progress.state);
    told.last = { ...progress, not_kept: progress.not_kept?.code };
    if (progress.speed) told.speed = progress.speed;
    if (progress.remaining !== undefined) told.remaining = progress.remaining;
  };
  try {
    const generator = await Kind.load(list ? [url] : url, {
      store: true,
      onProgress,
      signal: abort.signal,
      ...options,
    });
    await generator.start("Once upon a time", { temperature: 0, max_tokens: 4 });
    told.text = "";
    for await (const token of generator) told.text += token.text;
    generator.free();
  } catch ({ code, message }) {
    Object.assign(told, { code, message });
  }
  return told;
}

export const load = (page, options = { sha256: SHA256 }, kind = "WorkerGenerator", list = false) =>
  page.evaluate(loadIn, { kind, url: MODEL, options, list });

export const stored = (page) =>
  page.evaluate(async () => {
    const { store } = await import("/pkg/store.js");
    return (await store.list()).map(({ url, ...about }) => ({
      path: new URL(url).pathname,
      ...about,
      used: undefined,
    }));
  });

export const KEPT = { path: MODEL, kept: true, size: TOTAL, total: TOTAL, sha256: SHA256, used: undefined };

/** Waits until the bytes before `position` are stored; resolves to how many are. */
export async function untilStored(page, position) {
  for (let wait = 0; wait < 500; wait += 1) {
    const [{ size = 0 } = {}] = await stored(page);
    if (size >= position - LOSS) return size;
    await page.waitForTimeout(20);
  }
  throw new Error(`nothing is stored before ${position}`);
}

/**
 * Begins a load of which the server sends only the bytes before `position`, and waits until these are stored and the
 * engine has begun to read.
 */
export async function begin(page, position, options, ...rest) {
  server.faults[MODEL] = faults.until(position);
  const loading = load(page, options, ...rest).catch(() => "closed");
  const size = await untilStored(page, position);
  await page.waitForFunction(() => globalThis.told.last);
  return { loading, size };
}
