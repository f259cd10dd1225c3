// Makes one file of many: the package with its modules and workers inside, or the page with the package inside.
//
//     node standalone.mjs <package> <output.js>
//     node standalone.mjs <package> <output.html> <page>

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [folder, output, page] = process.argv.slice(2).map((path) => resolve(path));
const ENGINES = ["nexttoken_relaxed.wasm", "nexttoken_simd128.wasm", "nexttoken_chat.wasm", "nexttoken_constraint.wasm"];
/** What the page has besides. */
const OF_THE_PAGE = ["nexttoken_encoder_relaxed.wasm", "nexttoken_encoder_simd128.wasm", "nexttoken_trainer.wasm"];
const packed = (path) => gzipSync(readFileSync(path), { level: 9 }).toString("base64");
const NEW_WORKER = /new Worker\(\s*new URL\("\.\/([\w-]+)\.js",\s*import\.meta\.url\),\s*\{\s*type: ?"module",?\s*\}\s*\)/g;
const NEW_MODULE = /new URL\("\.\/nexttoken_\w+\.wasm",\s*import\.meta\.url\)/g;

/** Turns packed bytes into bytes. */
const UNPACK = `const unpack = (packed) => new Response(new Blob([Uint8Array.from(atob(packed), (byte) => byte.charCodeAt(0))])
  .stream().pipeThrough(new DecompressionStream("gzip")));\n`;

/** The code that has the package's modules in it, and gives them to the package. */
const provider = (files) => `import { setProvider } from "./start-module.js";
${UNPACK}const files = ${JSON.stringify(Object.fromEntries(files.map((file) => [file, packed(join(folder, file))])))};
const compiled = {};
setProvider((name, shipped, file = shipped.replace("_threads", "")) => file in files
  ? (compiled[file] ??= unpack(files[file]).arrayBuffer().then((bytes) => WebAssembly.compile(bytes)))
  : undefined);`;

/** Replaces each `new Worker` by one from a Blob with the worker's whole code, and the addresses of modules by none. */
const inside = {
  name: "inside",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^worker:/ }, ({ path }) => ({ path: path.slice(7), namespace: "worker" }));
    onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const code = JSON.stringify(await bundle({ entryPoints: [join(folder, `${path}.js`)], format: "iife" }));
      const contents = `const blob = new Blob([${code}], { type: "text/javascript" });
let address;
export const url = () => (address ??= URL.createObjectURL(blob));`;
      return { contents };
    });
    onResolve({ filter: /^\.\/provider\.js$/ }, () => ({ path: "provider", namespace: "provider" }));
    onLoad({ filter: /.*/, namespace: "provider" }, () => ({
      contents: provider(page ? [...ENGINES, ...OF_THE_PAGE] : ENGINES),
      resolveDir: folder,
    }));
    onResolve({ filter: /^\.\/pkg\// }, ({ path }) => ({ path: join(folder, path.slice(6)) }));
    onLoad({ filter: /\.js$/ }, ({ path }) => ({ contents: path.startsWith(folder) ? ofPackage(path) : ofPage(path) }));
  },
};

function ofPackage(path) {
  let imports = "";
  const code = readFileSync(path, "utf8").replace(NEW_WORKER, (_, name) => {
    imports += `import { url as workerUrl } from "worker:${name}";\n`;
    // A page on the disk can start no module as a worker.
    return "new Worker(workerUrl())";
  });
  return imports + code.replace(NEW_MODULE, `new URL("about:blank")`);
}

/** The page's files that it would otherwise fetch from where it lies. */
const FETCHED = {
  "sources.js": [`new URL("stories.gguf", location.href).href`, "stories.gguf"],
  "alice.js": ["new URL(ALICE.path, location.href)", "alice.txt"],
  "tune.js": ["new URL(PIRATE, location.href)", "pirate.jsonl"],
};

function ofPage(path) {
  let code = readFileSync(path, "utf8");
  for (const [script, [address, file]] of Object.entries(FETCHED)) {
    if (path !== join(page, script)) continue;
    if (!code.includes(address)) throw new Error(`${script} has no ${address}`);
    const blob = `${UNPACK}const FILE = URL.createObjectURL(await unpack(${JSON.stringify(packed(join(page, file)))}).blob());\n`;
    code = `${blob}${code.replace(address, "FILE")}`;
  }
  return code;
}

async function bundle(what) {
  const options = { bundle: true, write: false, minify: true, keepNames: true, format: "esm", target: "es2022", charset: "utf8" };
  const { outputFiles } = await build({ ...options, ...what, plugins: [inside], logLevel: "warning" });
  return outputFiles[0].text;
}

/** The page with its styles and its script in it, which its policy names by its hash. */
function html(code) {
  const script = code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const hash = createHash("sha256").update(script).digest("base64");
  const replaced = [
    [/script-src 'self'/, `script-src 'sha256-${hash}'`],
    [/style-src 'self'/, "style-src 'unsafe-inline'"],
    [/worker-src 'self'/, "worker-src blob:"],
    [/<a href="docs\/">(.*?)<\/a>/, "$1"],
    [/<script type="module" src="main\.js"><\/script>/, () => `<script type="module">${script}</script>`],
  ];
  let text = readFileSync(join(page, "index.html"), "utf8");
  text = text.replace(/<link rel="stylesheet" href="(.*?)" \/>/g, (_, file) => `<style>${readFileSync(join(page, file), "utf8")}</style>`);
  for (const [what, by] of replaced) {
    if (!what.test(text)) throw new Error(`the page has no ${what}`);
    text = text.replace(what, by);
  }
  return text;
}

const resolveDir = page ?? folder;
const contents = page
  ? `import "./provider.js"; import "./main.js";`
  : `import "./provider.js"; export * from "./index.js"; export { default } from "./index.js";`;
const code = await bundle({ stdin: { contents, resolveDir } });
writeFileSync(output, page ? html(code) : code);
