import { readFile } from "node:fs/promises";
import { takeSteps } from "./steps.js";

console.log(JSON.stringify(await takeSteps(await readFile(process.env.MODEL))));
