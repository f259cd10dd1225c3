//! `cargo verify`: every check, in the order that fails soonest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::repo::Repo;
use crate::serve::Server;
use crate::wasm::Variant;
use crate::{command, fetch, fuzz, model, page, site, tools};

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        what: "the code is formatted",
        run: format,
    },
    Step {
        name: "clippy",
        what: "no lint, natively",
        run: clippy,
    },
    Step {
        name: "clippy-wasm",
        what: "no lint, in the WebAssembly build",
        run: clippy_wasm,
    },
    Step {
        name: "doc",
        what: "the documentation builds without a warning",
        run: doc,
    },
    Step {
        name: "model",
        what: "the models of the tests are cached and intact",
        run: fetch_models,
    },
    Step {
        name: "test",
        what: "native tests, those on whole models too",
        run: test,
    },
    Step {
        name: "neon",
        what: "the kernels of aarch64 compile, and pass their tests where they can be run",
        run: neon,
    },
    Step {
        name: "fuzz",
        what: "the fuzz targets of the engine find nothing within seconds",
        run: |repo| fuzz::fuzz_engine(repo, 5),
    },
    Step {
        name: "wasm-test",
        what: "wasm-pack tests in headless Chromium",
        run: wasm_test,
    },
    Step {
        name: "build",
        what: "the package builds and keeps its size budget",
        run: build,
    },
    Step {
        name: "page-test",
        what: "the page, driven in Chromium",
        run: page_test,
    },
    Step {
        name: "firefox-test",
        what: "the page, driven in Firefox",
        run: |repo| other_page_test(repo, &tools::FIREFOX),
    },
    Step {
        name: "webkit-test",
        what: "the page, driven in WebKitGTK",
        run: |repo| other_page_test(repo, &tools::WEBKIT),
    },
];

/// Steps that run where they are named: they take long, and the pages of the other browsers are new.
const BY_NAME: [&str; 4] = ["neon", "fuzz", "firefox-test", "webkit-test"];

/// Prints the steps.
pub fn list() {
    for step in STEPS {
        let by_name = BY_NAME.contains(&step.name);
        let note = if by_name { " (with --only)" } else { "" };
        println!("{:<12} {}{note}", step.name, step.what);
    }
}

/// Runs all steps but those of [`BY_NAME`], or those named, up to the first that fails, and sums up.
pub fn verify(repo: &Repo, only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != *name))
    {
        bail!("there is no step {unknown}; `cargo verify --list` prints them");
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| match only {
            [] => !BY_NAME.contains(&step.name),
            named => named.iter().any(|name| name == step.name),
        })
        .collect();
    let mut summary = Vec::new();
    let mut failure = None;
    for (index, step) in chosen.iter().enumerate() {
        eprintln!(
            "\n==> {}/{} {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.what
        );
        let start = Instant::now();
        let outcome = (step.run)(repo);
        let skipped = outcome
            .as_ref()
            .err()
            .and_then(|error| error.downcast_ref());
        if let Some(Skipped(reason)) = skipped {
            eprintln!("skipped: {reason}");
        }
        let verdict = match (&outcome, skipped) {
            (Ok(()), _) => "passed",
            (Err(_), Some(_)) => "skipped",
            (Err(_), None) => "FAILED",
        };
        summary.push(line(step, start.elapsed(), verdict));
        if let (Err(error), "FAILED") = (outcome, verdict) {
            failure = Some(error.context(format!("step {} failed", step.name)));
            break;
        }
    }
    let skipped = chosen.len() - summary.len();
    eprintln!("\n==> summary\n{}", summary.join("\n"));
    if skipped > 0 {
        eprintln!("({skipped} not run)");
    }
    failure.map_or(Ok(()), Err)
}

/// Why a step was not run, which is no failure.
#[derive(Debug)]
struct Skipped(String);

impl std::fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

fn line(step: &Step, time: Duration, verdict: &str) -> String {
    format!(
        "{:<12} {verdict:<7} {:>8.1} s  {}",
        step.name,
        time.as_secs_f64(),
        step.what
    )
}

/// A Cargo command in the repository.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut cargo = command::cargo();
    cargo.current_dir(repo.root()).args(arguments);
    cargo
}

fn format(repo: &Repo) -> Result<()> {
    command::run(&mut cargo(repo, &["fmt", "--all", "--check"]))
}

fn clippy(repo: &Repo) -> Result<()> {
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    command::run(&mut cargo(repo, &arguments))
}

fn clippy_wasm(repo: &Repo) -> Result<()> {
    tools::wasm_target()?;
    // Once for each module of the package.
    for features in ["js", "js-chat", "js-constraint", "js,train"] {
        let mut cargo = cargo(
            repo,
            &["clippy", "--locked", "--package", "nexttoken", "--lib"],
        );
        cargo.args(["--target", "wasm32-unknown-unknown"]);
        cargo.args(["--no-default-features", "--features", features]);
        command::run(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn doc(repo: &Repo) -> Result<()> {
    let mut cargo = cargo(repo, &["doc", "--locked", "--workspace", "--no-deps"]);
    command::run(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

fn fetch_models(repo: &Repo) -> Result<()> {
    let given = std::env::var_os("NEXTTOKEN_MODEL");
    let given = given.as_deref().map(AsRef::as_ref);
    for (model, given) in [(&model::SAMPLE, given), (&model::GEMMA, None)] {
        let path = fetch::ensure(model, &repo.models(), given)?;
        eprintln!("{} is intact", path.display());
    }
    Ok(())
}

fn test(repo: &Repo) -> Result<()> {
    command::run(&mut cargo(
        repo,
        &["test", "--locked", "--package", "nexttoken"],
    ))?;
    // In the profile this program was built in, so that what it needs is not compiled once more.
    let packaging = ["--package", "nexttoken-pkg", "--profile", "tool"];
    command::run(cargo(repo, &["test", "--locked"]).args(packaging))
}

/// The kernel tests on a processor of each kind, in an emulator where there is one. An Arm machine runs them
/// among the native tests.
fn neon(repo: &Repo) -> Result<()> {
    // Its C library comes with Rust, and so does the linker: no other cross compiler is needed.
    const TARGET: &str = "aarch64-unknown-linux-musl";
    tools::rust_target(TARGET, "the kernels of aarch64 are checked")?;
    let test = |cpu: Option<&str>| {
        let mut cargo = cargo(repo, &["test", "--locked", "--package", "nexttoken"]);
        cargo.args(["--lib", "--no-default-features", "--target", TARGET]);
        let variable = |name: &str| format!("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_{name}");
        cargo.env(variable("LINKER"), "rust-lld");
        match (tools::arm_emulator(), cpu) {
            (Some(emulator), Some(cpu)) => {
                cargo.env(
                    variable("RUNNER"),
                    format!("{} -cpu {cpu}", emulator.display()),
                );
                command::run(cargo.args(["--", "kernels::"]))
            }
            _ => command::run(cargo.arg("--no-run")),
        }
    };
    if tools::arm_emulator().is_none() {
        eprintln!("no qemu-aarch64 (on Debian: qemu-user): the tests are compiled, not run");
        return test(None);
    }
    // Without the dot product, and with it.
    test(Some("cortex-a57"))?;
    test(Some("max"))
}

fn wasm_test(repo: &Repo) -> Result<()> {
    tools::wasm_target()?;
    let driver = tools::chromium()?.driver;
    let bin = tools::wasm_pack(repo)?;
    let test = |flags: Option<&str>, arguments: &[&str]| {
        let mut wasm_pack = Command::new(tools::program(&bin, "wasm-pack"));
        wasm_pack
            .current_dir(repo.root())
            .args(["test", "--headless", "--chrome", "--chromedriver"])
            .arg(&driver)
            .args(arguments);
        command::prepend_path(&mut wasm_pack, &bin)?;
        // A whole model takes longer than the runner's usual patience, in seconds.
        wasm_pack.env("WASM_BINDGEN_TEST_TIMEOUT", "600");
        if let Some(flags) = flags {
            wasm_pack.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        }
        command::run(&mut wasm_pack)
    };
    // Without the command line and most tests that only run natively: wasm-pack builds all that it finds.
    let features = "js,js-chat,constraint,train";
    test(
        None,
        &["--", "--no-default-features", "--features", features],
    )?;
    let relaxed = "-Ctarget-feature=+simd128,+relaxed-simd";
    test(Some(relaxed), &["--", "--no-default-features", "--lib"])
}

fn build(repo: &Repo) -> Result<()> {
    site::package(repo, &[Variant::Scalar])?;
    site::assemble_site(repo, &[])
}

/// The page in Chromium, whose outcomes the other browsers are held against.
fn page_test(repo: &Repo) -> Result<()> {
    let browser = tools::chromium()?.browser;
    run_page_tests(repo, "chromium", "CHROMIUM", &browser)
}

fn other_page_test(repo: &Repo, browser: &tools::OtherBrowser) -> Result<()> {
    let Some(program) = browser.find()? else {
        bail!(Skipped(browser.advice()));
    };
    run_page_tests(repo, browser.name, browser.variable, &program)
}

/// Serves the site that `build` made, and runs the tests of the page against it.
fn run_page_tests(repo: &Repo, browser: &str, variable: &str, program: &Path) -> Result<()> {
    tools::page_test_packages(repo)?;
    build(repo).context("the page tests need the built site")?;
    fetch_models(repo).context("the page tests need their models")?;
    let server = Server::bind(Some(0), page::mounts(repo, repo.site()))?;
    let origin = server.origin();
    server.run_in_background();
    let mut node = Command::new("node");
    node.current_dir(repo.root())
        // One file at a time: each starts a browser and may run a model in it.
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(page_tests(repo)?)
        .env("NEXTTOKEN_ORIGIN", origin)
        .env("NEXTTOKEN_BROWSER", browser)
        .env(variable, program);
    command::run(&mut node)
}

/// The test files, by name: what Node makes of a folder differs between its versions.
fn page_tests(repo: &Repo) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(repo.page_tests())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    ensure!(
        !files.is_empty(),
        "there is no test in {}",
        repo.page_tests().display()
    );
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_differ() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(
                STEPS[index + 1..]
                    .iter()
                    .all(|other| other.name != step.name)
            );
        }
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let error = verify(&Repo::find().unwrap(), &["no-such-step".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("no-such-step"));
    }
}
