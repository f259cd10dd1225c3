//! Compiles the root crate to WebAssembly in its variants, binds each to JavaScript and optimises.

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
    /// The trainer beside the generator, loaded only where somebody trains; its matrix products use 128-bit SIMD.
    Trainer,
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
            Self::Trainer => "trainer",
            Self::Scalar => "scalar",
        }
    }

    /// File name of the finished module.
    pub fn module(self) -> String {
        format!("nexttoken_{}.wasm", self.name())
    }

    fn target_features(self) -> &'static str {
        match self {
            Self::Simd128 | Self::Trainer => "+simd128",
            Self::Relaxed => "+simd128,+relaxed-simd",
            Self::Scalar => "-simd128",
        }
    }

    /// The features of the crate that are compiled in.
    fn features(self) -> &'static str {
        match self {
            Self::Trainer => "js,train",
            Self::Simd128 | Self::Relaxed | Self::Scalar => "js",
        }
    }

    /// The WebAssembly features wasm-opt may use beyond those every module needs.
    fn optimiser_features(self) -> &'static [&'static str] {
        match self {
            Self::Simd128 | Self::Trainer => &["--enable-simd"],
            Self::Relaxed => &["--enable-simd", "--enable-relaxed-simd"],
            Self::Scalar => &[],
        }
    }
}

/// A finished variant: the module, and the JavaScript and types it is called through.
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

/// The same for the trainer's module.
pub const TRAINER_GLUE: &str = "nexttoken_trainer.js";
/// The trainer's types.
pub const TRAINER_TYPES: &str = "nexttoken_trainer.d.ts";

/// What wasm-opt is told for every variant: the features Rust's own target turns on, and to
/// optimise for speed. Nothing that would change the result of a float operation.
const OPTIMISER: [&str; 10] = [
    "-O3",
    // Folds additions to addresses into loads: sound where no address wraps around into the first
    // kilobyte, the far end of the stack here.
    "--low-memory-unused",
    // Kernels are functions of their own on purpose, see `Isa::isolate`.
    "--one-caller-inline-max-function-size=50",
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
    let compiled = compile(repo, variant)?;
    let folder = repo.variants().join(variant.name());
    fs::create_dir_all(&folder)?;
    let bound = Bound {
        module: folder.join(variant.module()),
        glue: String::new(),
        types: String::new(),
    };
    let stamp = folder.join("made-from");
    let made_from = stamp_of(&compiled, variant)?;
    if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
        return read(&folder, bound);
    }
    // Gone while its files change, so that an interrupted run is not taken for a finished one.
    let _ = fs::remove_file(&stamp);
    bind(&compiled, &folder).with_context(|| format!("cannot bind {}", variant.module()))?;
    optimise(
        repo,
        variant,
        &folder.join("nexttoken_bg.wasm"),
        &bound.module,
    )?;
    fs::write(stamp, made_from)?;
    read(&folder, bound)
}

fn read(folder: &Path, bound: Bound) -> Result<Bound> {
    let glue = fs::read_to_string(folder.join(GLUE))?;
    let types = fs::read_to_string(folder.join(TYPES))?;
    Ok(Bound {
        glue,
        types,
        ..bound
    })
}

/// Everything a finished variant depends on.
fn stamp_of(compiled: &Path, variant: Variant) -> Result<String> {
    let module = fetch::sha256(fs::File::open(compiled)?)?;
    let (bindgen, binaryen) = (tools::WASM_BINDGEN, include_str!("../tools/package.json"));
    let features = variant.optimiser_features();
    Ok(format!(
        "{module}\n{bindgen}\n{OPTIMISER:?} {features:?}\n{binaryen}"
    ))
}

/// Compiles the library for one variant, and gives the path of the raw module.
fn compile(repo: &Repo, variant: Variant) -> Result<PathBuf> {
    // A folder for each, because Cargo would build everything anew whenever the flags change.
    let target = repo.target().join("wasm").join(variant.name());
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root())
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "nexttoken",
            "--lib",
        ])
        .args(["--no-default-features", "--features", variant.features()])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        // Takes the place of every other source of flags, the user's own among them: the same
        // source must give the same module.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            format!("-Ctarget-feature={}", variant.target_features()),
        );
    command::run(&mut cargo)?;
    Ok(target.join("wasm32-unknown-unknown/release/nexttoken.wasm"))
}

/// Writes the glue, its types and the module with the bindings applied.
fn bind(compiled: &Path, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(compiled)
        .out_name("nexttoken")
        .web(true)?
        .typescript(true)
        // The caller names the variant it wants. Without this the glue names a file that is not
        // in the package, which bundlers look for.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)?;
    let glue = folder.join(GLUE);
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

fn optimise(repo: &Repo, variant: Variant, from: &Path, to: &Path) -> Result<()> {
    let wasm_opt = tools::wasm_opt(repo)?;
    let mut node = Command::new("node");
    node.current_dir(repo.root())
        .arg(wasm_opt)
        .args(OPTIMISER)
        .args(variant.optimiser_features());
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
    for forbidden in ["new Function", "eval("] {
        ensure!(
            !model.glue.contains(forbidden),
            "{GLUE} contains `{forbidden}`, which a strict Content-Security-Policy refuses \
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
