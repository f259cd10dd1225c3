import { readFile } from "node:fs/promises";
import { takeSteps } from "./steps.js";

const { MODEL, ENCODER, STORED } = process.env;
const files = { model: await readFile(MODEL), encoder: await readFile(ENCODER), stored: STORED };
console.log(JSON.stringify(await takeSteps(files)));
