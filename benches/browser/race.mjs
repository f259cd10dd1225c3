// Drives Chromium through the race: `node race.mjs JOB` with a JSON job from `cargo bench-browser`;
// prints a JSON line for every run.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);

for (let round = 0; round < job.rounds; round += 1) {
  for (const system of job.systems) {
    try {
      console.log(JSON.stringify({ system, ...(await run(system)) }));
    } catch (error) {
      // Not every system runs every file.
      console.error(`${system} does not run here: ${error}`);
    }
  }
}

/** A fresh browser for every run: no system inherits another's memory or compiled code. */
async function run(system) {
  const browser = await chromium.launch({
    executablePath: job.browser,
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    const page = await (await browser.newContext()).newPage();
    // By address: the page and its worker ask for the same files, and a browser keeps them.
    const wire = new Map();
    page.context().on("response", (response) => {
      if (isOfSystem(response.url())) wire.set(response.url(), response.body().catch(() => Buffer.alloc(0)));
    });
    await page.goto(`${job.origin}/race/race.html`);
    await page.waitForFunction(() => globalThis.race);
    page.setDefaultTimeout(0);
    const result = await page.evaluate((job) => globalThis.race(job), { ...job, system });
    const bodies = await Promise.all(wire.values());
    const wire_bytes = bodies.reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0);
    return { ...result, wire_bytes, peak_bytes: await peak(browser) };
  } finally {
    await browser.close();
  }
}

/** Whether an address is code of a system, and not the race's own, which lies beside `node_modules`. */
function isOfSystem(address) {
  const { pathname } = new URL(address);
  return /\.(js|wasm)$/.test(pathname) && !/^\/race\/[^/]+$/.test(pathname);
}

/** The most memory the tab's process ever held, in bytes; null where the system does not tell. */
async function peak(browser) {
  try {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const peaks = processInfo
      .filter((process) => process.type === "renderer")
      .map(({ id }) => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]) * 1024);
    return Math.max(...peaks);
  } catch {
    return null;
  }
}
