import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const model = await Generator.inspect(new URL("../../stories.gguf", import.meta.url));
  print(`${model.architecture}, ${model.parameters} weights as ${model.quantization}, `);
  print(`a context of ${model.context_length} tokens\n`);
  print(model.supported ? `It runs here, in ${(model.memory.total / 1e6).toFixed(1)} MB.` : `No: ${model.reason}`);
}
