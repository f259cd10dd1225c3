// Drives Firefox as Debian and Mozilla build it, through WebDriver BiDi, which it supports itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { Page } from "./page.mjs";

/** The optional abilities of its driver; see `lacks` in harness.mjs. */
export const abilities = ["requests", "threads"];

export const launch = (binary) => Firefox.start(binary);

/** The longest time for one request to a page, in milliseconds. */
const PATIENCE = 300_000;

/**
 * What Firefox reports as an error of the page where the page gives up a response of its service worker before the end,
 * by aborting a load, say. A load that fails without being given up fails its test by itself.
 */
const GIVEN_UP = "A ServiceWorker intercepted the request and encountered an unexpected error.";

class Firefox {
  #process;
  #profile;
  #socket;
  #answers = new Map();
  #listeners = new Set();
  #calls = 0;

  static async start(binary) {
    const firefox = new Firefox();
    firefox.#profile = mkdtempSync(join(tmpdir(), "nexttoken-firefox-"));
    const remote = ["--remote-debugging-port=0", "--remote-allow-system-access"];
    const options = ["--headless", "--no-remote", ...remote, "--profile", firefox.#profile];
    firefox.#process = spawn(binary, options, { stdio: ["ignore", "ignore", "pipe"] });
    const address = await said(firefox.#process, /listening on (ws:\S+)/);
    firefox.#socket = new WebSocket(`${address}/session`);
    firefox.#socket.on("message", (message) => firefox.#hear(JSON.parse(message)));
    await once(firefox.#socket, "open");
    await firefox.call("session.new", { capabilities: {} });
    await firefox.#leaveWorkersAlone();
    await firefox.call("session.subscribe", { events: ["log.entryAdded"] });
    return firefox;
  }

  /**
   * Stops Firefox from listening for new workers, which it does only while it is driven. While it listens, about one in
   * ten `new Worker` in a worker never returns, and that worker never answers again (seen in Firefox 153). There is no
   * setting for it, so Firefox's own function is called. A Firefox without that function does not listen in this way.
   */
  async #leaveWorkersAlone() {
    const { contexts } = await this.call("browsingContext.getTree", { "moz:scope": "chrome" });
    const module = "chrome://remote/content/shared/js-process-actors/WebDriverWorkerListenerActor.sys.mjs";
    const expression = `ChromeUtils.importESModule("${module}").unregisterWebDriverWorkerListenerActor()`;
    const target = { context: contexts[0].context };
    await this.call("script.evaluate", { expression, target, awaitPromise: false });
  }

  /** A profile of its own, whose pages report errors in them. */
  async profile({ viewport }, problem) {
    const { userContext } = await this.call("browser.createUserContext");
    return {
      newPage: () => Page.open((hooks) => FirefoxTab.open(this, userContext, hooks), problem, viewport),
      close: () => this.call("browser.removeUserContext", { userContext }),
    };
  }

  call(method, params = {}) {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      const refuse = (message) => reject(new Error(`${method}: ${message}`));
      const late = setTimeout(() => refuse("no answer"), PATIENCE);
      const settle = (settled) => (value) => (clearTimeout(late), settled(value));
      this.#answers.set(id, { resolve: settle(resolve), reject: settle(refuse) });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #hear({ id, type, result, message, method, params }) {
    if (type === "event") {
      for (const listener of this.#listeners) listener(method, params);
      return;
    }
    const { resolve, reject } = this.#answers.get(id);
    this.#answers.delete(id);
    if (type === "success") resolve(result);
    else reject(message);
  }

  async close() {
    const gone = once(this.#process, "exit");
    this.#process.kill();
    await gone;
    this.#socket.terminate();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The first match in the output of a process. If the process ends before, the error quotes its output. */
async function said(process, pattern) {
  const lines = [];
  for await (const line of createInterface(process.stderr)) {
    lines.push(line);
    const match = pattern.exec(line);
    if (!match) continue;
    process.stderr.resume();
    return match[1];
  }
  throw new Error(`the browser did not start: ${lines.join("\n")}`);
}

/** One tab, with the functions that a `Page` needs. */
class FirefoxTab {
  #firefox;
  #context;
  #deaf;

  static async open(firefox, userContext, { request, problem }) {
    const tab = new FirefoxTab();
    tab.#firefox = firefox;
    tab.#context = (await firefox.call("browsingContext.create", { type: "tab", userContext })).context;
    tab.#deaf = firefox.listen((method, params) => {
      if ((params.context ?? params.source?.context) !== tab.#context) return;
      if (method === "network.beforeRequestSent") request(params.request);
      else if (params.level === "error" && !params.text?.endsWith(GIVEN_UP)) problem(`${params.type}: ${params.text}`);
    });
    return tab;
  }

  /** Reports requests from now on. Each costs time, so that they are not reported unasked. */
  watchRequests() {
    return this.#firefox.call("session.subscribe", { events: ["network.beforeRequestSent"], contexts: [this.#context] });
  }

  async goto(url) {
    await this.#firefox.call("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  async reload() {
    await this.#firefox.call("browsingContext.reload", { context: this.#context, wait: "complete" });
  }

  /** The string that an expression's promise resolves to. */
  async run(expression) {
    const target = { context: this.#context };
    const { result, exceptionDetails } = await this.#firefox.call("script.evaluate", { expression, target, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value;
  }

  async act(actions) {
    await this.#firefox.call("input.performActions", { context: this.#context, actions });
  }

  async resize(viewport) {
    await this.#firefox.call("browsingContext.setViewport", { context: this.#context, viewport });
  }

  async close() {
    this.#deaf();
    await this.#firefox.call("browsingContext.close", { context: this.#context });
  }
}
