//! The notices of what other people wrote and the package contains: the crates that are compiled into its modules, with
//! the licence files that each of them ships.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::repo::Repo;

/// The features of all modules together.
const FEATURES: &str = "wasm,train,wasm-chat,wasm-constraint";
const TARGET: &str = "wasm32-unknown-unknown";

const HEAD: &str = "\
The WebAssembly modules of this package contain the following libraries, each under the licence that
is named beside it. Where there is a choice of licences, this package takes them under the first whose
text is below. The modules also contain parts of the Rust standard library and of what it is built
from (compiler-builtins, dlmalloc, hashbrown): MIT OR Apache-2.0, https://github.com/rust-lang/rust
";

/// A crate that is compiled in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    license: String,
    repository: String,
}

/// The text of the file with all notices.
pub fn notices(repo: &Repo) -> Result<String> {
    let crates = compiled_in(repo)?;
    let folders = folders(repo)?;
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for it in &crates {
        let label = format!("{} {}", it.name, it.version);
        let folder = folders
            .get(&label)
            .with_context(|| format!("cargo knows no folder of {label}"))?;
        for file in license_files(folder)? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let text = text.replace('\r', "").trim().to_owned();
            texts.entry(text).or_default().push(label.clone());
        }
    }
    Ok(written(&crates, &texts))
}

fn written(crates: &BTreeSet<Crate>, texts: &BTreeMap<String, Vec<String>>) -> String {
    let mut all = HEAD.to_owned();
    for it in crates {
        let Crate {
            name,
            version,
            license,
            repository,
        } = it;
        all += &format!("\n{name} {version}: {license}, {repository}");
    }
    for (text, users) in texts {
        all += &format!("\n\n{}\n{}\n\n{text}", "-".repeat(80), users.join(", "));
    }
    all + "\n"
}

/// The crates of the modules, without those that only run while they are built.
fn compiled_in(repo: &Repo) -> Result<BTreeSet<Crate>> {
    let mut tree = command::cargo();
    tree.current_dir(repo.root())
        .args(["tree", "--locked", "--package", "nexttoken"])
        .args(["--no-default-features", "--features", FEATURES])
        .args(["--target", TARGET])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--format", "{p}|{l}|{r}"]);
    let lines = command::output(&mut tree)?;
    let crates: BTreeSet<Crate> = lines.lines().filter_map(parsed).collect();
    ensure!(crates.len() > 10, "cargo tree lists only {crates:?}");
    Ok(crates)
}

/// A line of `cargo tree`; `None` for this crate itself.
fn parsed(line: &str) -> Option<Crate> {
    let mut fields = line.trim_end_matches(" (*)").split('|');
    let (name, version) = fields.next()?.split_once(" v")?;
    let mut field = || fields.next().unwrap_or_default().to_owned();
    (name != "nexttoken").then(|| Crate {
        name: name.to_owned(),
        version: version.to_owned(),
        license: field().replace('/', " OR ").replace("  ", " "),
        repository: field(),
    })
}

/// The folder with the source of each crate, by name and version.
fn folders(repo: &Repo) -> Result<BTreeMap<String, PathBuf>> {
    let mut metadata = command::cargo();
    metadata
        .current_dir(repo.root())
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", TARGET]);
    let metadata: serde_json::Value = serde_json::from_str(&command::output(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let folder = |package: &serde_json::Value| {
        let text = |key: &str| package[key].as_str();
        let label = format!("{} {}", text("name")?, text("version")?);
        Some((label, Path::new(text("manifest_path")?).parent()?.into()))
    };
    Ok(packages.iter().filter_map(folder).collect())
}

/// The licence files of a crate. Where it is offered under MIT among others, those of the others are left out.
fn license_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let begins = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
        if begins.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            files.push((name, entry.path()));
        }
    }
    if files.iter().any(|(name, _)| name.ends_with("-MIT")) {
        let others = ["-APACHE", "-BSD", "-ZLIB"];
        files.retain(|(name, _)| !others.iter().any(|other| name.ends_with(other)));
    }
    ensure!(
        !files.is_empty(),
        "{} has no licence file: write its notice by hand",
        folder.display()
    );
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_tree_are_read() {
        let line = "fnv v1.0.7|Apache-2.0 / MIT|https://github.com/servo/rust-fnv (*)";
        let read = parsed(line).unwrap();
        assert_eq!((&*read.name, &*read.version), ("fnv", "1.0.7"));
        assert_eq!(read.license, "Apache-2.0 OR MIT");
        assert_eq!(read.repository, "https://github.com/servo/rust-fnv");
        assert_eq!(parsed("nexttoken v0.1.0 (/a/folder)|MIT|"), None);
    }

    #[test]
    fn of_a_choice_of_licences_one_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(root.path().join(name), "").unwrap();
        assert!(license_files(root.path()).is_err());
        let names = || {
            let files = license_files(root.path()).unwrap();
            let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
            files.iter().map(name).collect::<Vec<_>>()
        };
        write("LICENSE-APACHE");
        write("Cargo.toml");
        assert_eq!(names(), ["LICENSE-APACHE"]);
        write("LICENSE-MIT");
        write("LICENSE-UNICODE");
        assert_eq!(names(), ["LICENSE-MIT", "LICENSE-UNICODE"]);
    }

    #[test]
    fn every_crate_of_the_modules_has_its_notice() {
        let all = notices(&Repo::find().unwrap()).unwrap();
        for part in [
            "\nllguidance 1",
            "\nminijinja ",
            "Copyright (c) Microsoft",
            "Apache License",
        ] {
            assert!(all.contains(part), "{part}");
        }
        assert!(!all.contains("clap "), "the command line is in no module");
    }
}
