import type { isolated as isolatedResponse } from "./isolate.js";

declare global {
  /** In a service worker that has loaded this script by `importScripts`; see `isolated` of `nexttoken/isolate`. */
  var isolated: typeof isolatedResponse;
}
export {};
