// What native llama.cpp predicts with the adapters of `make.py`, and with `learnt.gguf`, which `tests/finetune.rs` learns:
// `node reference.mjs`, written to reference.json. Needs npm `node-llama-cpp` and `@node-llama-cpp/linux-x64`
// (`benches/native/`).

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { predict } from "../arch/llama-cpp.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const arch = fileURLToPath(new URL("../arch/", import.meta.url));
const { ids } = JSON.parse(readFileSync(arch + "reference.json", "utf8"));
const CASES = [
  ["llama.f32", [["llama-all", 1]]],
  ["llama.f32", [["llama-all", -0.4]]],
  ["llama.f32", [["llama-some", 1]]],
  ["llama.f32", [["llama-all", 0.5], ["llama-some", 0.7]]],
  ["llama.q8_0", [["llama-all", 1]]],
  ["llama.q8_0", [["llama-all", 0.5], ["llama-few", 0.7]]],
  ["phi3.f32", [["phi3", 1]]],
  ["phi3.q8_0", [["phi3", 1]]],
  ["phi2.f32", [["phi2", 1]]],
  ["nanbeige.f32", [["nanbeige", 1]]],
  ["llama.f32", [["learnt", 1]]],
  ["llama.q8_0", [["learnt", 0.5]]],
];
const rows = [];
for (const [base, adapters] of CASES) {
  const files = adapters.map(([name, scale]) => ({ filePath: `${here}${name}.gguf`, scale }));
  const predictions = await predict(`${arch}${base}.gguf`, ids, files);
  rows.push(JSON.stringify({ base, adapters, predictions }));
}
writeFileSync(here + "reference.json", `[\n  ${rows.join(",\n  ")}\n]\n`);
process.exit(0);
