//! Compiles the root crate to WebAssembly: the engine in its variants, and the chat module. Binds each to
//! JavaScript and optimises it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::repo::Repo;
use crate::{command, fetch, tools};

/// One compilation of the same source for engines of one kind. All give the same results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// 128-bit SIMD, which every current browser has.
    Simd128,
    /// Relaxed SIMD besides, whose integer dot product is faster where the engine has it.
    Relaxed,
    /// No SIMD: the specification the others are tested against; never shipped.
    Scalar,
}

impl Variant {
    /// What the package ships.
    pub const SHIPPED: [Self; 2] = [Self::Simd128, Self::Relaxed];

    /// The name used in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simd128 => "simd128",
            Self::Relaxed => "relaxed",
            Self::Scalar => "scalar",
        }
    }

    /// File name of the finished module.
    pub fn module(self) -> String {
        format!("nexttoken_{}.wasm", self.name())
    }

    fn recipe(self) -> Recipe {
        Recipe {
            name: self.name(),
            module: self.module(),
            stem: "nexttoken",
            cargo: &["--release", "--features", "js"],
            rustc: vec![format!("-Ctarget-feature={}", self.target_features())],
            optimiser: [&["-O3"], self.optimiser_features()].concat(),
        }
    }

    fn target_features(self) -> &'static str {
        match self {
            Self::Simd128 => "+simd128",
            Self::Relaxed => "+simd128,+relaxed-simd",
            Self::Scalar => "-simd128",
        }
    }

    /// The WebAssembly features wasm-opt may use beyond those every module needs.
    fn optimiser_features(self) -> &'static [&'static str] {
        match self {
            Self::Simd128 => &["--enable-simd"],
            Self::Relaxed => &["--enable-simd", "--enable-relaxed-simd"],
            Self::Scalar => &[],
        }
    }
}

/// How a module is made.
struct Recipe {
    /// The name of its folder.
    name: &'static str,
    /// File name of the finished module.
    module: String,
    /// What its glue is called, without the ending.
    stem: &'static str,
    /// What Cargo is told beside what it is told for every module.
    cargo: &'static [&'static str],
    rustc: Vec<String>,
    optimiser: Vec<&'static str>,
}

/// The module that renders chat templates.
pub const CHAT: &str = "nexttoken_chat";

/// It is loaded on the way to an answer, so it is small rather than fast. No template needs more memory.
fn chat_recipe() -> Recipe {
    Recipe {
        name: "chat",
        module: format!("{CHAT}.wasm"),
        stem: CHAT,
        cargo: &["--profile", "small", "--features", "js-chat"],
        rustc: vec![format!("-Clink-arg=--max-memory={}", 64 << 20)],
        optimiser: vec!["-Oz"],
    }
}

/// A finished module: the module, and the JavaScript and types it is called through.
pub struct Bound {
    /// Path of the optimised module.
    pub module: PathBuf,
    /// The JavaScript glue.
    pub glue: String,
    /// The glue's TypeScript types.
    pub types: String,
}

/// File name of the glue.
pub const GLUE: &str = "nexttoken.js";
/// File name of the glue's types.
pub const TYPES: &str = "nexttoken.d.ts";

/// What wasm-opt is told for every module: the features Rust's own target turns on. Nothing that would
/// change the result of a float operation.
const OPTIMISER: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-producers",
];

/// Builds one variant; quick where nothing changed.
pub fn build(repo: &Repo, variant: Variant) -> Result<Bound> {
    make(repo, &variant.recipe())
}

/// Builds the chat module.
pub fn build_chat(repo: &Repo) -> Result<Bound> {
    let bound = make(repo, &chat_recipe())?;
    check_policy(CHAT, &bound.glue)?;
    Ok(bound)
}

fn make(repo: &Repo, recipe: &Recipe) -> Result<Bound> {
    let compiled = compile(repo, recipe)?;
    let folder = repo.variants().join(recipe.name);
    fs::create_dir_all(&folder)?;
    let module = folder.join(&recipe.module);
    let stamp = folder.join("made-from");
    let made_from = stamp_of(&compiled, recipe)?;
    if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
        return read(&folder, recipe, module);
    }
    // Gone while its files change, so that an interrupted run is not taken for a finished one.
    let _ = fs::remove_file(&stamp);
    bind(&compiled, &folder, recipe.stem)
        .with_context(|| format!("cannot bind {}", recipe.module))?;
    let bound = folder.join(format!("{}_bg.wasm", recipe.stem));
    optimise(repo, recipe, &bound, &module)?;
    fs::write(stamp, made_from)?;
    read(&folder, recipe, module)
}

fn read(folder: &Path, recipe: &Recipe, module: PathBuf) -> Result<Bound> {
    let text = |ending: &str| fs::read_to_string(folder.join(format!("{}.{ending}", recipe.stem)));
    Ok(Bound {
        module,
        glue: text("js")?,
        types: text("d.ts")?,
    })
}

/// Everything a finished module depends on.
fn stamp_of(compiled: &Path, recipe: &Recipe) -> Result<String> {
    let module = fetch::sha256(fs::File::open(compiled)?)?;
    let (bindgen, binaryen) = (tools::WASM_BINDGEN, include_str!("../tools/package.json"));
    let optimiser = &recipe.optimiser;
    Ok(format!(
        "{module}\n{bindgen}\n{OPTIMISER:?} {optimiser:?}\n{binaryen}"
    ))
}

/// Compiles the library by one recipe, and gives the path of the raw module.
fn compile(repo: &Repo, recipe: &Recipe) -> Result<PathBuf> {
    // A folder for each, because Cargo would build everything anew whenever the flags change.
    let target = repo.target().join("wasm").join(recipe.name);
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root())
        .args(["build", "--locked", "--package", "nexttoken", "--lib"])
        .arg("--no-default-features")
        .args(recipe.cargo)
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        // Takes the place of every other source of flags, the user's own among them: the same
        // source must give the same module.
        .env("CARGO_ENCODED_RUSTFLAGS", recipe.rustc.join("\x1f"));
    command::run(&mut cargo)?;
    let profile = match recipe.cargo.contains(&"small") {
        true => "small",
        false => "release",
    };
    let built = target.join("wasm32-unknown-unknown").join(profile);
    Ok(built.join("nexttoken.wasm"))
}

/// Writes the glue, its types and the module with the bindings applied.
fn bind(compiled: &Path, folder: &Path, stem: &str) -> Result<()> {
    Bindgen::new()
        .input_path(compiled)
        .out_name(stem)
        .web(true)?
        .typescript(true)
        // The caller names the variant it wants. Without this the glue names a file that is not
        // in the package, which bundlers look for.
        .omit_default_module_path(true)
        // A template may run into the limits of the chat module, which then must begin anew.
        .reset_state_function(stem == CHAT)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)?;
    let glue = folder.join(format!("{stem}.js"));
    fs::write(&glue, without_remarks(&fs::read_to_string(&glue)?))?;
    Ok(())
}

/// The glue without wasm-bindgen's remarks on its casts, which name positions in a table of the
/// module and so may differ where the code does not.
fn without_remarks(glue: &str) -> String {
    let is_remark = |line: &&str| line.trim_start().starts_with("// Cast intrinsic for");
    glue.lines()
        .filter(|line| !is_remark(line))
        .flat_map(|line| [line, "\n"])
        .collect()
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

/// Fails unless one glue fits all variants, and holds under a strict Content-Security-Policy.
pub fn check_glue(variants: &[(Variant, Bound)]) -> Result<()> {
    let Some(((first, model), rest)) = variants.split_first() else {
        bail!("there is no variant");
    };
    for (variant, bound) in rest {
        for (name, one, other) in [
            (GLUE, &model.glue, &bound.glue),
            (TYPES, &model.types, &bound.types),
        ] {
            if let Some((one, other)) = first_difference(one, other) {
                bail!(
                    "{name} differs between the variants, so one cannot serve both: is an export \
                     or an import behind a target feature?\n  {}: {one}\n  {}: {other}",
                    first.name(),
                    variant.name()
                );
            }
        }
    }
    check_policy(GLUE, &model.glue)
}

/// Fails where a strict Content-Security-Policy would refuse the glue.
fn check_policy(name: &str, glue: &str) -> Result<()> {
    for forbidden in ["new Function", "eval("] {
        ensure!(
            !glue.contains(forbidden),
            "{name} contains `{forbidden}`, which a strict Content-Security-Policy refuses \
             (a feature of js-sys or serde-wasm-bindgen?)"
        );
    }
    Ok(())
}

/// The first lines that differ.
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
    fn remarks_on_casts_are_dropped() {
        let glue = "a {\n    // Cast intrinsic for `Closure(…shim_idx: 16…)`.\n    // why\n}\n";
        assert_eq!(without_remarks(glue), "a {\n    // why\n}\n");
    }
}
