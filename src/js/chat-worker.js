// Chat templates in a worker of their own: a template that does not end can only be stopped by terminating its worker.
// A call is { id, method, args }; its answer { id, value } or { id, error }.

import { load, render } from "./chat-template.js";
import { codeOf, words } from "./errors.js";

const methods = {
  async load() {
    await load();
  },
  render,
};

onmessage = async ({ data: { id, method, args } }) => {
  try {
    postMessage({ id, value: await methods[method](...args) });
  } catch (error) {
    postMessage({ id, error: { message: words(error), code: codeOf(error) } });
  }
};
onmessageerror = () => postMessage({ crashed: "a call could not be read" });
