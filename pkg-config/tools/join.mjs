// Joins the scripts of a site: of what a page imports at once it makes a few files, because a browser takes its time over
// each.
//
//     node join.mjs <site> <worker.js>...

import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const [site, ...workers] = process.argv.slice(2);
const folder = resolve(site, "pkg");

/** What the package exports, but for the classic script and the one file that has everything in it. */
const exported = Object.values(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).exports)
  .map((target) => target.default)
  .filter((script) => script && script !== "./standalone.js");
/** What the page, its documentation and the tests of both import besides. */
const INSIDE = ["features.js", "vendor/sha256.js", "nexttoken.js"];
/** The script of the page, and the parts of it that a test and a benchmark (`benches/browser/training.mjs`) load alone. */
const PAGE = ["main.js", "search-encoder.js", "train-store.js", "curve.js"];

const joined = new Set();
const written = new Set();
const external = [join(folder, "*")];
await joinScripts(folder, [...exported, ...workers, ...INSIDE]);
await joinScripts(resolve(site), PAGE, { external, sourcemap: true });
await joinScripts(resolve(site, "learn"), ["learn.js"], { external, sourcemap: true });
for (const script of joined) if (!written.has(script)) rmSync(script);

/** Writes entries in place, and what they share into files beside them. */
async function joinScripts(at, entries, options = {}) {
  const { metafile } = await build({
    absWorkingDir: at,
    entryPoints: entries,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    minifyWhitespace: true,
    minifySyntax: true,
    outdir: ".",
    outbase: ".",
    chunkNames: "shared-[hash]",
    allowOverwrite: true,
    metafile: true,
    logLevel: "warning",
    ...options,
  });
  for (const input of Object.keys(metafile.inputs)) joined.add(join(at, input));
  for (const output of Object.keys(metafile.outputs)) written.add(join(at, output));
}
