//! The JavaScript that wasm-bindgen generates for a module (its glue), and what is changed in it.

use anyhow::{Result, ensure};

/// The first lines of a glue with a guard.
pub const GUARD: &str = "import { NextTokenError } from \"./errors.js\";\nimport { Guard } from \"./guard.js\";\n\
                     import { resumingFetch } from \"./resume.js\";\n\n\
                     export const guard = new Guard();\n\n";

/// What is changed in a glue with a guard: all calls into its module pass through `guard.js`, including those from
/// promises and closures, the module's errors are of the package's class, and its downloads go on by `resume.js` where a
/// connection drops. What the browser refuses to read from or to write to memory that threads share is copied.
pub const GUARDED: [(&str, &str); 7] = [
    (
        "wasm = instance.exports;",
        "wasm = guard.over(instance.exports, module);",
    ),
    (
        "await __wbg_load(await module_or_path, imports)",
        "await __wbg_load(await module_or_path, guard.withMemory(imports))",
    ),
    (
        "return cachedTextDecoder.decode(bytes);",
        "return cachedTextDecoder.decode(bytes.slice());",
    ),
    ("if (!('encodeInto' in cachedTextEncoder)) {", "{"),
    (
        RANDOM,
        "getArrayU8FromWasm0(arg0, arg1).set(globalThis.crypto.getRandomValues(new Uint8Array(arg1)));",
    ),
    (
        "ret = new Error(getStringFromWasm0(",
        "ret = new NextTokenError(getStringFromWasm0(",
    ),
    ("const ret = fetch(", "const ret = resumingFetch("),
];

/// What of them the glue of a module lacks that draws no random numbers.
const RANDOM: &str = "globalThis.crypto.getRandomValues(getArrayU8FromWasm0(arg0, arg1));";

/// The glue with a guard; see [`GUARDED`].
pub fn guarded(glue: &str) -> Result<String> {
    let mut glue = GUARD.to_owned() + glue;
    for (usual, ours) in GUARDED {
        let found = glue.matches(usual).count();
        ensure!(
            found == 1 || (found == 0 && usual == RANDOM),
            "the glue should have `{usual}` once; wasm-bindgen has changed"
        );
        glue = glue.replace(usual, ours);
    }
    // A view of shared memory keeps its length when the memory grows.
    let glue = glue.replace(".byteLength === 0)", ".buffer !== wasm.memory.buffer)");
    Ok(glue)
}

/// JavaScript without comment lines and without types in the midst of a line: a page would download them, and the
/// documentation is in the types. wasm-bindgen's own comments also contain positions in a table of the module, which
/// would make the glue differ where the code does not.
pub fn without_comments(code: &str) -> String {
    let mut documentation = false;
    let stays = |line: &String| {
        let line = line.trim();
        documentation |= line.starts_with("/**");
        let stays = !documentation && !line.starts_with("//");
        documentation &= !line.ends_with("*/");
        stays
    };
    let lines = code.lines().map(without_types).filter(stays);
    let text: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
    text.trim_start().to_owned()
}

/// A line of JavaScript without the types in it, as in `/** @type {URL} */ (address).href`. A comment at the end of the
/// line stays.
fn without_types(line: &str) -> String {
    let mut rest = line;
    let mut code = String::new();
    while let Some((before, (_, after))) = rest
        .split_once("/** @")
        .and_then(|(before, after)| Some((before, after.split_once("*/ ")?)))
    {
        code += before;
        rest = after;
    }
    code + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_glue_has_each_of_the_changes_and_cannot_do_without_one() {
        let usual = GUARDED.map(|(usual, _)| usual);
        let glue = guarded(&usual.join("\n")).unwrap();
        assert!(glue.starts_with(GUARD));
        for (usual, ours) in GUARDED {
            assert!(glue.contains(ours), "{ours}");
            let without = glue.replace(ours, "");
            assert!(!without.contains(usual), "{usual}");
        }
        for missing in 0..usual.len() {
            let mut others = usual.to_vec();
            others.remove(missing);
            let without = guarded(&others.join("\n"));
            assert_eq!(without.is_ok(), usual[missing] == RANDOM);
            others.extend([usual[missing]; 2]);
            assert!(guarded(&others.join("\n")).is_err(), "{}", usual[missing]);
        }
    }

    #[test]
    fn a_view_is_made_anew_once_the_memory_has_grown() {
        let view = "if (cached === null || cached.byteLength === 0) {";
        let usual = GUARDED.map(|(usual, _)| usual).join("\n");
        let glue = guarded(&format!("{usual}\n{view}")).unwrap();
        assert!(glue.ends_with("if (cached === null || cached.buffer !== wasm.memory.buffer) {"));
    }

    #[test]
    fn comments_and_documentation_are_dropped() {
        let glue = "a {\n    // Cast intrinsic for `Closure(…shim_idx: 16…)`.\n    b // why\n}\n";
        assert_eq!(without_comments(glue), "a {\n    b // why\n}\n");
        let glue = "// what\n\n/* types */\n/** one */\na\n  /**\n   * two\n   */\n  b\n";
        assert_eq!(without_comments(glue), "/* types */\na\n  b\n");
        let typed =
            "  /** @type {A} */ (a).b(/** @param {C} c */ (c) => c, /** @type {D} */ (d));\n  e\n";
        assert_eq!(without_comments(typed), "(a).b((c) => c, (d));\n  e\n");
    }
}
