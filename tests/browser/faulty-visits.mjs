// The page with a server that misbehaves: visits of it, and what the page has kept.

import { after } from "node:test";
import { serve } from "./faulty-server.mjs";
import { open, unfoldOwnModel } from "./harness.mjs";

export const server = await serve();
after(() => server.close());

/** The model of stories, under a name that is not one of the page's own files. */
export const MODEL = "/models/story.gguf";
server.aliases[MODEL] = "/stories.gguf";

/** Makes the server misbehave at these paths, and only there. */
export function misbehave(fault, paths) {
  server.faults = Object.fromEntries(paths.map((path) => [path, fault]));
}
export const behave = () => misbehave(undefined, []);

/** Opens the page from the misbehaving server, which may fail. */
export async function visit() {
  const { page, context } = await open("about:blank", { serviceWorkers: "allow" });
  await page.goto(`${server.origin}/`, { waitUntil: "load" }).catch(() => {});
  return { page, context };
}

export const reload = (page) => page.goto(`${server.origin}/`, { waitUntil: "load" });

/** Waits until a condition holds in the page. */
export const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 30_000 });

/** Checks that the page works: the model of stories is loaded and generates a text. */
export async function assertWell(page) {
  await until(page, () => /million/.test(document.querySelector("#model-status")?.textContent) && !document.querySelector("#write").disabled);
  await page.fill("#max_tokens", "3");
  await page.click("#write");
  await until(page, () => document.querySelectorAll("#text .token").length >= 3 && document.querySelector("#stop").disabled);
}

/** A visit of the page while nothing is wrong with the server. */
export async function wellVisit() {
  behave();
  const visited = await visit();
  await assertWell(visited.page);
  return visited;
}

export const active = (page) => until(page, () => navigator.serviceWorker.ready.then((ready) => ready.active.state === "activated"));

/** The addresses of the models that are kept. */
export const keptModels = (page) =>
  page.evaluate(async () => {
    const { store } = await import("/pkg/store.js");
    return (await store.list()).filter(({ kept }) => kept).map(({ url }) => new URL(url).pathname + new URL(url).search);
  });

/** Loads the model by its address. Resolves to what the page then says. */
export async function loadModel(page, path = MODEL) {
  await until(page, () => !document.querySelector("#load-url").disabled);
  await unfoldOwnModel(page);
  await page.fill("#url", server.origin + path);
  await page.click("#load-url");
  await until(page, () => document.querySelector("#progress").hidden);
  const error = await page.textContent("#error");
  return error || (await page.textContent("#model-status"));
}
