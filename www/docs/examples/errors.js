import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  for (const options of [{ top_p: 2 }, { temprature: 1 }, { dry_multiplier: 1, samplers: ["temperature"] }]) {
    try {
      generator.start("Once", options);
    } catch (error) {
      print(`${error.code}: ${error.message}\n`);
    }
  }
  try {
    await Generator.load(new Blob(["no model at all"]));
  } catch (error) {
    print(`${error.code}: ${error.message}`);
  }
  generator.free();
}
