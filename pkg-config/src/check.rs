//! `cargo pkg check`: a small app for each bundler and each other environment, made from the packed package, built,
//! and run in Chromium. The apps and what drives them are in `pkg-config/check/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::repo::Repo;
use crate::{command, tools};

/// Packs the built package, tries it in these environments, in all where none is named, and prints the matrix.
pub fn check(repo: &Repo, environments: &[String]) -> Result<()> {
    let target = repo.target().join("check");
    fs::create_dir_all(&target)?;
    let tarball = pack(repo, &target)?;
    tools::page_test_packages(repo)?;
    let model = repo.root().join("www/stories.gguf");
    let encoder = repo.root().join("tests/data/encoder/tiny.q8_0.gguf");
    let mut node = Command::new("node");
    node.arg(repo.environment_checks().join("check.mjs"))
        .args([tarball, model, encoder, target])
        .args(environments)
        .env("CHROMIUM", tools::chromium()?.browser);
    command::run(&mut node)
}

/// Packs the package as it would be published; gives the path of the tarball.
fn pack(repo: &Repo, target: &Path) -> Result<PathBuf> {
    let package = repo.package();
    ensure!(
        package.join("bundle").is_dir(),
        "the package is not there; `cargo pkg build` makes it"
    );
    let mut npm = command::npm();
    npm.current_dir(target)
        .args(["pack", "--silent"])
        .arg(&package);
    let name = command::output(&mut npm)?;
    let name = name.lines().last().context("npm names no tarball")?;
    Ok(target.join(name))
}
