// What the side panel shows takes the steps, and tells the page that has opened it.

import { takeSteps } from "./steps.js";

const files = await chrome.runtime.sendMessage({ wanted: "files" });
chrome.runtime.sendMessage({ outcome: await takeSteps(files) });
