//! The sizes of the files that a page downloads, and the budgets for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::command;
use crate::repo::Repo;

/// The budget for the core, in bytes gzipped: the largest engine module and all JavaScript that it needs.
const BUDGET: u64 = 350_000;

/// The budget for the module that renders chat templates, and its JavaScript.
const CHAT_BUDGET: u64 = 300_000;

/// The budget for the module that compiles grammars, and its JavaScript.
const CONSTRAINT_BUDGET: u64 = 520_000;

/// Sizes of one file in bytes.
#[derive(Deserialize, Clone, Copy)]
struct Sizes {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Compresses each file it is given as a static host would, with the highest settings.
const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync, brotliCompressSync } = require('node:zlib');
const sizes = {};
for (const path of process.argv.slice(1)) {
  const bytes = readFileSync(path);
  const gzip = gzipSync(bytes, { level: 9 }).length;
  sizes[path] = { raw: bytes.length, gzip, brotli: brotliCompressSync(bytes).length };
}
console.log(JSON.stringify(sizes));";

/// Prints the sizes of the built package.
pub fn print(repo: &Repo) -> Result<()> {
    show(&measure(repo)?);
    Ok(())
}

/// Prints the sizes, and fails if one of the budgets is exceeded.
pub fn check(repo: &Repo) -> Result<()> {
    let files = measure(repo)?;
    show(&files);
    for (name, size, budget) in [
        ("core", core(&files), BUDGET),
        ("chat module", weight(&files, is_of_chat), CHAT_BUDGET),
        (
            "constraint module",
            weight(&files, is_of_constraints),
            CONSTRAINT_BUDGET,
        ),
    ] {
        ensure!(
            size <= budget,
            "the {name} weighs {size} bytes gzipped, more than the {budget} it may"
        );
    }
    Ok(())
}

fn show(files: &BTreeMap<String, Sizes>) {
    println!(
        "{:<28}{:>10}{:>10}{:>10}  bytes",
        "file", "raw", "gzip", "brotli"
    );
    for (name, Sizes { raw, gzip, brotli }) in files {
        println!("{name:<28}{raw:>10}{gzip:>10}{brotli:>10}");
    }
    println!(
        "core (largest module + JavaScript): {} of {BUDGET} bytes gzipped",
        core(files)
    );
    println!(
        "chat module, loaded with the first conversation: {} of {CHAT_BUDGET} bytes gzipped",
        weight(files, is_of_chat)
    );
    println!(
        "constraint module, loaded with the first constraint: {} of {CONSTRAINT_BUDGET} bytes gzipped",
        weight(files, is_of_constraints)
    );
}

/// Whether a file is loaded only with the first conversation.
fn is_of_chat(name: &str) -> bool {
    name.starts_with("nexttoken_chat")
}

/// Whether a file is loaded only with the first constraint.
fn is_of_constraints(name: &str) -> bool {
    name.contains("constraint")
}

/// Whether a file is loaded only for training.
fn is_of_the_trainer(name: &str) -> bool {
    name.contains("trainer")
}

/// The gzipped bytes that a page loads before any weights: the largest engine module, and the JavaScript.
fn core(files: &BTreeMap<String, Sizes>) -> u64 {
    let is_extra =
        |name: &str| is_of_chat(name) || is_of_constraints(name) || is_of_the_trainer(name);
    let ending = |ending: &'static str| {
        files
            .iter()
            .filter(move |(name, _)| name.ends_with(ending) && !is_extra(name))
            .map(|(_, sizes)| sizes.gzip)
    };
    ending(".wasm").max().unwrap_or(0) + ending(".js").sum::<u64>()
}

/// The gzipped bytes of all files of one kind.
fn weight(files: &BTreeMap<String, Sizes>, is_of: fn(&str) -> bool) -> u64 {
    let own = files.iter().filter(|(name, _)| is_of(name));
    own.map(|(_, sizes)| sizes.gzip).sum()
}

/// The sizes of the modules and the JavaScript of the package, by file name.
fn measure(repo: &Repo) -> Result<BTreeMap<String, Sizes>> {
    let package = repo.package();
    let entries = fs::read_dir(&package).with_context(|| {
        format!(
            "{} is not there; `cargo pkg build` makes it",
            package.display()
        )
    })?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm" || extension == "js")
        {
            files.push(path);
        }
    }
    let json = command::output(
        Command::new("node")
            .args(["-e", MEASURE, "--"])
            .args(&files),
    )?;
    let sizes: BTreeMap<PathBuf, Sizes> = serde_json::from_str(&json)?;
    let named = |(path, sizes): (PathBuf, Sizes)| {
        Some((path.file_name()?.to_string_lossy().into_owned(), sizes))
    };
    Ok(sizes.into_iter().filter_map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_the_largest_module_and_all_javascript_but_of_the_extras() {
        let sizes = |gzip| Sizes {
            raw: 0,
            gzip,
            brotli: 0,
        };
        let files = [
            ("a.wasm", 10),
            ("b.wasm", 30),
            ("a.js", 1),
            ("b.js", 2),
            ("c.txt", 99),
            ("x_trainer.wasm", 50),
            ("trainer.js", 5),
            ("nexttoken_chat.wasm", 50),
            ("nexttoken_chat.js", 7),
            ("constraint.js", 3),
            ("nexttoken_constraint.wasm", 60),
        ]
        .map(|(name, gzip)| (name.to_owned(), sizes(gzip)));
        let files = files.into_iter().collect();
        let extras = (
            weight(&files, is_of_chat),
            weight(&files, is_of_constraints),
        );
        assert_eq!((core(&files), extras), (33, (57, 63)));
    }
}
