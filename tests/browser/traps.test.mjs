// The module traps: pending promises are rejected, and every later call says that the engine crashed. Nothing hangs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, PLAIN } from "./harness.mjs";

/** In the page: overwrites the module's memory in the middle of a load. */
async function trap() {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const { default: exports } = await import("/pkg/nexttoken.js");
  const { memory } = await exports();
  const generator = await Generator.load("/stories.gguf");
  generator.start("Once");
  const file = await (await fetch("/stories.gguf")).arrayBuffer();
  const spoil = () => new Uint8Array(memory.buffer).fill(0xff);
  const loading = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(file, 0, 900_000).slice());
      setTimeout(() => {
        spoil();
        controller.enqueue(new Uint8Array(file, 900_000).slice());
        controller.close();
      }, 200);
    },
  });
  const never = new ReadableStream({});
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, "never settled"));
  const code = (promise) => Promise.race([promise.then(() => "loaded", (error) => error.code), late]);
  const calls = [code(Generator.load(loading)), code(Generator.load(never))];
  const codes = await Promise.all(calls);
  for (const call of [() => generator.next_token(), () => generator.text, () => generator.fork()]) {
    try {
      call();
      codes.push("nothing");
    } catch (error) {
      codes.push(error.code);
    }
  }
  codes.push(await code(Generator.load("/stories.gguf")), await code(Generator.inspect("/stories.gguf")));
  generator.free();
  return codes;
}

test("a trap on the page's thread rejects what waits, and every later call says so", async () => {
  const { page, close } = await open(PLAIN);
  const codes = await page.evaluate(trap);
  assert.deepEqual(codes, codes.map(() => "crashed"));
  assert.equal(codes.length, 7);
  await close();
});

/** In the page: makes each of these methods of a generator in a worker trap. */
async function trapInWorker() {
  /** The address of a Blob with a module that traps in the function exported as `name`. */
  const trappingIn = async (name) => {
    const { variant } = await (await import("/pkg/index.js")).default();
    const bytes = new Uint8Array(await (await fetch(`/pkg/nexttoken_${variant}.wasm`)).arrayBuffer());
    let at = 8;
    const number = () => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++];
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) return value;
      }
    };
    const skip = (count) => {
      at += count;
    };
    const limits = () => {
      if (number() & 1) number();
      number();
    };
    const word = () => {
      const length = number();
      skip(length);
      return new TextDecoder().decode(bytes.subarray(at - length, at));
    };
    let imported = 0;
    let exported;
    const sections = {
      2() {
        for (let count = number(); count > 0; count -= 1) {
          word();
          word();
          const kind = number();
          if (kind === 0) imported += 1;
          if (kind === 1) skip(1);
          if (kind === 1 || kind === 2) limits();
          else if (kind === 3) skip(2);
          else number();
        }
      },
      7() {
        for (let count = number(); count > 0; count -= 1) {
          const found = word() === name;
          const kind = number();
          const index = number();
          if (found && kind === 0) exported = index;
        }
      },
      10() {
        const count = number();
        for (let index = imported; index < imported + count; index += 1) {
          const size = number();
          const end = at + size;
          if (index === exported) {
            for (let locals = number(); locals > 0; locals -= 1) {
              number();
              skip(1);
            }
            // Fills the body with `unreachable`; its `end` stays.
            bytes.fill(0x00, at, end - 1);
          }
          at = end;
        }
      },
    };
    while (at < bytes.length) {
      const id = bytes[at++];
      const size = number();
      const end = at + size;
      sections[id]?.();
      at = end;
    }
    if (exported === undefined) throw new Error(`there is no ${name}`);
    return URL.createObjectURL(new Blob([bytes], { type: "application/wasm" }));
  };

  const { WorkerGenerator } = await import("/pkg/index.js");
  const late = () => new Promise((resolve) => setTimeout(resolve, 20_000, "never settled"));
  const code = (promise) => Promise.race([promise.then(() => "nothing", (error) => error.code), late()]);
  const codes = {};
  for (const name of ["next_token", "prefill", "start", "rewind", "load"]) {
    const wasm_url = await trappingIn(`generator_${name}`);
    if (name === "load") {
      codes[name] = [await code(WorkerGenerator.load("/stories.gguf", { wasm_url }))];
      continue;
    }
    const generator = await WorkerGenerator.load("/stories.gguf", { wasm_url });
    const calls = [code(generator.start("Once", { max_tokens: 5 })), code(generator.next_token()), code(generator.rewind(1))];
    codes[name] = [...(await Promise.all(calls)), await code(generator.state()), await code(generator.fork())];
    generator.free();
    codes[name].push(await code(generator.state()));
  }
  const generator = await WorkerGenerator.load("/stories.gguf");
  codes.afterwards = await code(generator.start("Once"));
  generator.free();
  return codes;
}

test("a trap in a worker ends it, and another worker is as good as new", async () => {
  const { page, close } = await open(PLAIN);
  const codes = await page.evaluate(trapInWorker);
  assert.deepEqual(codes, {
    next_token: ["nothing", "crashed", "crashed", "crashed", "crashed", "freed"],
    prefill: ["nothing", "crashed", "crashed", "crashed", "crashed", "freed"],
    start: ["crashed", "crashed", "crashed", "crashed", "crashed", "freed"],
    rewind: ["nothing", "nothing", "crashed", "crashed", "crashed", "freed"],
    load: ["crashed"],
    afterwards: "nothing",
  });
  await close();
});
