// The types of the assembled package against what is there at run time, as a user's compiler and editor see them.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path) => readFileSync(root(path), "utf8");
// The packages of the checks lie beside their settings.
const require = createRequire(root("pkg-config/javascript/package.json"));
const ts = require("typescript");

/** A project of a user's, with the package installed. */
const project = mkdtempSync(join(tmpdir(), "nexttoken-types-"));
after(() => rmSync(project, { recursive: true }));
mkdirSync(join(project, "node_modules"));
symlinkSync(root("pkg"), join(project, "node_modules/nexttoken"), "dir");
writeFileSync(join(project, "package.json"), '{ "type": "module" }');

/** The entry points: what is imported, its types and its script. */
const entries = Object.entries(JSON.parse(read("pkg/package.json")).exports)
  .filter(([, target]) => target.types)
  .map(([name, target]) => ({ name: name.replace(/^\./, "nexttoken"), types: target.types, script: target.default }));

/** A program of `code`, compiled without `skipLibCheck`. */
function compile(code, options) {
  const file = join(project, "main.ts");
  writeFileSync(file, code);
  return ts.createProgram([file], {
    strict: true,
    noEmit: true,
    skipDefaultLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
    preserveSymlinks: true,
    ...options,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  });
}

const BUNDLER = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
const RESOLUTIONS = {
  bundler: BUNDLER,
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
};

for (const [name, resolution] of Object.entries(RESOLUTIONS)) {
  test(`every entry point compiles with lib ES2022 and moduleResolution ${name}`, () => {
    const code = entries.map(({ name }, index) => `import * as entry${index} from "${name}"; void entry${index};`);
    const found = ts.getPreEmitDiagnostics(compile(code.join("\n"), resolution));
    assert.deepEqual(
      found.map(({ messageText, file }) => [file?.fileName, ts.flattenDiagnosticMessageText(messageText, "\n")]),
      [],
    );
  });
}

const program = compile(entries.map(({ name }) => `import "${name}";`).join("\n"), BUNDLER);
const checker = program.getTypeChecker();
/** What an entry point exports, by its types. */
const exportsOf = ({ types }) =>
  checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(join(project, "node_modules/nexttoken", types))),
  );
/** The symbol itself, where one is exported under another name. */
const original = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
/** Whether it is there at run time: `export type` is not. */
const isValue = (symbol) =>
  Boolean(original(symbol).flags & ts.SymbolFlags.Value) &&
  !symbol.declarations.some((declaration) => ts.isTypeOnlyImportOrExportDeclaration(declaration));

for (const entry of entries) {
  test(`${entry.name} exports what its types declare, and nothing else`, async () => {
    const declared = exportsOf(entry).filter(isValue);
    const actual = await import(new URL(`../../pkg/${entry.script}`, import.meta.url));
    assert.deepEqual(declared.map(({ name }) => name).sort(), Object.keys(actual).sort());
  });
}

test("every member of the classes tells in an editor what it does", () => {
  const silent = [];
  let told = 0;
  for (const entry of entries) {
    for (const symbol of exportsOf(entry)) {
      const { flags } = original(symbol);
      if (!(flags & ts.SymbolFlags.Class)) continue;
      for (const member of checker.getDeclaredTypeOfSymbol(original(symbol)).getProperties()) {
        const name = `${symbol.name}.${checker.symbolToString(member)}`;
        if (member.getDocumentationComment(checker).length > 0) told += 1;
        else if (!/\.(free|name|message|stack|code|\[.*\])$/.test(name)) silent.push(name);
      }
    }
  }
  assert.deepEqual(silent, []);
  assert.ok(told > 60, `${told} members are told of`);
});

test("every public class keeps its name, although names are shortened inside of the package", async () => {
  const classes = [];
  for (const { script } of entries) {
    for (const [name, value] of Object.entries(await import(new URL(script, new URL("../../pkg/", import.meta.url))))) {
      if (typeof value !== "function" || !/^class\b/.test(String(value))) continue;
      assert.equal(value.name, name, script);
      classes.push(name);
    }
  }
  assert.deepEqual(
    ["Generator", "ModelStore", "NextTokenError", "OpenAIError", "Trainer", "WorkerGenerator", "WorkerTrainer"].filter(
      (name) => !classes.includes(name),
    ),
    [],
  );
});

test("the types name every code that an error may have, and the documentation has a row for each", () => {
  const declared = checker.getDeclaredTypeOfSymbol(
    original(exportsOf(entries[0]).find(({ name }) => name === "NextTokenErrorCode")),
  );
  const codes = declared.types.map(({ value }) => value).sort();
  const [, body] = /pub fn code\(&self\)[^{]*\{(.*?)\n {4}\}/s.exec(read("src/error.rs"));
  const used = [...body.matchAll(/=> "(\w+)"/g)].map((match) => match[1]);
  for (const name of readdirSync(root("src/js")).filter((name) => name.endsWith(".js"))) {
    used.push(...[...read(`src/js/${name}`).matchAll(/makeError\(\s*"(\w+)"/g)].map((match) => match[1]));
  }
  assert.deepEqual(
    [...new Set(used)].filter((code) => !codes.includes(code)),
    [],
  );
  const rows = [...read("www/docs/errors/index.html").matchAll(/<th scope="row"><code>(\w+)</g)].map(
    (match) => match[1],
  );
  assert.deepEqual(rows.sort(), codes);
  assert.ok(codes.length >= 36, `${codes.length} codes`);
});
