import { modelAddress } from "./model.js";
import { takeSteps } from "./steps.js";

takeSteps(modelAddress()).then((outcome) => (globalThis.outcome = outcome));
