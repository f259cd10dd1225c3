// The engine in Node: what the tests load models with.

import { readFile } from "node:fs/promises";
import { Generator } from "../../pkg/index.js";

const stories = await readFile(new URL("../../www/stories.gguf", import.meta.url));

/** The storyteller, which has no template of its own. */
export const chat_template =
  "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

/** One that knows tools, and says no more of them than their number: the storyteller's context is small. */
export const tool_template =
  "{{ tools and tools | length }}{% for m in messages %}<{{ m.role }}>{{ m.content }}" +
  "{% for c in m.tool_calls or [] %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}{% endfor %}<assistant>";

export const load = (options) => Generator.load(stories, options);
export { Generator, stories };

/** A generator as one in a worker is: every method and property a promise, each answer in a task of its own. */
export function asynchronous(generator) {
  const task = () => new Promise((resolve) => setTimeout(resolve));
  return new Proxy(generator, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name === "free") return () => target.free();
      if (typeof value !== "function") return task().then(() => target[name]);
      return async (...args) => {
        await task();
        const result = await value.apply(target, args);
        return name === "fork" ? asynchronous(result) : result;
      };
    },
  });
}

/** What a promise rejects with. */
export const rejection = (promise) =>
  promise.then(
    () => assertUnreached(),
    (thrown) => thrown,
  );

function assertUnreached() {
  throw new Error("the promise was to reject");
}
