// Where the package looks for its files.

import assert from "node:assert/strict";
import { test } from "node:test";
import { installed } from "../../src/js/start-module.js";

test("a file is looked for where the package is installed, not where Vite has moved its scripts", () => {
  const found = (/** @type {string} */ address) => installed(new URL(address, "http://host")).pathname;
  assert.equal(
    found("/node_modules/.vite/deps/worker.js?worker_file&type=module"),
    "/node_modules/nexttoken/worker.js",
  );
  assert.equal(found("/base/node_modules/.vite/deps/a.wasm"), "/base/node_modules/nexttoken/a.wasm");
  assert.equal(found("/node_modules/.vite/vitest/0/deps/a.wasm"), "/node_modules/nexttoken/a.wasm");
});

test("elsewhere a file lies beside the script", () => {
  for (const address of ["http://host/deps/a.wasm", "file:///app/node_modules/nexttoken/a.wasm?v=1", "blob:x"]) {
    assert.equal(installed(new URL(address)).href, address);
  }
});
