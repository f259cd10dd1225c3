//! Assembles the npm package and the site from what was built and what was written by hand.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::repo::Repo;
use crate::wasm::{self, Bound, CHAT, Variant};
use crate::{sizes, tools};

/// Builds the shipped variants, and `extra` ones for tests, and assembles the npm package.
pub fn package(repo: &Repo, extra: &[Variant]) -> Result<()> {
    tools::wasm_target()?;
    let mut built = Vec::new();
    for variant in Variant::SHIPPED.into_iter().chain(extra.iter().copied()) {
        built.push((variant, wasm::build(repo, variant)?));
    }
    wasm::check_glue(&built)?;
    assemble(repo, &built, &wasm::build_chat(repo)?)?;
    sizes::check(repo)
}

fn assemble(repo: &Repo, built: &[(Variant, Bound)], chat: &Bound) -> Result<()> {
    let package = repo.package();
    clear(&package)?;
    copy_tree(&repo.npm_sources(), &package)?;
    check_version(&package.join("package.json"))?;
    for (variant, bound) in built {
        if Variant::SHIPPED.contains(variant) {
            copy(&bound.module, &package.join(variant.module()))?;
            fs::write(package.join(wasm::GLUE), &bound.glue)?;
            fs::write(package.join(wasm::TYPES), &bound.types)?;
        }
    }
    copy(&chat.module, &package.join(format!("{CHAT}.wasm")))?;
    fs::write(package.join(format!("{CHAT}.js")), &chat.glue)?;
    for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&repo.root().join(file), &package.join(file))?;
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
