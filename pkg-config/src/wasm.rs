//! Compiles the root crate to WebAssembly modules: the variants of the engine, and the modules for chat, constraints
//! and training. Generates the JavaScript bindings of each, and optimizes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use walrus::Module;
use wasm_bindgen_cli_support::Bindgen;

use crate::repo::Repo;
use crate::{command, fetch, tools};

/// A module that is built from the root crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The engine with 128-bit SIMD, which every current browser supports. All engines give the same results.
    Simd128,
    /// The engine with relaxed SIMD as well, whose integer dot product is faster in browsers that have it.
    Relaxed,
    /// The engine without SIMD: the specification the others are tested against; never shipped.
    Scalar,
    /// The renderer of chat templates, loaded with the first conversation.
    Chat,
    /// The compiler of grammars, loaded with the first constraint.
    Constraint,
    /// The trainer together with the engine, loaded only for training. Its matrix products use 128-bit SIMD.
    Trainer,
}

/// How a module is built.
struct Recipe {
    /// What the crate is linked with.
    dependencies: Dependencies,
    /// The features of the crate that are compiled in.
    features: &'static str,
    /// The flags of rustc for the crate alone.
    rustc: Vec<String>,
    /// The options of wasm-opt besides [`OPTIMISER`].
    optimiser: Vec<&'static str>,
}

/// The standard library and the other dependencies. Modules that are linked with the same share a folder, where Cargo
/// compiles these once, and are built there one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// Compiled for speed, with 128-bit SIMD.
    Simd,
    /// Compiled for speed, without SIMD.
    Scalar,
    /// Compiled for size.
    Small,
}

impl Dependencies {
    /// The name of their folder.
    fn name(self) -> &'static str {
        match self {
            Self::Simd => "simd",
            Self::Scalar => "scalar",
            Self::Small => "small",
        }
    }

    /// Cargo's profile.
    fn profile(self) -> &'static str {
        match self {
            Self::Simd | Self::Scalar => "release",
            Self::Small => "small",
        }
    }

    /// The flags of rustc besides [`PANICS`].
    fn rustc(self) -> &'static str {
        match self {
            Self::Simd => "-Ctarget-feature=+simd128",
            Self::Scalar | Self::Small => "-Ctarget-feature=-simd128",
        }
    }

    /// Cargo's options for the standard library.
    fn standard_library(self) -> &'static [&'static str] {
        match self {
            Self::Simd | Self::Scalar => &[],
            Self::Small => &["-Z", "build-std-features=optimize_for_size"],
        }
    }
}

impl Variant {
    /// The engines the package ships.
    pub const ENGINES: [Self; 2] = [Self::Simd128, Self::Relaxed];
    /// The modules that the package ships besides the engines. Each has JavaScript glue of its own, and is loaded when
    /// it is needed.
    pub const EXTRAS: [Self; 3] = [Self::Chat, Self::Constraint, Self::Trainer];

    /// The name used in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simd128 => "simd128",
            Self::Relaxed => "relaxed",
            Self::Scalar => "scalar",
            Self::Chat => "chat",
            Self::Constraint => "constraint",
            Self::Trainer => "trainer",
        }
    }

    /// File name of the finished module.
    pub fn module(self) -> String {
        format!("nexttoken_{}.wasm", self.name())
    }

    /// File name of its glue and types, without the ending. The engines share theirs.
    pub fn stem(self) -> String {
        match self {
            Self::Simd128 | Self::Relaxed | Self::Scalar => "nexttoken".to_owned(),
            Self::Chat | Self::Constraint | Self::Trainer => {
                format!("nexttoken_{}", self.name())
            }
        }
    }

    /// What it is linked with.
    pub fn dependencies(self) -> Dependencies {
        self.recipe().dependencies
    }

    fn recipe(self) -> Recipe {
        let fast = |features| Recipe {
            dependencies: Dependencies::Simd,
            features,
            rustc: Vec::new(),
            optimiser: [&FAST[..], &["--enable-simd"]].concat(),
        };
        // These are optimized for size, because they are downloaded while the user waits for an answer.
        let small = |features, memory: u32| Recipe {
            dependencies: Dependencies::Small,
            features,
            rustc: vec![format!("-Clink-arg=--max-memory={memory}")],
            optimiser: vec!["-Oz"],
        };
        match self {
            Self::Simd128 => fast("wasm"),
            Self::Relaxed => Recipe {
                rustc: vec!["-Ctarget-feature=+relaxed-simd".to_owned()],
                optimiser: [&FAST[..], &["--enable-simd", "--enable-relaxed-simd"]].concat(),
                ..fast("wasm")
            },
            Self::Scalar => Recipe {
                dependencies: Dependencies::Scalar,
                optimiser: FAST.to_vec(),
                ..fast("wasm")
            },
            Self::Trainer => fast("wasm,train"),
            // Enough for every template, and for every grammar within its limits.
            Self::Chat => small("wasm-chat", 64 << 20),
            Self::Constraint => small("wasm-constraint", 512 << 20),
        }
    }
}

/// A finished module with its JavaScript glue and types.
pub struct Bound {
    /// Path of the optimised module.
    pub module: PathBuf,
    /// The JavaScript glue.
    pub glue: String,
    /// The glue's TypeScript types.
    pub types: String,
}

/// rustc's flags for panics: each becomes a trap without message and location, which nobody would see. That makes a
/// module smaller by a tenth, if the standard library is compiled the same way.
const PANICS: &str = "-Zunstable-options\u{1f}-Cpanic=immediate-abort\u{1f}-Zlocation-detail=none";

/// The options of wasm-opt for modules that must be fast.
const FAST: [&str; 3] = [
    "-O3",
    // Folds additions into the offsets of loads. This is valid if no address computation wraps around into the first
    // kilobyte of memory, which here is the far end of the stack.
    "--low-memory-unused",
    // Kernels are separate functions on purpose, see `Isa::isolate`.
    "--one-caller-inline-max-function-size=50",
];

/// The options of wasm-opt for every module: the features that Rust's target enables. Nothing that would change the
/// result of a float operation.
const OPTIMISER: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-producers",
];

/// Builds one module, with or without the names of its functions for a profiler. Returns quickly if nothing has
/// changed.
pub fn build(repo: &Repo, variant: Variant, names: bool) -> Result<Bound> {
    let mut recipe = variant.recipe();
    if names {
        // This mangling has names that tell the instances of a generic kernel apart.
        recipe.rustc.push("-Csymbol-mangling-version=v0".to_owned());
        recipe.optimiser.push("--debuginfo");
    }
    let folder = repo.variants().join(variant.name());
    fs::create_dir_all(&folder)?;
    let compiled = folder.join("compiled.wasm");
    compile(repo, &recipe, &compiled)?;
    let stamp = folder.join("made-from");
    let made_from = stamp_of(&compiled, &recipe)?;
    if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
        return read(&folder, variant);
    }
    // Removed while the files change, so that an interrupted run does not look finished.
    let _ = fs::remove_file(&stamp);
    bind(&compiled, &folder, variant, names)
        .with_context(|| format!("cannot bind {}", variant.module()))?;
    let bound = folder.join(format!("{}_bg.wasm", variant.stem()));
    optimise(repo, &recipe, &bound, &folder.join(variant.module()))?;
    fs::write(stamp, made_from)?;
    read(&folder, variant)
}

fn read(folder: &Path, variant: Variant) -> Result<Bound> {
    let text = |ending: &str| fs::read_to_string(folder.join(variant.stem() + ending));
    Ok(Bound {
        module: folder.join(variant.module()),
        glue: text(".js")?,
        types: text(".d.ts")?,
    })
}

/// A text of everything that a finished module depends on.
fn stamp_of(compiled: &Path, recipe: &Recipe) -> Result<String> {
    let module = fetch::sha256(fs::File::open(compiled)?)?;
    let (bindgen, binaryen) = (tools::WASM_BINDGEN, include_str!("../tools/package.json"));
    let optimiser = &recipe.optimiser;
    Ok(format!(
        "{module}\n{bindgen}\n{OPTIMISER:?} {optimiser:?}\n{binaryen}\n{GUARD}"
    ))
}

/// Compiles the library by a recipe, and copies the raw module to a path.
fn compile(repo: &Repo, recipe: &Recipe, to: &Path) -> Result<()> {
    let dependencies = recipe.dependencies;
    let target = repo.target().join("wasm").join(dependencies.name());
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root())
        .args(["rustc", "--locked", "--package", "nexttoken", "--lib"])
        .args(["--profile", dependencies.profile(), "--no-default-features"])
        .args(["--features", recipe.features])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .args(["-Z", "build-std=std,panic_abort"])
        .args(dependencies.standard_library())
        // Keeps the outputs of different features and flags apart.
        .args(["-Z", "build-dir-new-layout"])
        // Lets the pinned stable compiler use unstable options.
        .env("RUSTC_BOOTSTRAP", "1")
        // Replaces all other sources of flags, including the user's own: the same source must give the same module.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            format!("{PANICS}\u{1f}{}", dependencies.rustc()),
        );
    command::run(cargo.args(["--", "-Dwarnings"]).args(&recipe.rustc))?;
    let built = target
        .join("wasm32-unknown-unknown")
        .join(dependencies.profile());
    fs::copy(built.join("nexttoken.wasm"), to)?;
    Ok(())
}

/// The module without the functions that llguidance exports for C, and without the code that only these use.
fn without_c_exports(compiled: &Path) -> Result<Module> {
    let mut module = Module::from_file(compiled)?;
    let exports = module.exports.iter();
    let for_c = exports.filter(|export| export.name.starts_with("llg_"));
    let for_c: Vec<_> = for_c.map(|export| export.id()).collect();
    for_c.into_iter().for_each(|id| module.exports.delete(id));
    walrus::passes::gc::run(&mut module);
    Ok(module)
}

/// Generates the glue, its types and the bound module.
fn bind(compiled: &Path, folder: &Path, variant: Variant, names: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    match variant {
        Variant::Constraint => bindgen.input_module(&variant.stem(), without_c_exports(compiled)?),
        _ => bindgen.input_path(compiled),
    };
    bindgen
        .out_name(&variant.stem())
        .web(true)?
        .typescript(true)
        // The caller passes the module's address. Without this option the glue would contain the name of a file that is
        // not in the package, and bundlers would look for it.
        .omit_default_module_path(true)
        // Untrusted input may exceed the limits of these modules, which must then be started again.
        .reset_state_function(matches!(variant, Variant::Chat | Variant::Constraint))
        .remove_name_section(!names)
        .remove_producers_section(true)
        .generate(folder)?;
    let glue = folder.join(variant.stem() + ".js");
    let text = without_comments(&fs::read_to_string(&glue)?);
    // Modules that can be started again need no guard.
    let text = match variant {
        Variant::Chat | Variant::Constraint => text,
        _ => guarded(&text)?,
    };
    fs::write(&glue, text)?;
    Ok(())
}

/// The first lines of a glue with a guard.
const GUARD: &str =
    "import { Guard } from \"./guard.js\";\n\nexport const guard = new Guard();\n\n";

/// The glue with all calls into its module passing through `guard.js`, including those from promises and closures.
fn guarded(glue: &str) -> Result<String> {
    let exports = "wasm = instance.exports;";
    ensure!(
        glue.matches(exports).count() == 1,
        "the glue should have one line `{exports}`; wasm-bindgen has changed"
    );
    let behind = "wasm = guard.over(instance.exports);";
    Ok(GUARD.to_owned() + &glue.replace(exports, behind))
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

fn optimise(repo: &Repo, recipe: &Recipe, from: &Path, to: &Path) -> Result<()> {
    let wasm_opt = tools::wasm_opt(repo)?;
    let mut node = Command::new("node");
    node.current_dir(repo.root())
        .arg(wasm_opt)
        .args(&recipe.optimiser)
        .args(OPTIMISER);
    command::run(node.arg(from).arg("-o").arg(to))?;
    fs::remove_file(from)?;
    Ok(())
}

/// Fails unless the modules that share a glue have the same, and it works under a strict Content-Security-Policy.
pub fn check_glue(modules: &[(Variant, Bound)]) -> Result<()> {
    let Some(((first, model), rest)) = modules.split_first() else {
        bail!("there is no module");
    };
    let stem = first.stem();
    for (variant, bound) in rest {
        for (ending, one, other) in [
            ("js", &model.glue, &bound.glue),
            ("d.ts", &model.types, &bound.types),
        ] {
            if let Some((one, other)) = first_difference(one, other) {
                bail!(
                    "{stem}.{ending} differs between the variants, so one cannot serve both: is an \
                     export or an import behind a target feature?\n  {}: {one}\n  {}: {other}",
                    first.name(),
                    variant.name()
                );
            }
        }
    }
    for forbidden in ["new Function", "eval("] {
        ensure!(
            !model.glue.contains(forbidden),
            "{stem}.js contains `{forbidden}`, which a strict Content-Security-Policy refuses \
             (a feature of js-sys or serde-wasm-bindgen?)"
        );
    }
    Ok(())
}

/// The first pair of lines that differ.
fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    if one == other {
        return None;
    }
    let mut pairs = one.lines().zip(other.lines());
    Some(
        pairs
            .find(|(one, other)| one != other)
            .unwrap_or(("ends", "goes on, or the reverse")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(glue: &str) -> Bound {
        Bound {
            module: PathBuf::new(),
            glue: glue.to_owned(),
            types: String::new(),
        }
    }

    #[test]
    fn one_glue_must_fit_all() {
        let check = |one: &str, other: &str| {
            check_glue(&[
                (Variant::Simd128, bound(one)),
                (Variant::Relaxed, bound(other)),
            ])
        };
        assert!(check("a\nb\n", "a\nb\n").is_ok());
        let error = check("a\nb\n", "a\nc\n").unwrap_err().to_string();
        assert!(
            error.contains("simd128: b") && error.contains("relaxed: c"),
            "{error}"
        );
        assert!(check("a\n", "a\nb\n").is_err());
    }

    #[test]
    fn glue_that_a_strict_policy_refuses_is_refused() {
        for glue in ["const f = new Function(text)", "eval(text)"] {
            assert!(
                check_glue(&[(Variant::Simd128, bound(glue))]).is_err(),
                "{glue}"
            );
        }
    }

    #[test]
    fn all_calls_of_a_guarded_glue_go_through_the_guard() {
        let glue =
            guarded("function begin(instance) {\n    wasm = instance.exports;\n}\n").unwrap();
        assert!(glue.starts_with(GUARD));
        assert!(glue.ends_with("{\n    wasm = guard.over(instance.exports);\n}\n"));
        assert!(guarded("wasm = other.exports;").is_err());
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
