// Drives WebKitGTK, which has the engine of Safari, through W3C WebDriver. It draws on a virtual display.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { Page } from "./page.mjs";

/** The optional abilities of its driver; see `lacks` in harness.mjs. */
export const abilities = [];

export const launch = (binary) => WebKit.start(binary);

/** A driver with the virtual display of its browsers. */
class WebKit {
  /** The open browser: a driver has one at a time. */
  #session;
  #screen;
  #driver;
  #address;

  static async start(binary) {
    const webkit = new WebKit();
    webkit.#screen = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [display] = await once(createInterface(webkit.#screen.stdout), "line");
    const port = await freePort();
    webkit.#driver = spawn(binary, [`--port=${port}`], {
      stdio: "ignore",
      // WebKit's sandbox needs features that containers lack.
      env: { ...process.env, DISPLAY: `:${display}`, GDK_BACKEND: "x11", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
    });
    webkit.#address = `http://127.0.0.1:${port}`;
    for (let tries = 0; ; tries++) {
      try {
        await webkit.call("GET", "/status");
        return webkit;
      } catch (error) {
        if (tries === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** A browser of its own, with one tab, whose page reports errors in it. */
  async profile({ viewport }, problem) {
    // A failed test leaves its browser open.
    await this.#end();
    const capabilities = { alwaysMatch: { timeouts: { script: 600_000 } } };
    const { sessionId } = await this.call("POST", "/session", { capabilities });
    this.#session = `/session/${sessionId}`;
    const tab = new WebKitTab((path, parameters = {}) => this.call("POST", this.#session + path, parameters));
    return {
      newPage: () => Page.open(() => tab, problem, viewport),
      close: () => this.#end(),
    };
  }

  async #end() {
    if (this.#session) await this.call("DELETE", this.#session);
    this.#session = undefined;
  }

  async call(method, path, parameters) {
    const body = parameters && JSON.stringify(parameters);
    const response = await fetch(this.#address + path, { method, body });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  async close() {
    await this.#end();
    for (const process of [this.#driver, this.#screen]) {
      const gone = once(process, "exit");
      process.kill();
      await gone;
    }
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
