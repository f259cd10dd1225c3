import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time, there lived a little", { seed: 1 });

  const { candidates } = generator.peek({ top: 4 });
  for (const { text, logprob } of candidates) print(`${text}  ${(100 * Math.exp(logprob)).toFixed(1)} %\n`);

  generator.accept(candidates[3].id); // the fourth best, whatever the sampler would say
  for (let i = 0; i < 8; i += 1) generator.next_token();
  print(`…${generator.text}\n`);

  generator.rewind(9); // takes all of them back
  for (let i = 0; i < 9; i += 1) generator.next_token();
  print(`…${generator.text}`);
  generator.free();
}
