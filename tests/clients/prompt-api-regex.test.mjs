// Regular expressions of JavaScript as constraints of the Prompt API: what is written matches, whatever it begins with.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";
import { chat_template, load } from "./engine.mjs";

const LanguageModel = defineLanguageModel(await load(), { chat_template, worker: false });

/** The answer that begins with `prefix`, or the name of the error. */
async function answer(responseConstraint, prefix) {
  const session = await LanguageModel.create({ topK: 1, temperature: 0 });
  const messages = [{ role: "user", content: "Say it." }];
  if (prefix) messages.push({ role: "assistant", content: prefix, prefix: true });
  const options = { responseConstraint, omitResponseConstraintInput: true };
  try {
    return prefix + (await session.prompt(messages, options));
  } catch ({ name }) {
    return { name };
  } finally {
    session.destroy();
  }
}

test("answers match the expressions that pages constrain them with", async () => {
  const date = /^(0[1-9]|1[0-2])\/(0[1-9]|[12]\d|3[01])\/\d{4}$/;
  const list = /^(\* [A-Za-z]{1,8}\n){2}$/;
  const email = /^[a-zA-Z0-9._%+-]{1,9}@[a-zA-Z0-9.-]{1,9}\.[a-zA-Z]{2}$/;
  for (const regex of [
    /^(true|false)$/,
    /^[a-z]$/,
    date,
    /^-?\d{1,3}\.\d{1,2}$/,
    list,
    email,
    /^.{5}$/,
    /^\$5 \(ok\)$/,
  ]) {
    const text = await answer(regex, "");
    assert.match(text, regex);
  }
  assert.match(await answer(/^Greetings and [a-z]{1,9}\.$/, "Greetings"), /^Greetings and [a-z]{1,9}\.$/);
});

/** What may begin an answer, as the pieces of the syntax say, and what the engine's own syntax says otherwise of it. */
const BEGINNINGS = [
  [/^\w\w$/, "a"],
  [/^\Wa$/, "é"],
  [/^[^\d]a$/, "٣"],
  [/^\s[a-z]$/, "\ufeff"],
  [/^\s[a-z]$/, "\u00a0"],
  [/^[\s\S]b$/, "\n"],
  [/^[^]b$/, "\n"],
  [/^.b$/s, "\n"],
  [/^.b$/, "\u0085"],
  [/^\/b$/, "/"],
  [/^[a\-z]b$/, "-"],
  [/^[\w-]b$/, "-"],
  [/^[\d-x]b$/, "-"],
  [/^[a-z--b]b$/, "-"],
  [/^[[]b$/, "["],
  [/^[&&a]b$/, "&"],
  [/^[~~a]b$/, "~"],
  [/^[\b]b$/, "\b"],
  [/^]b}$/, "]"],
  [/^a{b$/, "a{"],
  [/^a{,2}b$/, "a{,2}"],
  [/^a{2}b{1,}c{0,2}?!$/, "aa"],
  [/^\0b$/, "\0"],
  [/^\cJb$/, "\n"],
  [/^\x41b$/, "A"],
  [/^\u0041b$/, "A"],
  [/^\u{41}b$/u, "A"],
  [/^\ud83d\ude00b$/, "😀"],
  [/^\p{L}b$/u, "é"],
  [new RegExp("^\\a\\z$"), "a"],
  [/^(?<name>a)b$/, "a"],
  [/^(?:a|x)b$/, "x"],
  [/^ #b$/, " "],
  [/^ab$/i, "A"],
];

test("each piece of JavaScript's syntax means what it means there", async () => {
  for (const [regex, beginning] of BEGINNINGS) {
    const text = await answer(regex, beginning);
    assert.equal(typeof text, "string", `${regex} ${JSON.stringify(beginning)}`);
    assert.match(text, regex);
  }
});

test("nothing else begins an answer", async () => {
  for (const [regex, beginning] of [
    [/^\d\d$/, "٣"],
    [/^\w\w$/, "é"],
    [/^[\w]a$/, "é"],
    [/^\s[a-z]$/, "\u0085"],
    [/^.[a-z]$/, "\r"],
    [/^.[a-z]$/, "\u2028"],
    [/^[^\D]a$/, "x"],
    [new RegExp("^[]b$"), ""],
    [/^Greetings$/, "invalid"],
  ]) {
    assert.deepEqual(await answer(regex, beginning), { name: "NotSupportedError" }, String(regex));
  }
});

test("what the engine does not have is not supported", async () => {
  const unsupported = [/(?=a)b/, /(?!a)b/, /(?<=a)b/, /(?<!a)b/, /\ba/, /a\B/, /(a)\1/, /(?<n>a)\k<n>/, /a/v, /a/y];
  unsupported.push(new RegExp("^\\01$"), new RegExp("^\\c$"));
  for (const regex of unsupported) {
    assert.deepEqual(await answer(regex, ""), { name: "NotSupportedError" }, String(regex));
  }
});
