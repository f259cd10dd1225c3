//! `cargo verify`: runs every check, in the order in which problems show soonest.

use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::page_tests::Browser;
use crate::repo::Repo;
use crate::wasm::Variant;
use crate::{command, fetch, fuzz, javascript, model, page_tests, site, tools};

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<()>,
    /// Whether it runs at the same time as neighbouring steps that may: each of these keeps about one core busy.
    side_by_side: bool,
}

impl Step {
    const fn new(name: &'static str, what: &'static str, run: fn(&Repo) -> Result<()>) -> Self {
        Self {
            name,
            what,
            run,
            side_by_side: false,
        }
    }

    const fn side_by_side(self) -> Self {
        Self {
            side_by_side: true,
            ..self
        }
    }
}

const STEPS: &[Step] = &[
    Step::new("format", "the code is formatted", format),
    Step::new("clippy", "no lint, natively", clippy),
    Step::new(
        "clippy-wasm",
        "no lint, in the WebAssembly build",
        clippy_wasm,
    ),
    Step::new("doc", "the documentation builds without a warning", doc),
    Step::new(
        "model",
        "the models of the tests are cached and intact",
        fetch_models,
    ),
    Step::new("test", "native tests, those on whole models too", test),
    Step::new(
        "neon",
        "the kernels of aarch64 compile, and pass their tests where they can be run",
        neon,
    ),
    Step::new(
        "fuzz",
        "the fuzz targets of the engine find nothing in their first inputs",
        fuzz_briefly,
    ),
    Step::new(
        "wasm-test",
        "wasm-pack tests in headless Chromium",
        wasm_test,
    ),
    Step::new(
        "build",
        "the package builds and keeps its size budget",
        build,
    ),
    Step::new(
        "js",
        "the JavaScript is formatted, without lints, and its types hold",
        javascript::check,
    ),
    Step::new("page-test", "the page, driven in Chromium", page_test),
    Step::new("firefox-test", "the page, driven in Firefox", |repo| {
        other_page_test(repo, &tools::FIREFOX)
    })
    .side_by_side(),
    Step::new("webkit-test", "the page, driven in WebKitGTK", |repo| {
        other_page_test(repo, &tools::WEBKIT)
    })
    .side_by_side(),
];

/// Prints the steps.
pub fn list() {
    for step in STEPS {
        println!("{:<12} {}", step.name, step.what);
    }
}

/// Runs all steps, or those in `only`, up to the first that fails, and prints a summary.
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
            [] => true,
            named => named.iter().any(|name| name == step.name),
        })
        .collect();
    let mut summary = Vec::new();
    let mut failure = None;
    for steps in chosen.chunk_by(|one, next| one.side_by_side && next.side_by_side) {
        for step in steps {
            eprintln!("\n==> {}: {}", step.name, step.what);
        }
        for (step, (time, outcome)) in steps.iter().zip(run_side_by_side(repo, steps)) {
            let (verdict, failed) = match outcome {
                Ok(()) => ("passed", None),
                Err(error) => match error.downcast_ref() {
                    Some(Skipped(reason)) => {
                        eprintln!("{} is skipped: {reason}", step.name);
                        ("skipped", None)
                    }
                    None => ("FAILED", Some(error)),
                },
            };
            summary.push(line(step, time, verdict));
            if let Some(error) = failed {
                failure.get_or_insert(error.context(format!("step {} failed", step.name)));
            }
        }
        if failure.is_some() {
            break;
        }
    }
    let left = chosen.len() - summary.len();
    eprintln!("\n==> summary\n{}", summary.join("\n"));
    if left > 0 {
        eprintln!("({left} not run)");
    }
    failure.map_or(Ok(()), Err)
}

/// Runs steps at the same time; returns how long each took, and its outcome.
fn run_side_by_side(repo: &Repo, steps: &[&Step]) -> Vec<(Duration, Result<()>)> {
    let timed = |step: &Step| {
        let start = Instant::now();
        let outcome = (step.run)(repo);
        (start.elapsed(), outcome)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = steps
            .iter()
            .map(|step| scope.spawn(move || timed(step)))
            .collect();
        let outcomes = threads.into_iter().map(|thread| thread.join());
        outcomes
            .map(|outcome| outcome.expect("a step does not panic"))
            .collect()
    })
}

/// Why a step was skipped, which is no failure.
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
    // The engine alone, and all at once. The build of each module refuses the compiler's own warnings.
    for features in ["wasm", "wasm,wasm-chat,wasm-constraint,train"] {
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
    // In the profile of this program, so that its dependencies are not compiled again.
    let packaging = ["--package", "nexttoken-pkg", "--profile", "tool"];
    command::run(cargo(repo, &["test", "--locked"]).args(packaging))
}

/// Tests the kernels of aarch64 in an emulator, if there is one, for two kinds of processors. An Arm machine runs them
/// among the native tests.
fn neon(repo: &Repo) -> Result<()> {
    // This target's C library and linker come with Rust, so that no cross compiler is needed.
    const TARGET: &str = "aarch64-unknown-linux-musl";
    tools::rust_target(TARGET, "the kernels of aarch64 are checked")?;
    let emulator = tools::arm_emulator()?;
    let test = |cpu: Option<&str>| {
        let mut cargo = cargo(repo, &["test", "--locked", "--package", "nexttoken"]);
        cargo.args(["--lib", "--no-default-features", "--target", TARGET]);
        let variable = |name: &str| format!("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_{name}");
        cargo.env(variable("LINKER"), "rust-lld");
        match (&emulator, cpu) {
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
    if emulator.is_none() {
        eprintln!("no qemu-aarch64 (on Debian: qemu-user): the tests are compiled, not run");
        return test(None);
    }
    // A processor without the dot product instructions, and one with them.
    test(Some("cortex-a57"))?;
    test(Some("max"))
}

fn fuzz_briefly(repo: &Repo) -> Result<()> {
    match tools::cpp_compiler()? {
        true => fuzz::fuzz_engine(repo, 1_000),
        false => bail!(Skipped(
            "libFuzzer needs a C++ compiler (on Debian: g++)".to_owned()
        )),
    }
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
        // Tests with a whole model take longer than the runner's default timeout; this one is in seconds.
        wasm_pack.env("WASM_BINDGEN_TEST_TIMEOUT", "600");
        if let Some(flags) = flags {
            wasm_pack.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        }
        command::run(&mut wasm_pack)
    };
    // Without the command line and most native tests: wasm-pack builds everything it finds.
    let features = "wasm,wasm-chat,constraint,train";
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

/// Tests the page in Chromium, and keeps the outcomes with which the other browsers are compared.
fn page_test(repo: &Repo) -> Result<()> {
    let program = tools::chromium()?.browser;
    prepare_page_tests(repo)?;
    let chromium = Browser {
        name: "chromium",
        variable: "CHROMIUM",
        program: &program,
        side_by_side: 2,
    };
    page_tests::run(repo, &chromium)
}

/// Tests the page in another browser, and compares it with the outcomes that `page-test` has kept.
fn other_page_test(repo: &Repo, browser: &tools::OtherBrowser) -> Result<()> {
    let Some(program) = browser.find()? else {
        bail!(Skipped(browser.advice()));
    };
    prepare_page_tests(repo)?;
    let browser = Browser {
        name: browser.name,
        variable: browser.variable,
        program: &program,
        // Two browsers are driven at the same time.
        side_by_side: 1,
    };
    page_tests::run(repo, &browser)
}

/// Prepares what the page tests need, once for all browsers.
fn prepare_page_tests(repo: &Repo) -> Result<()> {
    static IS_DONE: Mutex<bool> = Mutex::new(false);
    let mut is_done = IS_DONE.lock().expect("no step panics");
    if !*is_done {
        tools::page_test_packages(repo)?;
        build(repo).context("the page tests need the built site")?;
        fetch_models(repo).context("the page tests need their models")?;
        *is_done = true;
    }
    Ok(())
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
