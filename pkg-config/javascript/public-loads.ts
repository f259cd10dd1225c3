// Calls what begins with the package: loads, isolation and the list of models. Compiled and never run, like
// `public-types.ts`.

import init, { Generator, WorkerGenerator, type Inspection, type LoadProgress, type ModelSource } from "nexttoken";
import { catalogue, type CatalogueModel } from "nexttoken/catalogue";
import initEncoder, { Encoder, WorkerEncoder } from "nexttoken/encoder";
import { isolate, isolated, type IsolateOptions, type Isolation, type IsolationState } from "nexttoken/isolate";
import initTrainer, {
  Finetuner,
  Trainer,
  WorkerFinetuner,
  WorkerTrainer,
  readConversations,
  type Conversation,
  type FinetunerConfig,
  type TrainerConfig,
} from "nexttoken/trainer";

/** What begins: the functions, and the static methods of the classes. */
export async function beginnings(file: File, request: Request, signal: AbortSignal) {
  const { variant } = await init({ variant: "relaxed", wasm_url: new URL("https://example.org/engine.wasm") });
  variant satisfies "relaxed" | "simd128" | "custom";
  await init({ threads: "auto" });
  const sources: ModelSource[] = ["model.gguf", new URL("https://example.org"), request, new Response(), file];
  sources.push(new ArrayBuffer(8), new Uint8Array(8), new ReadableStream<Uint8Array>(), ["part-1", file, request]);
  const onProgress = ({ loaded, total }: LoadProgress) => console.log(loaded + (total ?? 0));
  const loading = { onProgress, signal, timeout: 1000, context_length: 512, cache_type: "q8" } as const;
  const { onProgress: _, ...options } = loading;
  const inspecting = { ...options, speed: true };
  for (const source of sources) {
    (await Generator.load(source, loading)) satisfies Generator;
    (
      await WorkerGenerator.load(source, { ...loading, variant: "simd128", wasm_url: "engine.wasm", threads: 2 })
    ).free();
    const inspections = [Generator.inspect(source, inspecting), WorkerGenerator.inspect(source, inspecting)];
    for (const { supported, reason, memory, ...more } of (await Promise.all(inspections)) satisfies Inspection[]) {
      if (!supported) console.log(reason satisfies string | undefined, memory?.total);
      more.decode_tokens_per_second satisfies number | undefined;
    }
  }
  (await initEncoder({ variant: "simd128", threads: 2 })).variant satisfies "relaxed" | "simd128" | "custom";
  const encoding = { onProgress, signal, timeout: 1000, threads: 2, store: true, sha256: "00" } as const;
  (await Encoder.load(file, encoding)) satisfies Encoder;
  (await WorkerEncoder.load(request, { ...encoding, wasm_url: "encoder.wasm" })) satisfies WorkerEncoder;
  await initTrainer({ wasm_url: "trainer.wasm" });
  const config: TrainerConfig = { preset: "small", steps: 10 };
  const trainer = new Trainer("a text", config);
  Trainer.resume("a text", trainer.checkpoint()) satisfies Trainer;
  const inWorker = await WorkerTrainer.create("a text", config, { wasm_url: "trainer.wasm", threads: 2 });
  (await WorkerTrainer.resume("a text", await inWorker.checkpoint())) satisfies WorkerTrainer;
  const conversations: Conversation[] = readConversations("a line");
  const tuning: FinetunerConfig = { rank: 4, targets: ["attn_q"], seed: 1n };
  (await Finetuner.load(file, conversations, tuning, { onProgress, signal, timeout: 1000 })) satisfies Finetuner;
  (await WorkerFinetuner.load(request, "a text", tuning, { signal, threads: 2 })) satisfies WorkerFinetuner;
}

/** The models that have names. */
export const models: Record<keyof CatalogueModel, string | number>[] = catalogue.map((model) => ({ ...model }));

/** Isolation: of a page, and by a service worker of a site's own. */
export async function isolation(request: Request) {
  const options: Required<IsolateOptions> = {
    worker: new URL("https://example.org/sw.js"),
    reload: () => true,
    require_corp: false,
    timeout: 1000,
  };
  const { state, reason } = (await isolate({ ...options, worker: "sw.js", reload: false })) satisfies Isolation;
  const states: Record<IsolationState, string | undefined> = {
    isolated: undefined,
    reloading: undefined,
    needs_reload: undefined,
    unavailable: reason,
  };
  (await isolate()).state satisfies IsolationState;
  // @ts-expect-error there is no such option
  void isolate({ typo: 1 });
  isolated(await fetch(request)) satisfies Response;
  return [states[state], isolated(await fetch(request), request)];
}
