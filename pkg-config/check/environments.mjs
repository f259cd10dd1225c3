// The environments: how an app is made for each, in the versions that are checked.
//
// - `title`: its name in the matrix
// - `folder`: the app's folder, where several environments share one
// - `app`: the folders of apps/ whose files make the app
// - `packages`: what is installed beside nexttoken
// - `build`: the command that builds it, and `root`: the folder that is served then; `base`: where
// - `dev`: the command of a development server, with PORT for its port
// - `start`: the command of the built app's own server, likewise; it is to render the page before any script runs
// - `headers`: what the server sends
// - `run`: the command that prints what the steps gave, where there is no page
// - `extension`: the part of the browser's extension that takes the steps
// - `workers`: false where no worker can be started
// - `readme`: whether the page is the first example of the package's README, as it is
// - `note`: what the user has to write or do for nexttoken's sake

/** Bundlers that leave the files beside their output to the user: they are copied there. */
const COPY = "cp node_modules/nexttoken/*.wasm node_modules/nexttoken/bundle/*.js dist/";
const COPY_NOTE = "copy `nexttoken/*.wasm` and `nexttoken/bundle/*.js` beside the output";

/** Puts in where the package lies. */
const CDN = "sed -i s#CDN/#$OTHER#g index.html";

const app = (...folders) => ["common", ...folders];
const vite = (version) => ({
  folder: `vite${version.split(".")[0]}`,
  app: app(),
  packages: { vite: version },
});
const viteBuild = (version) => ({ ...vite(version), title: `Vite ${version}`, build: "vite build", root: "dist" });
const viteDev = (version) => ({
  ...vite(version),
  title: `Vite ${version}, dev`,
  dev: "vite --port PORT --strictPort --host 127.0.0.1",
});

const esbuild = {
  title: "esbuild 0.28.2",
  folder: "esbuild",
  app: app(),
  packages: { esbuild: "0.28.2" },
  build: `esbuild main.js --bundle --format=esm --outdir=dist && cp index.html dist/ && ${COPY}`,
  root: "dist",
  note: COPY_NOTE,
};
const extension = {
  ...esbuild,
  folder: "extension",
  app: app("extension"),
  build: [
    "esbuild panel.js background.js opener.js --bundle --format=esm --outdir=dist",
    "cp manifest.json index.html panel.html dist/",
    "cp $MODEL dist/stories.gguf",
    "cp $ENCODER dist/encoder.gguf",
    COPY,
  ].join(" && "),
  note: "`'wasm-unsafe-eval'` in the manifest",
};
const parcel = { folder: "parcel", app: app(), packages: { parcel: "2.16.4" } };
const next = {
  folder: "next",
  app: app("next"),
  packages: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
  root: "out",
};
/** Another version of Node, and the command line that begins to use it. */
const nodePackage = (version) => ({ [`node-${process.platform}-${process.arch}`]: version });
const WITH_NODE = `PATH=$PWD/node_modules/node-${process.platform}-${process.arch}/bin:$PATH`;
const node = (version) => ({
  title: `Node.js ${version}`,
  app: app("process"),
  packages: nodePackage(version),
  run: `${WITH_NODE} node run.mjs`,
});
/** The package's names as addresses: a service worker has no import map. */
const RELATIVE = [
  `-e 's#"nexttoken"#"./node_modules/nexttoken/index.js"#'`,
  `-e 's#"nexttoken/\\([a-z]*\\)"#"./node_modules/nexttoken/\\1.js"#'`,
].join(" ");
const CSP = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "require-trusted-types-for 'script'",
  "trusted-types nexttoken",
].join("; ");

export const environments = {
  html: { title: "HTML with an import map", app: app("html"), root: "." },
  subpath: { title: "HTML in a sub-path", folder: "html", app: app("html"), root: ".", base: "/some/where/" },
  cdn: {
    title: "HTML, the package on another origin",
    app: app("cdn"),
    root: ".",
    build: CDN,
  },
  csp: {
    ...esbuild,
    title: "strict Content-Security-Policy with Trusted Types",
    headers: { "content-security-policy": CSP },
    note: "`trusted-types nexttoken`",
  },
  vite5: viteBuild("5.4.21"),
  "vite5-dev": viteDev("5.4.21"),
  vite6: viteBuild("6.4.6"),
  "vite6-dev": viteDev("6.4.6"),
  vite7: viteBuild("7.3.8"),
  "vite7-dev": viteDev("7.3.8"),
  vite8: viteBuild("8.3.8"),
  "vite8-dev": viteDev("8.3.8"),
  webpack: {
    title: "webpack 5.112.1",
    app: app("webpack"),
    packages: { webpack: "5.112.1", "webpack-cli": "7.3.1" },
    build: "webpack && cp page.html dist/index.html",
    root: "dist",
  },
  rspack: {
    title: "Rspack 2.3.3",
    app: app("rspack"),
    packages: { "@rspack/core": "2.3.3", "@rspack/cli": "2.2.8" },
    build: "rspack build && cp page.html dist/index.html",
    root: "dist",
  },
  rollup: {
    title: "Rollup 4.68.8",
    app: app(),
    packages: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" },
    build: `rollup main.js -p node-resolve -f es -d dist && cp index.html dist/ && ${COPY}`,
    root: "dist",
    note: COPY_NOTE,
  },
  esbuild,
  parcel: {
    ...parcel,
    title: "Parcel 2.16.4",
    build: "parcel build index.html --no-cache --cache-dir $PWD/.parcel-cache",
    root: "dist",
  },
  "parcel-dev": {
    ...parcel,
    title: "Parcel 2.16.4, dev",
    dev: "parcel serve index.html --no-cache --cache-dir $PWD/.parcel-cache --host 127.0.0.1 --port PORT",
  },
  "next-webpack": { ...next, title: "Next.js 16.4.6, webpack", build: "next build --webpack" },
  "next-turbopack": { ...next, title: "Next.js 16.4.6, Turbopack", build: "next build --turbopack" },
  "next-server": {
    ...next,
    app: app("next", "next-server"),
    title: "Next.js 16.4.6, its server",
    build: "next build",
    start: "next start --port PORT --hostname 127.0.0.1",
  },
  sveltekit: {
    title: "SvelteKit 3.2.0, its server",
    app: app("sveltekit"),
    packages: {
      "@sveltejs/kit": "3.2.0",
      "@sveltejs/adapter-node": "6.0.1",
      "@sveltejs/vite-plugin-svelte": "7.3.1",
      svelte: "5.57.3",
      vite: "8.3.8",
      // SvelteKit asks for a newer Node than the package does.
      ...nodePackage("22.23.3"),
    },
    build: `${WITH_NODE} vite build`,
    start: `${WITH_NODE} PORT=PORT HOST=127.0.0.1 node build`,
  },
  astro: {
    title: "Astro 7.3.5",
    app: app("astro"),
    // Astro asks for a newer Node than the package does.
    packages: { astro: "7.3.5", ...nodePackage("22.23.3") },
    build: `${WITH_NODE} astro build`,
    root: "dist",
  },
  "readme-vite": {
    ...viteBuild("8.3.8"),
    folder: "readme-vite",
    title: "the README's first example, Vite 8.3.8",
    readme: true,
  },
  "readme-cdn": {
    title: "the README's first example, the package on another origin",
    app: app("cdn"),
    root: ".",
    build: CDN,
    readme: true,
  },
  "service-worker": {
    title: "a service worker (a module)",
    app: app("service-worker"),
    root: ".",
    build: `cp steps.js named.js && sed ${RELATIVE} named.js > steps.js`,
    workers: false,
    note: '`import "nexttoken/store"` at its top for `store: true`',
  },
  "extension-panel": {
    ...extension,
    title: "Chrome extension's side panel (Manifest V3)",
    extension: "panel",
  },
  "extension-background": {
    ...extension,
    title: "Chrome extension's service worker (Manifest V3)",
    extension: "background",
    workers: false,
  },
  node: { title: `Node.js ${process.versions.node}`, app: app("process"), run: "node run.mjs" },
  node22: node("22.23.3"),
  node24: node("24.21.0"),
  deno: {
    title: "Deno 2.9.6",
    app: app("process"),
    packages: { deno: "2.9.6" },
    run: "deno run --allow-read --allow-write --allow-env --allow-net run.mjs",
  },
  bun: {
    title: "Bun 1.4.5",
    app: app("process"),
    // Without its installation script, which is not run, the program is in a package for each platform.
    packages: { bun: "1.4.5" },
    run: `node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun run.mjs`,
  },
};
