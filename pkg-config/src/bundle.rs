//! What esbuild makes of the package's and the page's JavaScript: scripts without comments and spaces, each worker as one
//! file, and a site of few files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::repo::Repo;
use crate::{command, tools};

/// The scripts that run as workers.
const WORKERS: [&str; 5] = [
    "worker.js",
    "chat-worker.js",
    "encoder-worker.js",
    "trainer-worker.js",
    "thread.js",
];

/// The folder of the package with the workers as one file each, for bundlers that copy a worker without what it
/// imports.
pub const FOLDER: &str = "bundle";

/// The service worker that isolates a page.
const SERVICE_WORKER: &str = "isolate-worker.js";

/// The package as one file.
pub const STANDALONE: &str = "standalone.js";

/// The scripts, and the folders of scripts, with classes that users meet, whose names must stay.
const NAMED: [&str; 11] = [
    "clients",
    "conversation.js",
    "errors.js",
    "nexttoken.js",
    "nexttoken_encoder.js",
    "nexttoken_trainer.js",
    "store/model-store.js",
    "worker-encoder.js",
    "worker-finetuner.js",
    "worker-generator.js",
    "worker-trainer.js",
];

/// Takes the comments and the spaces out of the package's scripts, and shortens the names that only a script itself
/// uses. What users need to read is in the types.
pub fn minify(repo: &Repo, package: &Path) -> Result<()> {
    let is_named = |script: &PathBuf| {
        NAMED
            .iter()
            .any(|name| script.starts_with(package.join(name)))
    };
    let (named, others) = scripts_in(package)?
        .into_iter()
        .partition::<Vec<_>, _>(is_named);
    for (scripts, more) in [(named, &[][..]), (others, &["--minify-identifiers"][..])] {
        let mut esbuild = esbuild(repo, package, "esm")?;
        esbuild.args(scripts).args(more);
        command::run(esbuild.args(["--outbase=.", "--outdir=.", "--allow-overwrite"]))?;
    }
    Ok(())
}

/// The scripts in a folder and the folders in it.
fn scripts_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            scripts.extend(scripts_in(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// Writes each worker as one file, beside which its modules are looked for.
pub fn workers(repo: &Repo, package: &Path) -> Result<()> {
    let mut esbuild = esbuild(repo, package, "esm")?;
    esbuild
        .args(WORKERS)
        .arg("--bundle")
        .arg(format!("--outdir={FOLDER}"));
    command::run(&mut esbuild)
}

/// Makes a classic script of the service worker, with what it imports inside: not every browser starts a module as a
/// service worker, and others load it by `importScripts`.
pub fn service_worker(repo: &Repo, package: &Path) -> Result<()> {
    let mut esbuild = esbuild(repo, package, "iife")?;
    esbuild.args([SERVICE_WORKER, "--bundle", "--minify-identifiers"]);
    command::run(esbuild.args(["--outdir=.", "--allow-overwrite"]))
}

fn esbuild(repo: &Repo, package: &Path, format: &str) -> Result<Command> {
    let mut node = Command::new("node");
    node.current_dir(package)
        .arg(tools::esbuild(repo)?)
        .arg(format!("--format={format}"))
        .args(["--target=es2022", "--charset=utf8", "--log-level=warning"])
        .args(["--minify-whitespace", "--minify-syntax"]);
    Ok(node)
}

/// Joins the scripts of an assembled site, of which a page imports a hundred, into a few: a browser takes its time over
/// each. The scripts of the documentation, which readers look at, stay as they are.
pub fn join(repo: &Repo, site: &Path) -> Result<()> {
    command::run(script(repo, "join.mjs")?.arg(site).args(WORKERS))
}

/// Writes the package as one file with the engine, the workers and the modules in it.
pub fn standalone(repo: &Repo, package: &Path) -> Result<()> {
    let file = package.join(STANDALONE);
    command::run(one_file(repo)?.arg(package).arg(file))
}

/// Writes the page as one file with everything in it.
pub fn page(repo: &Repo, file: &Path) -> Result<()> {
    let page = repo.root().join("www");
    command::run(one_file(repo)?.arg(repo.package()).arg(file).arg(page))
}

fn one_file(repo: &Repo) -> Result<Command> {
    script(repo, "standalone.mjs")
}

/// A script that has esbuild work for it.
fn script(repo: &Repo, name: &str) -> Result<Command> {
    tools::esbuild(repo)?;
    let mut node = Command::new("node");
    node.arg(repo.build_tools().join(name));
    Ok(node)
}

/// The glue of a module that is not built yet, for a page that is served meanwhile: it waits for the server, which
/// answers once that is built.
pub fn write_unbuilt_glue(package: &Path, stem: &str) -> Result<()> {
    let names = "render_chat, Tokens, __wbg_reset_state";
    let glue = format!(
        "export let {names};
export default async (options) => {{
  await fetch(options.module_or_path);
  const built = await import(\"./{stem}.js?built\");
  ({{ {names} }} = built);
  return built.default(options);
}};
"
    );
    Ok(fs::write(package.join(format!("{stem}.js")), glue)?)
}
