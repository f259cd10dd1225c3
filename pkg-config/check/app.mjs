// Makes the app of an environment, installs it and builds it.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
/** How long a build may take, in milliseconds. */
const BUILD_TIME = 240_000;
/** What builds must not do: report on their users. */
const ENVIRONMENT = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", CI: "1", NO_COLOR: "1" };

/** Writes the app's files below `target`, with the package in `tarball` installed as npm would; gives its folder. */
export function makeApp(name, { folder = name, app, packages = {}, readme }, target, tarball) {
  const root = join(target, folder);
  mkdirSync(root, { recursive: true });
  for (const part of app) cpSync(join(here, "apps", part), root, { recursive: true });
  const manifest = JSON.stringify({ name: "app", private: true, dependencies: packages });
  const stamp = join(root, "node_modules", ".installed-from");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== manifest) {
    rmSync(join(root, "node_modules"), { recursive: true, force: true });
    writeFileSync(join(root, "package.json"), manifest);
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    execFileSync("npm", ["install", ...quiet], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    mkdirSync(join(root, "node_modules"), { recursive: true });
    writeFileSync(stamp, manifest);
  }
  writeFileSync(
    join(root, "package.json"),
    JSON.stringify({ name: "app", private: true, dependencies: { ...packages, nexttoken: `file:${tarball}` } }),
  );
  // A tarball is unpacked just so; npm would resolve all others again.
  const installed = join(root, "node_modules", "nexttoken");
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed);
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  if (readme) writeFileSync(join(root, "main.js"), firstExample(join(installed, "README.md")));
  return root;
}

/** The first example of a README, and what tells the check of the text that it has written on the page. */
function firstExample(readme) {
  const [, code] = /^```js\n(.*?)^```$/ms.exec(readFileSync(readme, "utf8"));
  return `${code}globalThis.outcome = { "text, worker": { text: document.body.textContent } };\n`;
}

/** Starts a command line in the app's folder, as `npm run` would. */
function start(root, command, variables) {
  const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH}`;
  const env = { ...process.env, ...ENVIRONMENT, ...variables, PATH: path };
  // A group of its own, so that it can be ended with all that it has started.
  const child = spawn("sh", ["-c", command], { cwd: root, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  return { ended, end, output: () => output };
}

/** Runs a command that prints JSON in its last line. It must end by itself. */
export async function run(root, command, variables) {
  const running = start(root, command, variables);
  const timer = setTimeout(running.end, BUILD_TIME);
  const code = await running.ended;
  clearTimeout(timer);
  const printed = running.output().trim();
  const lines = printed.split("\n").filter((line) => line.startsWith("{"));
  return {
    steps: lines.length > 0 ? JSON.parse(lines.at(-1)) : {},
    complaints: code === 0 ? [] : [`exit ${code}`, printed.slice(-2000)],
  };
}

/** Builds an app; throws what the build said where it fails or does not end. */
export async function build(root, command, variables) {
  for (const output of ["dist", "out", ".next", "build", ".svelte-kit"])
    rmSync(join(root, output), { recursive: true, force: true });
  const building = start(root, command, variables);
  const timer = setTimeout(building.end, BUILD_TIME);
  const code = await building.ended;
  clearTimeout(timer);
  if (code === 0) return;
  const reason = code === null ? "the build does not end" : "the build fails";
  throw new Error(`${reason}: ${building.output().slice(-2000)}`);
}

/** Starts the app's own server, and waits until it answers; resolves to what it answers and what ends it. */
export async function startServer(root, command, address) {
  for (const cache of [".parcel-cache", "node_modules/.vite"])
    rmSync(join(root, cache), { recursive: true, force: true });
  const server = start(root, command);
  for (let tries = 0; tries < 120; tries++) {
    try {
      const html = await (await fetch(address)).text();
      return { html, end: server.end };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  server.end();
  throw new Error(`the server does not answer: ${server.output().slice(-2000)}`);
}
