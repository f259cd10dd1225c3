// The assembled site: its joined scripts name only files that are there, and a page needs few of them.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const site = new URL("../../target/site/", import.meta.url);
/** What a script imports at once, and what it imports, starts or fetches later. */
const AT_ONCE = /(?:\bfrom|\bimport)\s*"(\.{1,2}\/[^"]+)"/g;
const LATER = /(?:\bimport\(|\bnew URL\()\s*"(\.{1,2}\/[^"?]+)"/g;

/** The files that the script `start` leads to, through the addresses that `patterns` find. */
function reached(start, patterns) {
  const found = new Set();
  const follow = (address) => {
    if (found.has(address.href)) return;
    assert.ok(existsSync(address), `${address} is not there`);
    found.add(address.href);
    if (!address.pathname.endsWith(".js")) return;
    const code = readFileSync(address, "utf8");
    for (const pattern of patterns) {
      for (const [, to] of code.matchAll(pattern)) follow(new URL(to, address));
    }
  };
  follow(new URL(start, site));
  return found;
}

const examples = readdirSync(new URL("docs/examples/", site)).filter((name) => name.endsWith(".js"));

for (const script of ["main.js", "learn/learn.js", ...examples.map((name) => `docs/examples/${name}`)]) {
  test(`all that ${script} leads to is there`, () => {
    const found = [...reached(script, [AT_ONCE, LATER])];
    assert.ok(
      found.some((address) => address.includes("/pkg/")),
      found.join(" "),
    );
  });
}

test("a page begins with few scripts, and the parts of it that a test loads are the page's", () => {
  const page = reached("main.js", [AT_ONCE]);
  assert.ok(
    page.size > 5 && page.size < 40,
    `${page.size} scripts: \`cargo pkg site\` joins them, \`cargo demo\` does not`,
  );
  assert.ok(reached("learn/learn.js", [AT_ONCE]).size < 30);
  const shared = [...reached("search-encoder.js", [AT_ONCE])].filter((address) => page.has(address));
  assert.ok(
    shared.some((address) => /site\/shared-/.test(address)),
    shared.join(" "),
  );
});
