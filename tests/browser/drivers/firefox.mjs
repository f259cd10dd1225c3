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
export const abilities = ["requests"];

export const launch = (binary) => Firefox.start(binary);

/** The longest time for one request to a page, in milliseconds. */
const PATIENCE = 300_000;

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
    const options = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", firefox.#profile];
    firefox.#process = spawn(binary, options, { stdio: ["ignore", "ignore", "pipe"] });
    const address = await said(firefox.#process, /listening on (ws:\S+)/);
    firefox.#socket = new WebSocket(`${address}/session`);
    firefox.#socket.on("message", (message) => firefox.#hear(JSON.parse(message)));
    await once(firefox.#socket, "open");
    await firefox.call("session.new", { capabilities: {} });
    await firefox.call("session.subscribe", { events: ["log.entryAdded", "network.beforeRequestSent"] });
    return firefox;
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
      else if (params.level === "error") problem(`${params.type}: ${params.text}`);
    });
    return tab;
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
