// Drives WebKitGTK, which has the engine of Safari, through W3C WebDriver. It draws on a virtual display.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Page } from "./page.mjs";

/** The optional abilities of its driver; see `lacks` in harness.mjs. */
export const abilities = [];

export const launch = (binary) => WebKit.start(binary);

/** The longest time for a browser to start, in milliseconds. */
const START = 30_000;
/** The longest time for a page to load, in milliseconds. Now and then one hangs, for the driver's own five minutes. */
const PAGE_LOAD = 60_000;

/** A driver with the virtual display of its browsers. */
class WebKit {
  /** The open browser: a driver has one at a time. */
  #session;
  #binary;
  #screen;
  #driver;
  #address;

  static async start(binary) {
    const webkit = new WebKit();
    webkit.#binary = binary;
    await webkit.#start();
    return webkit;
  }

  async #start() {
    this.#screen = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [display] = await once(createInterface(this.#screen.stdout), "line");
    const port = await freePort();
    this.#driver = spawn(this.#binary, [`--port=${port}`], {
      stdio: "ignore",
      // WebKit's sandbox needs features that containers lack.
      env: { ...process.env, DISPLAY: `:${display}`, GDK_BACKEND: "x11", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
    });
    this.#address = `http://127.0.0.1:${port}`;
    for (let tries = 0; ; tries++) {
      try {
        return await this.call("GET", "/status");
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(100);
      }
    }
  }

  /** Ends the driver, and the display, with which the browsers end that it has started. */
  async #stop() {
    for (const process of [this.#driver, this.#screen]) {
      if (process.exitCode !== null || process.signalCode !== null) continue;
      const gone = once(process, "exit");
      process.kill();
      await gone;
    }
  }

  /** A browser of its own, with one tab, whose page reports errors in it. */
  async profile({ viewport }, problem) {
    // A failed test leaves its browser open.
    await this.#end();
    this.#session = `/session/${await this.#openBrowser()}`;
    const tab = new WebKitTab((path, parameters = {}) => this.call("POST", this.#session + path, parameters));
    return {
      newPage: () => Page.open(() => tab, problem, viewport),
      close: () => this.#end(),
    };
  }

  /** Opens a browser; resolves to the id of its session. Now and then one hangs as it starts: then another is opened. */
  async #openBrowser() {
    const parameters = { capabilities: { alwaysMatch: { timeouts: { script: 600_000, pageLoad: PAGE_LOAD } } } };
    for (let tries = 0; ; tries++) {
      try {
        return (await this.call("POST", "/session", parameters, START)).sessionId;
      } catch (error) {
        if (error.name !== "TimeoutError" || tries === 2) throw error;
        await this.#stop();
        await this.#start();
      }
    }
  }

  async #end() {
    if (this.#session) await this.call("DELETE", this.#session);
    this.#session = undefined;
  }

  /** Calls the driver; `limit` is the longest time for it, in milliseconds. */
  async call(method, path, parameters, limit) {
    const body = parameters && JSON.stringify(parameters);
    const signal = limit && AbortSignal.timeout(limit);
    const response = await fetch(this.#address + path, { method, body, signal });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  async close() {
    await this.#end();
    await this.#stop();
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The one tab, with the functions that a `Page` needs. */
class WebKitTab {
  #call;

  constructor(call) {
    this.#call = call;
  }

  goto(url) {
    return this.#call("/url", { url });
  }

  reload() {
    return this.#call("/refresh");
  }

  /** The string that an expression's promise resolves to. */
  run(expression) {
    const script = `const done = arguments[arguments.length - 1]; ${expression}.then(done);`;
    return this.#call("/execute/async", { script, args: [] });
  }

  act(actions) {
    return this.#call("/actions", { actions });
  }

  resize(size) {
    return this.#call("/window/rect", size);
  }

  /** Leaves the page. The tab stays open, because without one the browser would end. */
  close() {
    return this.goto("about:blank");
  }
}
