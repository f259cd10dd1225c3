//! Publishes a release: the npm package and the crate. Unless told otherwise it only rehearses.

use anyhow::{Result, ensure};

use crate::repo::Repo;
use crate::{command, site};

/// Builds the package, and publishes it and the crate; with `really` false, goes through all steps but uploads nothing.
///
/// npm signs a statement of where a package was built ("provenance") only for builds in GitHub's or GitLab's continuous
/// integration, so that a real release runs there.
pub fn publish(repo: &Repo, really: bool) -> Result<()> {
    ensure!(
        !really || std::env::var_os("CI").is_some(),
        "a release is published by continuous integration, where npm can tell its provenance"
    );
    site::package(repo)?;
    let rehearse: &[&str] = if really { &[] } else { &["--dry-run"] };
    let mut npm = command::npm();
    npm.current_dir(repo.package())
        .args(["publish", "--ignore-scripts"]);
    command::run(npm.args(rehearse))?;
    let mut cargo = command::cargo();
    cargo
        .current_dir(repo.root())
        .args(["publish", "--locked", "--package", "nexttoken"]);
    command::run(cargo.args(rehearse))
}
