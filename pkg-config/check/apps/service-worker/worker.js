import { takeSteps } from "./steps.js";

addEventListener("message", (event) => {
  event.waitUntil(takeSteps(event.data, /^\w+$/).then((outcome) => event.source.postMessage(outcome)));
});
