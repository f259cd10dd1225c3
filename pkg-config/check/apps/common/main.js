import { addresses } from "./model.js";
import { takeSteps } from "./steps.js";

takeSteps(addresses()).then((outcome) => (globalThis.outcome = outcome));
