// What the tests of `nexttoken/conversation` with a model share: the model, tools, and a template of each family.

import { after } from "node:test";
import { z } from "zod";
import { WorkerGenerator } from "../../pkg/index.js";
import { load, stories } from "./engine.mjs";

/** The storyteller, which knows no tools: what it draws is random. */
export const generator = await load();
export const worker = await WorkerGenerator.load(stories);
after(() => worker.free());

/** What the tools take, by their names. */
export const schemas = {
  get: z.strictObject({ at: z.number().int().min(1).max(12) }),
  get_weather: z.strictObject({
    place: z.string().min(2).max(12),
    unit: z.enum(["C", "F"]),
    days: z.number().int().optional(),
    share: z.number().min(0).max(1).optional(),
    deep: z.boolean().optional(),
    marks: z.array(z.number()).max(2).optional(),
    where: z.strictObject({ lat: z.number(), code: z.string().regex(/^[A-Z]{2}$/) }).optional(),
  }),
  now: z.strictObject({}),
};
export const tools = Object.entries(schemas).map(([name, schema]) => ({
  type: "function",
  function: { name, description: `It is ${name}.`, parameters: z.toJSONSchema(schema, { io: "input" }) },
}));

/** A template of each family: what it is told by, and a text around the messages. */
const templateOf = (sign) =>
  `{# ${sign} tools tool_calls #}{% for m in messages %}<{{ m.role }}>{{ m.content }}` +
  "{% for c in m.tool_calls or [] %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}\n" +
  "{% endfor %}<assistant>";
export const TEMPLATES = Object.fromEntries(
  Object.entries({
    hermes: "<tool_call>",
    llama: "<|python_tag|>",
    mistral: "[TOOL_CALLS]",
    mistralArgs: "[ARGS]",
    lfm2: "<|tool_call_start|>",
    gemma: "<start_of_turn>",
    gemma4: "<|tool_call>",
    harmony: "<|channel|>",
    xml: "<function=",
  }).map(([name, sign]) => [name, templateOf(sign)]),
);
export const messages = [{ role: "user", content: "Once upon a time" }];

/** The generator, as a model that begins its answers with these tokens. */
export const beginning = (ids) =>
  new Proxy(generator, {
    get(target, name) {
      if (name === "next_token") return () => (ids.length > 0 ? target.accept(ids.shift()) : target.next_token());
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
/** The tokens of a text in the middle of another. */
export const encoded = (text) => [...generator.tokenize("a" + text)].slice(1);
