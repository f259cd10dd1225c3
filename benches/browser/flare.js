// The worker that Flare runs in. Its documentation asks for one, and the one in its package only pretends to write.

const PACKAGE = "/race/node_modules/@sauravpanda/flare/pkg/";

let engine;

/** The package's script. As published it does not parse: an example in a comment has a comment, whose end ends both. */
async function script() {
  const published = await (await fetch(`${PACKAGE}flare_web.js`)).text();
  const mended = new Blob([published.replace("/* done */", "")], { type: "text/javascript" });
  return import(URL.createObjectURL(mended));
}

async function load(file) {
  const { default: init, FlareEngine } = await script();
  await init({ module_or_path: `${PACKAGE}flare_web_bg.wasm` });
  engine = FlareEngine.load(new Uint8Array(await file.arrayBuffer()));
}

function write(ids, max_tokens) {
  engine.reset();
  // `begin_stream` runs the last token of the prompt a second time, at the position after it.
  engine.begin_stream_healed(Uint32Array.from(ids), max_tokens);
  for (let token = engine.next_token(); token !== undefined; token = engine.next_token()) postMessage({ token });
}

addEventListener("message", async ({ data: { file, ids, max_tokens } }) => {
  try {
    if (file) await load(file);
    else write(ids, max_tokens);
    postMessage({ done: true });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
