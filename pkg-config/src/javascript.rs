//! Checks the JavaScript half of the repository: its format, lints and types, what of it needs no browser (the page's
//! views, the clients, the package in Node), and the assembled package as npm and a user's compiler see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::repo::Repo;
use crate::{command, tools};

/// The scripts that are checked, from the root. Prettier and eslint expand the patterns.
const SCRIPTS: [&str; 13] = [
    "src/js/*.{js,ts}",
    "src/js/clients/*.{js,ts}",
    "src/js/conversation/*.{js,ts}",
    "src/js/store/*.{js,ts}",
    "tests/clients/*.{mjs,jsx}",
    "www/*.js",
    "www/docs/*.js",
    "www/learn/*.js",
    "tests/page/*.mjs",
    "tests/package/*.mjs",
    "pkg-config/javascript/*.{js,ts}",
    "pkg-config/check/*.mjs",
    "pkg-config/check/apps/**/*.{js,mjs}",
];

/// The projects of the compiler: the scripts, the service worker, and the types of the package.
const PROJECTS: [&str; 3] = [
    "tsconfig.json",
    "tsconfig.service-worker.json",
    "tsconfig.types.json",
];

/// Runs all checks. The package must have been assembled: the scripts import its bindings.
pub fn check(repo: &Repo) -> Result<()> {
    ensure!(
        repo.package().join("nexttoken.d.ts").is_file(),
        "the types of the bindings are missing: run `cargo verify --only build --only js`"
    );
    let folder = repo.javascript_checks();
    tools::npm_packages(&folder, "they check the scripts")?;
    let node = |script: &str| {
        let mut node = Command::new("node");
        node.current_dir(repo.root())
            .arg(folder.join("node_modules").join(script));
        node
    };
    let config = |name: &str| -> PathBuf { folder.join(name) };

    let mut prettier = node("prettier/bin/prettier.cjs");
    prettier.args(["--check", "--config"]);
    command::run(prettier.arg(config(".prettierrc.json")).args(SCRIPTS))?;

    let mut eslint = node("eslint/bin/eslint.js");
    eslint.args(["--max-warnings=0", "--config"]);
    let scripts = SCRIPTS.map(|pattern| pattern.replace("{js,ts}", "js"));
    command::run(eslint.arg(config("eslint.config.js")).args(scripts))?;

    let clients = repo.client_tests();
    tools::client_test_packages(repo)?;
    let projects = PROJECTS.map(config);
    for project in projects.iter().chain([&clients.join("tsconfig.json")]) {
        command::run(node("typescript/bin/tsc").arg("-p").arg(project))?;
    }
    lint_package(repo, node)?;
    let mut tested = Command::new("node");
    // Node below 20.19 takes the scripts for CommonJS otherwise.
    let node_options = [
        "--experimental-detect-module",
        "--test",
        "--test-reporter=spec",
    ];
    tested.current_dir(repo.root()).args(node_options);
    for folder in [repo.view_tests(), repo.package_tests(), clients] {
        tested.args(tests(&folder)?);
    }
    command::run(&mut tested)?;
    let mut package = Command::new("node");
    package
        .current_dir(repo.root())
        .args(["--test", "--test-reporter=spec"]);
    command::run(package.args(tests(&repo.node_tests())?))
}

/// Checks the package as npm packs it: its manifest, and that its types are found however they are looked for.
fn lint_package(repo: &Repo, node: impl Fn(&str) -> Command) -> Result<()> {
    let mut publint = node("publint/src/cli.js");
    command::run(publint.arg("--strict").arg(repo.package()))?;
    let mut attw = node("@arethetypeswrong/cli/dist/index.js");
    attw.arg("--pack").arg(repo.package());
    command::run(attw.args(["--profile", "esm-only", "--quiet"]))
}

/// The test files in a folder, listed by name because versions of Node treat a folder differently.
pub fn tests(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    ensure!(
        !files.is_empty(),
        "there is no test in {}",
        folder.display()
    );
    files.sort();
    Ok(files)
}
