// The package in Node, as it is: no browser, no bundler. NEXTTOKEN_RUNTIME names another program to run it by (`deno
// run -A`, `bun`).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "node:test";
import init, { Generator, WorkerGenerator } from "../../pkg/index.js";
import { WorkerTrainer } from "../../pkg/trainer.js";

const path = fileURLToPath(new URL("../../www/stories.gguf", import.meta.url));
const TEXT = ", there was a";
const GREEDY = { temperature: 0, max_tokens: 4 };

/** The text that either kind of generator writes. */
async function written(generator, options = GREEDY) {
  await generator.start("Once upon a time", options);
  let text = "";
  for await (const token of generator) text += token.text;
  return text;
}

test("bytes, paths and addresses of files are loaded, on both threads", async () => {
  const bytes = await readFile(path);
  for (const Kind of [Generator, WorkerGenerator]) {
    for (const source of [bytes, path, pathToFileURL(path), pathToFileURL(path).href, [path]]) {
      const generator = await Kind.load(source);
      assert.equal(await written(generator), TEXT, `${Kind.name} ${source}`);
      generator.free();
    }
    assert.equal((await Kind.inspect(path)).supported, true);
    await assert.rejects(Kind.load("nothing.gguf"), { code: "io", message: /nothing\.gguf/ });
  }
});

test("the chunks of a stream stay whole for those who have them", async () => {
  for (const Kind of [Generator, WorkerGenerator]) {
    // A chunk of Node is a Buffer, whose `slice` copies nothing.
    const chunk = await readFile(path);
    const { length } = chunk;
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        controller.close();
      },
    });
    const generator = await Kind.load(stream);
    assert.equal(chunk.length, length);
    assert.equal(await written(generator), TEXT, Kind.name);
    generator.free();
  }
});

test("chat and constraints work, on both threads", async () => {
  const chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}";
  for (const Kind of [Generator, WorkerGenerator]) {
    const generator = await Kind.load(path);
    await generator.chat([{ role: "user", content: "Once upon a time" }], { chat_template, ...GREEDY });
    for await (const _ of generator);
    assert.equal(await generator.text, TEXT);
    assert.match(await written(generator, { regex: "[A-Z]+", ...GREEDY }), /^[A-Z]+$/);
    generator.free();
  }
});

test("training works in a thread", async () => {
  const trainer = await WorkerTrainer.create("once upon a time ".repeat(200), { preset: "small" });
  const { loss } = await trainer.step();
  assert.ok(loss > 0);
  trainer.free();
});

test("a module comes from where the caller says, for each thread by a function on this one", async () => {
  const shipped = (file) => readFile(new URL(`../../pkg/${file}`, import.meta.url));
  const asked = [];
  const wasm = (name, file) => {
    asked.push(name);
    return shipped(file);
  };
  const generator = await WorkerGenerator.load(path, { wasm });
  await written(generator, { regex: "[A-Z]+", ...GREEDY });
  await generator.chat([{ role: "user", content: "Hi" }], { chat_template: "{{ messages[0].content }}" });
  generator.free();
  assert.deepEqual(asked, ["engine", "constraint", "chat"]);
  const { variant } = await init();
  const file = `nexttoken_${variant}.wasm`;
  const given = [await shipped(file), new Response(await shipped(file)), await WebAssembly.compile(await shipped(file))];
  given.push(new URL(`../../pkg/${file}`, import.meta.url), () => undefined);
  for (const one of given) {
    const generator = await WorkerGenerator.load(path, { wasm: one });
    assert.equal(await written(generator), TEXT);
    generator.free();
  }
  const failing = {
    "no module": [new Uint8Array(8), "wasm_unavailable"],
    "no source": [7, "invalid_option"],
    "a response that failed": [new Response("", { status: 404 }), "wasm_unavailable"],
    "a function that throws": [() => Promise.reject(new Error("none")), "internal"],
  };
  for (const [name, [wasm, code]] of Object.entries(failing)) {
    await assert.rejects(WorkerGenerator.load(path, { wasm }), { code }, name);
  }
  await assert.rejects(WorkerGenerator.load(path, { wasm: "a", wasm_url: "b" }), { code: "invalid_option" });
});

/** Runs a script in a process of its own, which must end by itself. */
const run = (script) =>
  new Promise((resolve, reject) => {
    const [program, ...args] = (process.env.NEXTTOKEN_RUNTIME ?? process.execPath).split(" ");
    execFile(program, [...args, script], { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.killed ? "the process did not end\n" : ""}${stderr}`));
      else resolve(stdout);
    });
  });

test("a process ends by itself, with generators and the chat's worker still there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexttoken-"));
  try {
    const script = join(folder, "script.mjs");
    const code = `
      import { Generator, WorkerGenerator } from ${JSON.stringify(new URL("../../pkg/index.js", import.meta.url).href)};
      let text = "";
      for (const Kind of [Generator, WorkerGenerator]) {
        const generator = await Kind.load(${JSON.stringify(path)});
        await generator.chat([{ role: "user", content: "Once upon a time" }],
          { chat_template: "{{ messages[0].content }}", temperature: 0, max_tokens: 4 });
        for await (const token of generator) text += token.text;
      }
      console.log(JSON.stringify(text));`;
    await writeFile(script, code);
    assert.equal(JSON.parse(await run(script)), TEXT + TEXT);
  } finally {
    await rm(folder, { recursive: true });
  }
});
