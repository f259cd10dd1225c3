//! Assembles the npm package and the site from what was built and what was written by hand.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::repo::Repo;
use crate::wasm::{self, Bound, Variant};
use crate::{sizes, tools};

/// Builds the shipped modules, and `more` engines for tests, and assembles the npm package.
pub fn package(repo: &Repo, more: &[Variant]) -> Result<()> {
    assemble_package(repo, more, false)?;
    sizes::check(repo)
}

/// As [`package`], with the names of the engines' functions, which a profile shows: larger than is shipped.
pub fn package_with_names(repo: &Repo) -> Result<()> {
    assemble_package(repo, &[], true)
}

fn assemble_package(repo: &Repo, more: &[Variant], names: bool) -> Result<()> {
    tools::wasm_target()?;
    let build = |variant: Variant| {
        let names = names && Variant::ENGINES.contains(&variant);
        Ok((variant, wasm::build(repo, variant, names)?))
    };
    let engines = Variant::ENGINES.into_iter().chain(more.iter().copied());
    let engines: Vec<_> = engines.map(build).collect::<Result<_>>()?;
    let extras: Vec<_> = Variant::EXTRAS
        .map(build)
        .into_iter()
        .collect::<Result<_>>()?;
    wasm::check_glue(&engines)?;
    extras.chunks(1).try_for_each(wasm::check_glue)?;
    let shipped = engines
        .iter()
        .filter(|(variant, _)| Variant::ENGINES.contains(variant));
    assemble(repo, shipped.chain(&extras))
}

fn assemble<'a>(repo: &Repo, modules: impl Iterator<Item = &'a (Variant, Bound)>) -> Result<()> {
    let package = repo.package();
    clear(&package)?;
    copy_tree(&repo.npm_sources(), &package)?;
    strip_comments(&package)?;
    check_version(&package.join("package.json"))?;
    for (variant, bound) in modules {
        copy(&bound.module, &package.join(variant.module()))?;
        fs::write(package.join(variant.stem() + ".js"), &bound.glue)?;
        fs::write(package.join(variant.stem() + ".d.ts"), &bound.types)?;
    }
    for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&repo.root().join(file), &package.join(file))?;
    }
    Ok(())
}

/// Takes the comments out of the scripts in a folder: what users read of them is in the types.
fn strip_comments(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let stripped = wasm::without_comments(&fs::read_to_string(&path)?);
            fs::write(&path, stripped)?;
        }
    }
    Ok(())
}

/// The npm package carries the version of the crate.
fn check_version(manifest: &Path) -> Result<()> {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest)?)?;
    let version = &manifest["version"];
    let crate_version = env!("CARGO_PKG_VERSION");
    ensure!(
        version == crate_version,
        "the npm package has version {version}, the crate {crate_version}: make them equal"
    );
    Ok(())
}

/// Assembles the site: the page, and beside it the package it imports. `models` are files to add.
pub fn assemble_site(repo: &Repo, models: &[&Path]) -> Result<()> {
    let site = repo.site();
    clear(&site)?;
    copy_tree(&repo.root().join("www"), &site)?;
    copy_tree(&repo.package(), &site.join("pkg"))?;
    for model in models {
        let name = model.file_name().context("a model without a file name")?;
        fs::create_dir_all(site.join("models"))?;
        copy(model, &site.join("models").join(name))?;
    }
    Ok(())
}

/// Makes a folder empty.
fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Copies a folder with everything in it, hidden files excepted.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if from.is_dir() {
            copy_tree(&from, &to)?;
        } else {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied_and_old_files_cleared() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("deep/file"), "new").unwrap();
        fs::write(from.join(".hidden"), "").unwrap();
        fs::write(to.join("old"), "").unwrap();
        clear(&to).unwrap();
        copy_tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deep/file")).unwrap(), "new");
        assert!(!to.join("old").exists() && !to.join(".hidden").exists());
    }

    #[test]
    fn a_package_of_another_version_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let manifest = root.path().join("package.json");
        fs::write(&manifest, r#"{ "version": "99.0.0" }"#).unwrap();
        assert!(
            check_version(&manifest)
                .unwrap_err()
                .to_string()
                .contains("99.0.0")
        );
        let right = format!(r#"{{ "version": "{}" }}"#, env!("CARGO_PKG_VERSION"));
        fs::write(&manifest, right).unwrap();
        assert!(check_version(&manifest).is_ok());
    }
}
