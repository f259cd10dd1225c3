// The extension's service worker takes the steps when a page of the extension asks for that.

import { takeSteps } from "./steps.js";

chrome.runtime.onMessage.addListener(({ take }, _, answer) => {
  if (!take) return false;
  takeSteps(take, /^\w+$/).then(answer);
  return true;
});
