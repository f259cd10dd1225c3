//! The sizes of the files that a page downloads, and the budgets for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::command;
use crate::repo::Repo;

/// The budget for the core, in bytes gzipped: the largest engine module, and all JavaScript that the page's thread and
/// the worker import at once. Speculation takes 8 kB of it, threads take 4 kB, and so do the kernels of Q1_0 together with
/// seven architectures, and the look inside (logit lens, attention, hidden state). LoRA adapters take 12 kB, and
/// so do gated delta nets with checkpoints of their state, and what one pass gives without text (embeddings, decisions,
/// reranking); mixtures of experts and Mamba-2 take 7 kB, and what came last 20 kB: the IQ types of one to three bits,
/// MXFP4 and NVFP4, gpt-oss, Gemma 4 with its tokenizer, and the record of the draw. Draft models take 4 kB, the
/// estimate of a model's speed before its download 1.5 kB: it counts what a token reads, and measures; and kernels for two
/// tokens at once, which let guesses pay, with what guesses under a constraint, 6.5 kB. Tables outside of WebAssembly's
/// memory, scales beside NVFP4 and the latest inputs of convolutions take 3 kB together. Nothing in an engine reads or
/// writes a float as text, or needs the lowercase of a character beyond ASCII: the standard library's code and tables for
/// these would take 35 kB.
const BUDGET: u64 = 388_500;

/// The budget for the module that renders chat templates, and its JavaScript.
const CHAT_BUDGET: u64 = 300_000;

/// The budget for the module that compiles grammars, and its JavaScript.
const CONSTRAINT_BUDGET: u64 = 520_000;

/// The budget for the trainer with threads, and its bindings: the engine, which reads models and samples from them, and
/// training on top of it. Fine-tuning takes 23 kB of it, and what the engine gained by draft models, by the estimate of
/// a model's speed, by kernels for two tokens and by scales beside tensors 12 kB.
const TRAINER_BUDGET: u64 = 406_500;

/// The document that lists what a page downloads.
const HOSTING: &str = "www/docs/hosting/index.html";

/// The scripts from which the core starts.
const ENTRIES: [&str; 2] = ["index.js", "worker.js"];

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
const { promisify } = require('node:util');
const { brotliCompress, gzip } = require('node:zlib');
const size = (compress, ...how) => promisify(compress)(...how).then(({ length }) => length);
const measure = async (path) => {
  const bytes = readFileSync(path);
  // At the same time: brotli takes its time.
  const [small, smaller] = await Promise.all([size(gzip, bytes, { level: 9 }), size(brotliCompress, bytes)]);
  return [path, { raw: bytes.length, gzip: small, brotli: smaller }];
};
Promise.all(process.argv.slice(1).map(measure)).then((sizes) => console.log(JSON.stringify(Object.fromEntries(sizes))));";

/// Prints the sizes of the built package.
pub fn print(repo: &Repo) -> Result<()> {
    show(&measure(repo)?, &core_scripts(repo)?);
    Ok(())
}

/// The scripts of the core.
fn core_scripts(repo: &Repo) -> Result<BTreeSet<String>> {
    let package = repo.package();
    imported(&ENTRIES, |name| {
        fs::read_to_string(package.join(name))
            .with_context(|| format!("{name} is imported, but not in the package"))
    })
}

/// Prints the sizes, and fails if one of the budgets is exceeded.
pub fn check(repo: &Repo) -> Result<()> {
    let (files, scripts) = (measure(repo)?, core_scripts(repo)?);
    show(&files, &scripts);
    for (name, size, budget) in [
        ("core", core(&files, &scripts), BUDGET),
        ("chat module", gzip_size(&files, is_of_chat), CHAT_BUDGET),
        (
            "constraint module",
            gzip_size(&files, is_of_constraints),
            CONSTRAINT_BUDGET,
        ),
        (
            "trainer with threads",
            gzip_size(&files, is_trainer_with_threads),
            TRAINER_BUDGET,
        ),
    ] {
        ensure!(
            size <= budget,
            "the {name} weighs {size} bytes gzipped, more than the {budget} it may"
        );
    }
    check_documents(repo, &files, core(&files, &scripts))
}

/// Fails where a document gives a size that is not that of the package. A size stands after a text that is found once.
fn check_documents(repo: &Repo, files: &BTreeMap<String, Sizes>, core: u64) -> Result<()> {
    let (chat, constraint) = (
        gzip_size(files, is_of_chat),
        gzip_size(files, is_of_constraints),
    );
    let trainer = gzip_size(files, |name| {
        name == "nexttoken_trainer.js" || name == "nexttoken_trainer.wasm"
    });
    let threads = gzip_size(files, is_trainer_with_threads);
    let encoder = gzip_size(files, |name| {
        name == "nexttoken_encoder.js" || name == "nexttoken_encoder_relaxed_threads.wasm"
    });
    for (document, before, size) in [
        ("README.md", "`cargo pkg sizes` prints today's, ", core),
        (
            "pkg-config/npm-readme.md",
            "| the engine and its JavaScript | ",
            core,
        ),
        (
            "pkg-config/npm-readme.md",
            "| the chat templates' module | ",
            chat,
        ),
        (
            "pkg-config/npm-readme.md",
            "| the constraints' module | ",
            constraint,
        ),
        (
            "pkg-config/npm-readme.md",
            "| the trainer's module | ",
            trainer,
        ),
        (
            "pkg-config/npm-readme.md",
            "| the encoders' module | ",
            encoder,
        ),
        (HOSTING, "engine and JavaScript</th><td>", core),
        (HOSTING, "chat templates</th><td>", chat),
        (HOSTING, "constraints</th><td>", constraint),
        (HOSTING, "trainer</th><td>", trainer),
        (HOSTING, ", with threads ", threads),
        (HOSTING, "text encoders</th><td>", encoder),
    ] {
        let text = fs::read_to_string(repo.root().join(document))?;
        let told = number_after(&text, before)
            .with_context(|| format!("{document} has no number after \"{before}\""))?;
        ensure!(
            told.abs_diff(size.div_ceil(1000)) <= 1,
            "{document} tells of {told} kB after \"{before}\", where it is {size} bytes gzipped"
        );
    }
    Ok(())
}

/// The whole number after the first place where `before` stands.
fn number_after(text: &str, before: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

fn show(files: &BTreeMap<String, Sizes>, scripts: &BTreeSet<String>) {
    println!(
        "{:<28}{:>10}{:>10}{:>10}  bytes",
        "file", "raw", "gzip", "brotli"
    );
    for (name, Sizes { raw, gzip, brotli }) in files {
        println!("{name:<28}{raw:>10}{gzip:>10}{brotli:>10}");
    }
    println!(
        "core (largest module + JavaScript): {} of {BUDGET} bytes gzipped",
        core(files, scripts)
    );
    println!(
        "chat module, loaded with the first conversation: {} of {CHAT_BUDGET} bytes gzipped",
        gzip_size(files, is_of_chat)
    );
    println!(
        "constraint module, loaded with the first constraint: {} of {CONSTRAINT_BUDGET} bytes gzipped",
        gzip_size(files, is_of_constraints)
    );
    println!(
        "trainer with threads, loaded for training: {} of {TRAINER_BUDGET} bytes gzipped",
        gzip_size(files, is_trainer_with_threads)
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

/// Whether a file is the module of training with threads, or its bindings.
fn is_trainer_with_threads(name: &str) -> bool {
    name == "nexttoken_trainer.js" || name == "nexttoken_trainer_threads.wasm"
}

/// Whether a file is loaded only for training.
fn is_of_the_trainer(name: &str) -> bool {
    name.contains("trainer")
}

/// Whether a file is loaded only for text encoders.
fn is_of_encoders(name: &str) -> bool {
    name.contains("encoder")
}

/// The gzipped bytes that a page loads before any weights: the largest engine module, and the scripts in `imported`.
fn core(files: &BTreeMap<String, Sizes>, imported: &BTreeSet<String>) -> u64 {
    let is_extra = |name: &str| {
        let of = [
            is_of_chat,
            is_of_constraints,
            is_of_the_trainer,
            is_of_encoders,
        ];
        of.iter().any(|is_of| is_of(name))
    };
    let engines = files
        .iter()
        .filter(|(name, _)| name.ends_with(".wasm") && !is_extra(name));
    let scripts = imported.iter().filter_map(|name| files.get(name));
    engines.map(|(_, sizes)| sizes.gzip).max().unwrap_or(0)
        + scripts.map(|sizes| sizes.gzip).sum::<u64>()
}

/// The scripts among `entries`, and all that they import at once; `read` gives the code of a script.
fn imported(entries: &[&str], read: impl Fn(&str) -> Result<String>) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut unread: Vec<String> = entries.iter().map(|&name| name.to_owned()).collect();
    while let Some(name) = unread.pop() {
        let code = read(&name)?;
        if found.insert(name) {
            unread.extend(imports(&code));
        }
    }
    Ok(found)
}

/// The files beside a script that its statements `import` and `export` name. A call of `import()` names none.
fn imports(code: &str) -> impl Iterator<Item = String> {
    let words = ["from", "import"].into_iter();
    let after = words.flat_map(|word| code.split(word).skip(1));
    after.filter_map(|after| {
        let (name, _) = after.trim_start().strip_prefix("\"./")?.split_once('"')?;
        Some(name.to_owned())
    })
}

/// The gzipped bytes of all files of one kind.
fn gzip_size(files: &BTreeMap<String, Sizes>, is_of: fn(&str) -> bool) -> u64 {
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
    fn a_size_is_read_after_its_text() {
        assert_eq!(number_after("a 1, the core 392 kB", "core "), Some(392));
        assert_eq!(number_after("the core weighs 392 kB", "core "), None);
        assert_eq!(number_after("no size", "core "), None);
    }

    #[test]
    fn the_core_is_the_largest_engine_and_what_is_imported_at_once() {
        let sizes = |gzip| Sizes {
            raw: 0,
            gzip,
            brotli: 0,
        };
        let files = [
            ("a.wasm", 10),
            ("b.wasm", 30),
            ("index.js", 1),
            ("b.js", 2),
            ("later.js", 99),
            ("x_trainer.wasm", 50),
            ("x_encoder_relaxed.wasm", 50),
            ("nexttoken_chat.wasm", 50),
            ("nexttoken_chat.js", 7),
            ("constraint.js", 3),
            ("nexttoken_constraint.wasm", 60),
        ]
        .map(|(name, gzip)| (name.to_owned(), sizes(gzip)));
        let files = files.into_iter().collect();
        let code = |name: &str| {
            Ok(match name {
                "index.js" => {
                    "export { default } from \"./b.js\";\nimport{c}from\"./constraint.js\";"
                }
                "b.js" => "import \"./index.js\";\nconst later = () => import(\"./later.js\");",
                "constraint.js" => "import fromNode from \"node:fs\";",
                other => anyhow::bail!("{other} is not imported"),
            }
            .to_owned())
        };
        let scripts = imported(&["index.js"], code).unwrap();
        let extras = (
            gzip_size(&files, is_of_chat),
            gzip_size(&files, is_of_constraints),
        );
        assert_eq!((core(&files, &scripts), extras), (36, (57, 63)));
        assert!(imported(&["later.js"], code).is_err());
    }
}
