import { WorkerGenerator } from "../../pkg/index.js";
import { store } from "../../pkg/store.js";

export default async function example(print) {
  const url = new URL("../../stories.gguf", import.meta.url);
  await store.delete(url);
  for (const visit of ["first", "second"]) {
    let last;
    const onProgress = (progress) => (last = progress);
    const generator = await WorkerGenerator.load(url, { store: true, onProgress });
    print(`${visit} visit: ${last.loaded} bytes, ${last.state}\n`);
    if (last.not_kept) print(`${last.not_kept.message}\n`);
    generator.free();
  }
  for (const { size, kept } of await store.list()) print(`${size} bytes, ${kept ? "whole" : "a part"}\n`);
  const { backend, models } = await store.estimate();
  print(`${models} bytes in all, in ${backend}`);
}
