// Chat templates in a worker of their own: a template that does not end can only be stopped by terminating its worker.

import { load, render } from "./chat-template.js";
import { serveCalls } from "./serve-calls.js";

serveCalls(async ({ method, args }) => {
  if (method === "render") return render(/** @type {[string]} */ (args)[0]);
  await load();
});
