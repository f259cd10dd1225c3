// What native llama.cpp predicts with each model of `make.py`: `node reference.mjs`, written to
// reference.json. Needs npm `node-llama-cpp` and `@node-llama-cpp/linux-x64` (`benches/native/`).

import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { predict } from "./llama-cpp.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const POSITIONS = 28;
// Each id twice within a window and across it, in an order of no meaning.
const ids = Array.from({ length: POSITIONS }, (_, i) => (i * i * 7 + (i % 5) * 13 + 3) % 62);
const predictions = {};
const files = readdirSync(here).filter((name) => name.endsWith(".gguf") && !name.endsWith(".twin.gguf"));
for (const file of files.sort()) {
  // Why the twin: see make.py.
  predictions[file] = await predict(here + file.replace(".mixed.", ".twin."), ids);
}
const rows = Object.entries(predictions).map(([file, rows]) => `    "${file}": ${JSON.stringify(rows)}`);
writeFileSync(here + "reference.json", `{\n  "ids": ${JSON.stringify(ids)},\n  "models": {\n${rows.join(",\n")}\n  }\n}\n`);
process.exit(0);
