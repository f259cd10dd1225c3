//! Fuzzing: the targets of `tests/fuzz`, run by libFuzzer.
//!
//! They are built by the pinned compiler: what libFuzzer looks at needs no option that is unstable, and
//! AddressSanitizer, which one target is built with besides, is allowed by `RUSTC_BOOTSTRAP`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::repo::Repo;

/// A target, and what it begins with.
struct Target {
    name: &'static str,
    /// The longest input, in bytes.
    longest: usize,
    /// Files whose names end so are its first inputs, in this folder.
    seeds: Option<(&'static str, &'static str)>,
    /// Words of its language.
    words: Option<&'static str>,
}

const fn plain(name: &'static str) -> Target {
    Target {
        name,
        longest: 4096,
        seeds: None,
        words: None,
    }
}

const TARGETS: [Target; 8] = [
    plain("gguf"),
    Target {
        longest: 40_000,
        seeds: Some(("tests/data/arch", ".q8_0.gguf")),
        ..plain("load")
    },
    plain("snapshot"),
    plain("checkpoint"),
    Target {
        seeds: Some(("tests/data/chat", ".jinja")),
        words: Some("tests/fuzz/template.dict"),
        ..plain("template")
    },
    Target {
        seeds: Some(("tests/fuzz/seeds/grammar", "")),
        words: Some("tests/fuzz/grammar.dict"),
        ..plain("grammar")
    },
    plain("options"),
    plain("kernels"),
];

/// The one with unsafe code in it.
const UNSAFE: &str = "kernels";

/// Seconds after which an input takes too long, and megabytes after which it takes too much.
const SLOW: u32 = 20;
const LARGE: u32 = 2048;

/// How the compiler is told to count what libFuzzer looks at.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Runs every target, or those named, for so many seconds; fails at the first input that does harm.
pub fn fuzz(repo: &Repo, seconds: u64, only: &[String]) -> Result<()> {
    for name in only {
        ensure!(
            TARGETS.iter().any(|target| target.name == name),
            "there is no fuzz target {name}: they are {}",
            TARGETS.map(|target| target.name).join(", ")
        );
    }
    let chosen = |name: &str| only.is_empty() || only.iter().any(|other| other == name);
    let programs = build(repo, None)?;
    for target in TARGETS.iter().filter(|target| chosen(target.name)) {
        run(repo, target, &programs.join(target.name), seconds)?;
    }
    if cfg!(target_os = "linux") && chosen(UNSAFE) {
        let programs = build(repo, Some(UNSAFE))?;
        eprintln!("with AddressSanitizer:");
        let target = plain(UNSAFE);
        run(repo, &target, &programs.join(UNSAFE), seconds)?;
    }
    Ok(())
}

/// Builds all targets, or one with AddressSanitizer, and gives the folder they are in.
fn build(repo: &Repo, sanitized: Option<&str>) -> Result<PathBuf> {
    let host = host()?;
    let folder = repo.target().join(match sanitized {
        None => "fuzz",
        Some(_) => "fuzz-address",
    });
    let mut flags = COVERAGE.to_vec();
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root().join("tests/fuzz"))
        .args(["build", "--locked", "--release", "--target", &host])
        .arg("--target-dir")
        .arg(&folder);
    if let Some(name) = sanitized {
        flags.push("-Zsanitizer=address");
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.args(["--no-default-features", "--bin", name]);
    }
    // A target named leaves build scripts and macros without these flags.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command::run(&mut cargo).context("libFuzzer needs a C++ compiler (on Debian: g++)")?;
    Ok(folder.join(host).join("release"))
}

/// The machine the compiler runs on.
fn host() -> Result<String> {
    let version = command::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

fn run(repo: &Repo, target: &Target, program: &Path, seconds: u64) -> Result<()> {
    let kept = repo.target().join("fuzz");
    // What was found to lead somewhere new stays for the next run.
    let corpus = kept.join("corpus").join(target.name);
    fs::create_dir_all(&corpus)?;
    let harmful = kept.join(format!("harmful-{}-", target.name));
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(repo.root()).arg(&corpus);
    fuzzer.args([
        format!("-max_total_time={seconds}"),
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
    eprintln!("{}, {seconds} s", target.name);
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
