import { WorkerGenerator } from "../../pkg/index.js";
import { WorkerTrainer } from "../../pkg/trainer.js";

// The chosen file, or else the storyteller, which is so small that threads gain little.
const chosen = () => document.querySelector("#model")?.files?.[0];
const prompt = "Once upon a time there was a girl who lived near the sea. ".repeat(8);

export default async function example(print) {
  const source = chosen() ?? new URL("../../stories.gguf", import.meta.url);
  const most = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 16) : 1;
  const counts = [1, 2, 3, 4, 6, 8, 12, 16].filter((count) => count <= most);
  const text = (await (await fetch(new URL("../../alice.txt", import.meta.url))).text()).slice(0, 30_000);
  print("| threads | reads, tok/s | writes, tok/s | trains, tok/s |\n|--:|--:|--:|--:|\n");
  for (const threads of counts) {
    const generator = await WorkerGenerator.load(source, { threads, context_length: 256 });
    const measured = [];
    for (let round = 0; round < 4; round += 1) {
      await generator.reset(); // so that the prompt is read again
      await generator.start(prompt, { max_tokens: 40, temperature: 0 });
      for await (const _ of generator);
      measured.push(await generator.timings());
    }
    generator.free();
    const trainer = await WorkerTrainer.create(text, { preset: "small" }, { threads });
    const steps = [];
    // A step of this preset has work for four.
    const isShared = (await trainer.info()).threads === threads;
    for (let step = 0; step < 4 && isShared; step += 1) steps.push(await trainer.step());
    trainer.free();
    // The first round is left out: the browser still compiles the engine in it.
    const best = (rounds, name) => Math.max(...rounds.slice(1).map((round) => round[name])).toFixed(1);
    const [reads, writes] = ["prefill", "decode"].map((phase) => best(measured, `${phase}_tokens_per_second`));
    print(`| ${threads} | ${reads} | ${writes} | ${isShared ? best(steps, "tokens_per_second") : "–"} |\n`);
  }
  print(`${navigator.hardwareConcurrency} cores, ${crossOriginIsolated ? "isolated" : "not isolated: one thread"}\n`);
}
