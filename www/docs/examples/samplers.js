import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const names = () => generator.samplers.map((stage) => stage.name).join(" → ");

  generator.start("Once");
  print(`unless told otherwise: ${names()}\n`);
  generator.start("Once", { repetition_penalty: 1.1, top_k: 0, min_p: 0 });
  print(`those that have an effect: ${names()}\n`);
  generator.start("Once", { samplers: ["temperature", "top_p", "min_p"] });
  print(`in an order of one's own: ${names()}`);
  generator.free();
}
