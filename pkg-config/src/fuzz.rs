//! Fuzzing: builds the targets of `tests/fuzz` and runs them with libFuzzer.
//!
//! They are built by the pinned stable compiler. The coverage that libFuzzer needs takes no unstable option;
//! AddressSanitizer, which the targets of the engine use as well, is unlocked by `RUSTC_BOOTSTRAP`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::repo::Repo;

/// A fuzz target and its inputs.
struct Target {
    name: &'static str,
    part: Part,
    /// The longest input, in bytes.
    longest: usize,
    /// The folder of its first inputs, and how their file names end.
    seeds: Option<(&'static str, &'static str)>,
    /// A dictionary: words of its input language.
    words: Option<&'static str>,
}

/// What a target links. The libraries for templates and grammars take most of the time of a build, so that the targets
/// of the engine are built without them.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// The engine, which has the unsafe code; built with AddressSanitizer.
    Engine,
    /// Templates, grammars and training.
    Rules,
}

const fn plain(name: &'static str, part: Part) -> Target {
    Target {
        name,
        part,
        longest: 4096,
        seeds: None,
        words: None,
    }
}

const TARGETS: [Target; 8] = [
    plain("gguf", Part::Engine),
    Target {
        longest: 40_000,
        seeds: Some(("tests/data/arch", ".q8_0.gguf")),
        ..plain("load", Part::Engine)
    },
    plain("snapshot", Part::Engine),
    plain("checkpoint", Part::Rules),
    Target {
        seeds: Some(("tests/data/chat", ".jinja")),
        words: Some("tests/fuzz/template.dict"),
        ..plain("template", Part::Rules)
    },
    Target {
        seeds: Some(("tests/fuzz/seeds/grammar", "")),
        words: Some("tests/fuzz/grammar.dict"),
        ..plain("grammar", Part::Rules)
    },
    plain("options", Part::Engine),
    plain("kernels", Part::Engine),
];

/// The limits for one input: seconds, and megabytes of memory.
const SLOW: u32 = 20;
const LARGE: u32 = 2048;

/// The compiler's options for the coverage counters that libFuzzer reads.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// How long a target is run.
#[derive(Clone, Copy)]
enum Effort {
    /// With inputs that are new in every run.
    Seconds(u64),
    /// With the same inputs in every run on the same code.
    Inputs(u32),
}

/// Runs all targets, or those in `only`, for `seconds` each. Fails at the first input that crashes a target or exceeds
/// a limit.
pub fn fuzz(repo: &Repo, seconds: u64, only: &[String]) -> Result<()> {
    for name in only {
        ensure!(
            TARGETS.iter().any(|target| target.name == name),
            "there is no fuzz target {name}: they are {}",
            TARGETS.map(|target| target.name).join(", ")
        );
    }
    let chosen = |target: &&Target| only.is_empty() || only.iter().any(|name| name == target.name);
    for part in [Part::Engine, Part::Rules] {
        run_all(repo, part, Effort::Seconds(seconds), chosen)?;
    }
    Ok(())
}

/// Runs the targets of the engine alone, each with the same `inputs` inputs in every run, so that the outcome depends
/// on the code alone. The libraries of templates and grammars take minutes to compile.
pub fn fuzz_engine(repo: &Repo, inputs: u32) -> Result<()> {
    run_all(repo, Part::Engine, Effort::Inputs(inputs), |_| true)
}

fn run_all(
    repo: &Repo,
    part: Part,
    effort: Effort,
    chosen: impl Fn(&&Target) -> bool,
) -> Result<()> {
    let all = TARGETS.iter().filter(|target| target.part == part);
    let targets: Vec<&Target> = all.filter(chosen).collect();
    if targets.is_empty() {
        return Ok(());
    }
    let programs = build(repo, part, &targets)?;
    for target in targets {
        run(repo, target, &programs.join(target.name), effort)?;
    }
    Ok(())
}

/// Builds targets of one part, and returns the folder of the programs.
fn build(repo: &Repo, part: Part, targets: &[&Target]) -> Result<PathBuf> {
    let host = host()?;
    // A folder for each part, because their flags differ: in one folder each build would undo the other.
    let folder = repo.target().join("fuzz").join(match part {
        Part::Engine => "engine",
        Part::Rules => "rules",
    });
    let mut flags = COVERAGE.to_vec();
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root().join("tests/fuzz"))
        .args(["build", "--locked", "--release", "--target", &host])
        .arg("--target-dir")
        .arg(&folder);
    for target in targets {
        cargo.args(["--bin", target.name]);
    }
    if part == Part::Engine {
        cargo.arg("--no-default-features");
        if cfg!(target_os = "linux") {
            flags.push("-Zsanitizer=address");
            cargo.env("RUSTC_BOOTSTRAP", "1");
        }
    }
    // With an explicit `--target`, build scripts and macros are built without these flags.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command::run(&mut cargo).context("libFuzzer needs a C++ compiler (on Debian: g++)")?;
    Ok(folder.join(host).join("release"))
}

/// The target triple of the machine that the compiler runs on.
fn host() -> Result<String> {
    let version = command::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

fn run(repo: &Repo, target: &Target, program: &Path, effort: Effort) -> Result<()> {
    let kept = repo.target().join("fuzz");
    let harmful = kept.join(format!("harmful-{}-", target.name));
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(repo.root());
    match effort {
        Effort::Seconds(seconds) => {
            // Inputs that reached new code are kept for the next run.
            let corpus = kept.join("corpus").join(target.name);
            fs::create_dir_all(&corpus)?;
            fuzzer.arg(corpus).arg(format!("-max_total_time={seconds}"));
            eprintln!("{}, {seconds} s", target.name);
        }
        Effort::Inputs(inputs) => {
            fuzzer.args(["-seed=1", &format!("-runs={inputs}")]);
            eprintln!("{}, {inputs} inputs", target.name);
        }
    }
    fuzzer.args([
        format!("-max_len={}", target.longest),
        format!("-timeout={SLOW}"),
        format!("-rss_limit_mb={LARGE}"),
        format!("-artifact_prefix={}", harmful.display()),
        "-verbosity=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    if let Some((folder, ending)) = target.seeds {
        let seeds = seeds(&repo.root().join(folder), ending)?;
        fuzzer.arg(format!("-seed_inputs={}", seeds.join(",")));
    }
    if let Some(words) = target.words {
        fuzzer.arg(format!("-dict={words}"));
    }
    if command::run(&mut fuzzer).is_err() {
        bail!(
            "an input did harm to the fuzz target {}: it is {}…; give it to {} to see it again",
            target.name,
            harmful.display(),
            program.display()
        );
    }
    Ok(())
}

fn seeds(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path().to_string_lossy().into_owned();
        if path.ends_with(ending) {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "no seeds in {}", folder.display());
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_program_and_its_seeds() {
        let repo = Repo::find().unwrap();
        let manifest = repo.root().join("tests/fuzz/Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for target in &TARGETS {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)));
            if let Some((folder, ending)) = target.seeds {
                seeds(&repo.root().join(folder), ending).unwrap();
            }
            if let Some(words) = target.words {
                assert!(repo.root().join(words).is_file());
            }
        }
    }

    #[test]
    fn an_unknown_target_is_refused() {
        let only = ["no-such-target".to_owned()];
        let error = fuzz(&Repo::find().unwrap(), 1, &only).unwrap_err();
        assert!(error.to_string().contains("gguf, load"), "{error}");
    }
}
