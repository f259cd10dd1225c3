import { takeSteps } from "./steps.js";

const model = new URLSearchParams(location.search).get("model") ?? "stories.gguf";
takeSteps(new URL(model, document.baseURI).href).then((outcome) => (globalThis.outcome = outcome));
