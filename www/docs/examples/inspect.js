import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const model = await Generator.inspect(new URL("../../stories.gguf", import.meta.url), { speed: true });
  print(`${model.architecture}, ${model.parameters} weights as ${model.quantization}, `);
  print(`a context of ${model.context_length} tokens\n`);
  if (!model.supported) return print(`No: ${model.reason}`);
  print(`It runs here, in ${(model.memory.total / 1e6).toFixed(1)} MB, `);
  print(`at about ${model.decode_tokens_per_second?.toFixed(0) ?? "an unknown number of"} tokens a second.`);
}
