//! Compiles the root crate to WebAssembly modules: the variants of the engine, and the modules for chat, constraints,
//! training and text encoders. Generates the JavaScript bindings of each, and optimizes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use anyhow::{Context, Result};
use walrus::Module;
use wasm_bindgen_cli_support::Bindgen;

use crate::glue::{self, GUARD, GUARDED};
use crate::repo::Repo;
use crate::shared_memory::share_memory;
use crate::{command, fetch, tools};

/// A module that is built from the root crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The engine with 128-bit SIMD, which every current browser supports. All engines give the same results.
    Simd128,
    /// The engine with relaxed SIMD as well, whose integer dot product is faster in browsers that have it.
    Relaxed,
    /// The engine with 128-bit SIMD, for several threads that share its memory.
    Simd128Threads,
    /// The engine with relaxed SIMD, for several threads.
    RelaxedThreads,
    /// The renderer of chat templates, loaded with the first conversation.
    Chat,
    /// The compiler of grammars, loaded with the first constraint.
    Constraint,
    /// The trainer together with the engine, loaded only for training. Its matrix products use 128-bit SIMD.
    Trainer,
    /// The trainer, for several threads that share its memory.
    TrainerThreads,
    /// The module of text encoders, which is built in the variants of the engine.
    EncoderSimd128,
    EncoderRelaxed,
    EncoderSimd128Threads,
    EncoderRelaxedThreads,
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
    /// How often wasm-opt runs. What it has optimised it makes smaller once more, an engine by 1 kB gzipped, which takes as
    /// long again: that is done for what visitors wait for.
    rounds: usize,
}

impl Recipe {
    /// The same with atomic operations, in the crate alone: see `shared_memory`. The compiler warns of each such build that
    /// they are not stable yet; what else it has to say, the other builds and `cargo verify` tell.
    fn with_threads(mut self) -> Self {
        let flags = ["-Ctarget-feature=+atomics", "-Awarnings"];
        self.rustc.extend(flags.map(str::to_owned));
        self.optimiser.push("--enable-threads");
        self
    }
}

/// The standard library and the other dependencies. Modules that are linked with the same share a folder, where Cargo
/// compiles these once, and are compiled there one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dependencies {
    /// Compiled for speed, with 128-bit SIMD.
    Simd,
    /// Compiled for size.
    Small,
}

impl Dependencies {
    /// The name of their folder.
    fn name(self) -> &'static str {
        match self {
            Self::Simd => "simd",
            Self::Small => "small",
        }
    }

    /// Waits until no other module is compiled in their folder.
    fn folder_alone(self) -> MutexGuard<'static, ()> {
        static FOLDERS: [Mutex<()>; 2] = [const { Mutex::new(()) }; 2];
        FOLDERS[self as usize].lock().expect("no build panics")
    }

    /// Cargo's profile.
    fn profile(self) -> &'static str {
        match self {
            Self::Simd => "release",
            Self::Small => "small",
        }
    }

    /// The flags of rustc besides [`PANICS`].
    fn rustc(self) -> &'static str {
        match self {
            Self::Simd => "-Ctarget-feature=+simd128",
            Self::Small => "-Ctarget-feature=-simd128",
        }
    }

    /// Cargo's options for the standard library.
    fn standard_library(self) -> &'static [&'static str] {
        match self {
            Self::Simd => &[],
            Self::Small => &["-Z", "build-std-features=optimize_for_size"],
        }
    }
}

impl Variant {
    /// The engines the package ships.
    pub const ENGINES: [Self; 4] = [
        Self::Simd128,
        Self::Relaxed,
        Self::Simd128Threads,
        Self::RelaxedThreads,
    ];
    /// The modules that the package ships besides the engines. Each has JavaScript glue of its own, and is loaded when
    /// it is needed.
    pub const EXTRAS: [Self; 8] = [
        Self::Chat,
        Self::Constraint,
        Self::Trainer,
        Self::TrainerThreads,
        Self::EncoderSimd128,
        Self::EncoderRelaxed,
        Self::EncoderSimd128Threads,
        Self::EncoderRelaxedThreads,
    ];

    /// The name used in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simd128 => "simd128",
            Self::Relaxed => "relaxed",
            Self::Simd128Threads => "simd128_threads",
            Self::RelaxedThreads => "relaxed_threads",
            Self::Chat => "chat",
            Self::Constraint => "constraint",
            Self::Trainer => "trainer",
            Self::TrainerThreads => "trainer_threads",
            Self::EncoderSimd128 => "encoder_simd128",
            Self::EncoderRelaxed => "encoder_relaxed",
            Self::EncoderSimd128Threads => "encoder_simd128_threads",
            Self::EncoderRelaxedThreads => "encoder_relaxed_threads",
        }
    }

    /// File name of the finished module.
    pub fn module(self) -> String {
        format!("nexttoken_{}.wasm", self.name())
    }

    /// File name of its glue and types, without the ending. The engines share theirs, and so do the trainers
    /// and the encoders.
    pub fn stem(self) -> String {
        match self {
            Self::Simd128 | Self::Relaxed | Self::Simd128Threads | Self::RelaxedThreads => {
                "nexttoken".to_owned()
            }
            Self::Trainer | Self::TrainerThreads => "nexttoken_trainer".to_owned(),
            Self::EncoderSimd128
            | Self::EncoderRelaxed
            | Self::EncoderSimd128Threads
            | Self::EncoderRelaxedThreads => "nexttoken_encoder".to_owned(),
            Self::Chat | Self::Constraint => format!("nexttoken_{}", self.name()),
        }
    }

    /// Whether several threads run it.
    fn has_threads(self) -> bool {
        matches!(
            self,
            Self::Simd128Threads
                | Self::RelaxedThreads
                | Self::TrainerThreads
                | Self::EncoderSimd128Threads
                | Self::EncoderRelaxedThreads
        )
    }

    fn recipe(self) -> Recipe {
        let fast = |features| Recipe {
            dependencies: Dependencies::Simd,
            features,
            rustc: vec![INLINING.to_owned()],
            optimiser: [&FAST[..], &["--enable-simd"]].concat(),
            rounds: 1,
        };
        let engine = || Recipe {
            rounds: 2,
            ..fast("wasm")
        };
        // These are optimized for size, because they are downloaded while the user waits for an answer.
        let small = |features, memory: u32| Recipe {
            dependencies: Dependencies::Small,
            features,
            rustc: vec![format!("-Clink-arg=--max-memory={memory}")],
            optimiser: vec!["-Oz"],
            rounds: 2,
        };
        match self {
            Self::Simd128 => engine(),
            Self::Relaxed => Recipe {
                rustc: [INLINING, "-Ctarget-feature=+relaxed-simd"]
                    .map(str::to_owned)
                    .to_vec(),
                optimiser: [&FAST[..], &["--enable-simd", "--enable-relaxed-simd"]].concat(),
                ..engine()
            },
            Self::Simd128Threads => Self::Simd128.recipe().with_threads(),
            Self::RelaxedThreads => Self::Relaxed.recipe().with_threads(),
            Self::Trainer => fast("wasm,train"),
            Self::TrainerThreads => {
                let mut recipe = Self::Trainer.recipe().with_threads();
                recipe.rustc.push(format!("--cfg={LOCKED_ALLOCATOR}"));
                recipe
            }
            Self::EncoderSimd128 => fast("wasm-encoder"),
            Self::EncoderRelaxed => Recipe {
                features: "wasm-encoder",
                rounds: 1,
                ..Self::Relaxed.recipe()
            },
            Self::EncoderSimd128Threads => Self::EncoderSimd128.recipe().with_threads(),
            Self::EncoderRelaxedThreads => Self::EncoderRelaxed.recipe().with_threads(),
            // Enough for every template, and for every grammar within its limits.
            Self::Chat => small("wasm-chat", 64 << 20),
            Self::Constraint => small("wasm-constraint", 512 << 20),
        }
    }
}

/// A finished module with its JavaScript glue and types.
pub struct BuiltModule {
    /// Path of the optimised module.
    pub module: PathBuf,
    /// The JavaScript glue.
    pub glue: String,
    /// The glue's TypeScript types.
    pub types: String,
}

/// The configuration in which one thread at a time uses the allocator.
pub const LOCKED_ALLOCATOR: &str = "nexttoken_locked_allocator";

/// rustc's flags for panics: each becomes a trap without message and location, which nobody would see. That makes a
/// module smaller by a tenth, if the standard library is compiled the same way.
const PANICS: &str = "-Zunstable-options\u{1f}-Cpanic=immediate-abort\u{1f}-Zlocation-detail=none";

/// How readily LLVM inlines what is not marked, in modules that must be fast: less than by default, which makes an engine 28 kB
/// smaller, gzipped. The inner loops of the kernels are marked, and stay the same instruction by instruction.
const INLINING: &str = "-Cllvm-args=-inline-threshold=50";

/// The options of wasm-opt for modules that must be fast.
const FAST: [&str; 3] = [
    "-O3",
    // Folds additions into the offsets of loads. This is valid if no address computation wraps around into the first
    // kilobyte of memory, which here is the far end of the stack.
    "--low-memory-unused",
    // Kernels are separate functions on purpose, see `Isa::outlined`.
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
pub fn build(repo: &Repo, variant: Variant, names: bool) -> Result<BuiltModule> {
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
    if variant.has_threads() {
        let mut module = Module::from_file(&bound)?;
        share_memory(&mut module)?;
        module.emit_wasm_file(&bound)?;
    }
    optimise(repo, &recipe, &bound, &folder.join(variant.module()))?;
    fs::write(stamp, made_from)?;
    read(&folder, variant)
}

fn read(folder: &Path, variant: Variant) -> Result<BuiltModule> {
    let text = |ending: &str| fs::read_to_string(folder.join(variant.stem() + ending));
    Ok(BuiltModule {
        module: folder.join(variant.module()),
        glue: text(".js")?,
        types: text(".d.ts")?,
    })
}

/// A text of everything that a finished module depends on.
fn stamp_of(compiled: &Path, recipe: &Recipe) -> Result<String> {
    let module = fetch::sha256(fs::File::open(compiled)?)?;
    let (bindgen, binaryen) = (tools::WASM_BINDGEN, include_str!("../tools/package.json"));
    let Recipe {
        optimiser, rounds, ..
    } = recipe;
    Ok(format!(
        "{module}\n{bindgen}\n{rounds} times {OPTIMISER:?} {optimiser:?}\n{binaryen}\n{GUARD}{GUARDED:?}"
    ))
}

/// Compiles the library by a recipe, and copies the raw module to a path.
fn compile(repo: &Repo, recipe: &Recipe, to: &Path) -> Result<()> {
    let dependencies = recipe.dependencies;
    // Until the module is copied.
    let _alone = dependencies.folder_alone();
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
    let script = folder.join(variant.stem() + ".js");
    let text = glue::without_comments(&fs::read_to_string(&script)?);
    // Modules that can be started again need no guard.
    let text = match variant {
        Variant::Chat | Variant::Constraint => text,
        _ => glue::guarded(&text)?,
    };
    fs::write(&script, text)?;
    Ok(())
}

fn optimise(repo: &Repo, recipe: &Recipe, from: &Path, to: &Path) -> Result<()> {
    let wasm_opt = tools::wasm_opt(repo)?;
    for from in &[from, to][..recipe.rounds] {
        let mut node = Command::new("node");
        node.current_dir(repo.root())
            .arg(&wasm_opt)
            .args(&recipe.optimiser)
            .args(OPTIMISER);
        command::run(node.arg(from).arg("-o").arg(to))?;
    }
    fs::remove_file(from)?;
    Ok(())
}
