// The package as it is served: all of its engines start through the glue that they share.

import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName, lacks, open, origin, PLAIN, runsRelaxed } from "./harness.mjs";

const modules = {
  simd128: "/pkg/nexttoken_simd128.wasm",
  relaxed: "/pkg/nexttoken_relaxed.wasm",
};

for (const [variant, path] of Object.entries(modules)) {
  test(`the ${variant} module starts`, async (t) => {
    const response = await fetch(origin + path);
    assert.equal(response.status, 200);
    // Browsers compile a module while it downloads only if it has this type.
    assert.equal(response.headers.get("content-type"), "application/wasm");
    const { page, close } = await open("/");
    if (variant === "relaxed" && !(await runsRelaxed(page))) {
      await close();
      return t.skip(`${browserName} has no relaxed SIMD`);
    }
    const exported = await page.evaluate(async (path) => {
      const { default: init } = await import("/pkg/nexttoken.js");
      return Object.keys(await init({ module_or_path: path }));
    }, path);
    assert.ok(exported.includes("memory"), exported.join(", "));
    await close();
  });
}

test("the model is served in ranges", async () => {
  const url = `${origin}/models/SmolLM2-135M-Instruct.Q4_1.gguf`;
  const response = await fetch(url, { headers: { Range: "bytes=0-3" } });
  assert.equal(response.status, 206);
  assert.equal(await response.text(), "GGUF");
});

test("a page in place of a module is named as such", { skip: lacks("interception") }, async () => {
  // The page's service worker would answer these requests from its cache.
  const { page, context } = await open(PLAIN);
  await page.route("**/*.wasm", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  const error = await page.evaluate(async () => {
    const { default: init } = await import("/pkg/index.js");
    return init().then(String, ({ code, message }) => `${code}: ${message}`);
  });
  assert.match(error, /^wasm_unavailable: .*nexttoken_.*\.wasm.* HTML page .*optimizeDeps: \{ exclude: \["nexttoken"\] \}/);
  await context.close();
});
