// What npm would publish.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = new URL("../../pkg/", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder));
const manifest = JSON.parse(read("package.json"));

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const [packed] = JSON.parse(
  execFileSync(npm, ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: fileURLToPath(folder) }),
);
const files = packed.files.map(({ path }) => path);

test("the package holds scripts, modules, public types and notices, and nothing else", () => {
  const known =
    /\.(js|wasm|d\.ts)$|^(package\.json|README\.md|CHANGELOG\.md|LICENSE-(MIT|APACHE)|THIRD-PARTY-NOTICES\.txt)$/;
  assert.deepEqual(
    files.filter((file) => !known.test(file)),
    [],
  );
  for (const file of [
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "THIRD-PARTY-NOTICES.txt",
    "nexttoken_relaxed.wasm",
  ])
    assert.ok(files.includes(file), file);
  for (const file of ["nexttoken_chat.d.ts", "nexttoken_constraint.d.ts"]) assert.ok(!files.includes(file), file);
});

test("every file that an entry point names is in the package, and so is every file that a script or type names", () => {
  const named = Object.values(manifest.exports).flatMap((target) => Object.values(Object(target)));
  const targets = named.filter((target) => typeof target === "string" && target.length > 1);
  assert.ok(targets.length >= 4, "there are entry points");
  for (const target of targets) assert.ok(files.includes(target.replace("./", "")), target);
  for (const file of files.filter((file) => /\.(js|d\.ts)$/.test(file))) {
    for (const [, , name] of read(file)
      .toString()
      .matchAll(/(from|import\(|import|URL\() ?"(\.[^"]+)"/g)) {
      // A bundled worker is copied to where the modules are.
      const place = name.endsWith(".wasm") ? file.replace(/^bundle\//, "") : file;
      const path = new URL(name, new URL(place, folder)).href.slice(folder.href.length);
      const types = path.replace(/\.js$/, ".d.ts");
      assert.ok(files.includes(file.endsWith(".d.ts") ? types : path), `${file} names ${name}`);
    }
  }
});

test("no module holds a path of the machine that it was built on", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const traces = [root, homedir(), ".cargo", "/rustc/", "/src/"];
  for (const file of files.filter((file) => file.endsWith(".wasm"))) {
    const bytes = read(file);
    for (const trace of traces) assert.ok(!bytes.includes(trace), `${file} holds ${trace}`);
  }
});

test("the notices name the libraries with their licences", () => {
  const notices = read("THIRD-PARTY-NOTICES.txt").toString();
  for (const part of ["\nminijinja ", "\nllguidance ", "Apache License", "Copyright"])
    assert.ok(notices.includes(part), part);
  assert.ok(existsSync(new URL("LICENSE-MIT", folder)));
});
