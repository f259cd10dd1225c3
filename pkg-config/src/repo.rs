//! The paths of the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the repository.
pub struct Repo(PathBuf);

impl Repo {
    /// The repository this crate was run from by Cargo, else the one it was compiled in.
    pub fn find() -> Result<Self> {
        let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = crate_dir
            .parent()
            .context("the packaging crate has no parent folder")?;
        Ok(Self(root.to_path_buf()))
    }

    /// The root itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Everything that is built; ignored by git.
    pub fn target(&self) -> PathBuf {
        self.0.join("target")
    }

    /// The folder of the variants' modules, after binding and optimization.
    pub fn variants(&self) -> PathBuf {
        self.target().join("variants")
    }

    /// The assembled npm package.
    pub fn package(&self) -> PathBuf {
        self.0.join("pkg")
    }

    /// The assembled site.
    pub fn site(&self) -> PathBuf {
        self.target().join("site")
    }

    /// The models fetched so far; ignored by git and kept by `cargo clean`.
    pub fn models(&self) -> PathBuf {
        self.0.join(".cache").join("models")
    }

    /// The folder whose lock file pins the npm packages that the build needs.
    pub fn build_tools(&self) -> PathBuf {
        self.0.join("pkg-config").join("tools")
    }

    /// The scripts of the npm package, which load the modules.
    pub fn scripts(&self) -> PathBuf {
        self.0.join("src").join("js")
    }

    /// The manifest of the npm package.
    pub fn npm_manifest(&self) -> PathBuf {
        self.0.join("pkg-config").join("package.json")
    }

    /// The README of the npm package.
    pub fn npm_readme(&self) -> PathBuf {
        self.0.join("pkg-config").join("npm-readme.md")
    }

    /// The tests that drive the page.
    pub fn page_tests(&self) -> PathBuf {
        self.0.join("tests").join("browser")
    }

    /// The folder whose lock file pins what checks the scripts, with the settings of these checks.
    pub fn javascript_checks(&self) -> PathBuf {
        self.0.join("pkg-config").join("javascript")
    }

    /// The apps that try the packed package in other environments.
    pub fn environment_checks(&self) -> PathBuf {
        self.0.join("pkg-config").join("check")
    }

    /// The tests of the page's views, which need no browser.
    pub fn view_tests(&self) -> PathBuf {
        self.0.join("tests").join("page")
    }

    /// The tests of the package in Node.
    pub fn node_tests(&self) -> PathBuf {
        self.0.join("tests").join("node")
    }

    /// The tests of the assembled package, which need no browser either.
    pub fn package_tests(&self) -> PathBuf {
        self.0.join("tests").join("package")
    }

    /// The tests of the clients, against the packages that they stand for.
    pub fn client_tests(&self) -> PathBuf {
        self.0.join("tests").join("clients")
    }

    /// The comparison of speed in the browser.
    pub fn browser_bench(&self) -> PathBuf {
        self.0.join("benches").join("browser")
    }

    /// The peer that runs outside the browser.
    pub fn native_bench(&self) -> PathBuf {
        self.0.join("benches").join("native")
    }

    /// Command line tools installed for this repository alone.
    pub fn installed_tools(&self) -> PathBuf {
        self.target().join("tools")
    }
}
