//! What the steps of `cargo verify` do.

use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use super::Skipped;
use crate::page_tests::Browser;
use crate::repo::Repo;
use crate::wasm::LOCKED_ALLOCATOR;
use crate::{command, fetch, fuzz, model, page_tests, site, tools};

/// A Cargo command in the repository.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut cargo = command::cargo();
    cargo.current_dir(repo.root()).args(arguments);
    cargo
}

pub(super) fn format(repo: &Repo) -> Result<()> {
    command::run(&mut cargo(repo, &["fmt", "--all", "--check"]))
}

pub(super) fn clippy(repo: &Repo) -> Result<()> {
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

pub(super) fn clippy_wasm(repo: &Repo) -> Result<()> {
    tools::wasm_target()?;
    let check = |features: &str, flags: &[&str]| {
        let mut cargo = cargo(
            repo,
            &["clippy", "--locked", "--package", "nexttoken", "--lib"],
        );
        cargo.args(["--target", "wasm32-unknown-unknown"]);
        cargo.args(["--no-default-features", "--features", features]);
        // Lets the pinned stable compiler use unstable options. Procedural macros heed it, so that they would be compiled
        // again and again in the folder of the others, and under the feet of tests that run.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo
            .arg("--target-dir")
            .arg(repo.target().join("clippy-wasm"));
        command::run(cargo.args(["--", "-D", "warnings"]).args(flags))
    };
    // All at once. The build of each module refuses the compiler's own warnings.
    check("wasm,wasm-chat,wasm-constraint,wasm-encoder,train", &[])?;
    // With threads, of which only the first has values of JavaScript. The flag is for the crate alone; the compiler warns
    // that it is not stable yet, which is no lint.
    let locked = format!("--cfg={}", LOCKED_ALLOCATOR);
    let threads = [
        "-Ctarget-feature=+simd128,+atomics",
        &locked,
        "-A",
        "clippy::arc_with_non_send_sync",
    ];
    check("wasm,wasm-encoder,train", &threads)?;
    no_thread_local_scratch(repo)
}

/// Fails where the matrix products of training keep their scratch memory in a thread-local value in WebAssembly: threads
/// that share the memory of a module would overwrite each other's.
fn no_thread_local_scratch(repo: &Repo) -> Result<()> {
    let mut tree = cargo(repo, &["tree", "--locked", "--package", "nexttoken"]);
    tree.args([
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal,features",
    ]);
    tree.args(["--no-default-features", "--features", "wasm,train"]);
    let features = command::output(tree.args(["--invert", "matrixmultiply"]))?;
    ensure!(
        !features.contains("matrixmultiply feature \"std\""),
        "matrixmultiply has its feature `std` in WebAssembly:\n{features}"
    );
    Ok(())
}

pub(super) fn doc(repo: &Repo) -> Result<()> {
    let mut cargo = cargo(repo, &["doc", "--locked", "--workspace", "--no-deps"]);
    command::run(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

pub(super) fn fetch_models(repo: &Repo) -> Result<()> {
    let given = std::env::var_os("NEXTTOKEN_MODEL");
    let given = given.as_deref().map(AsRef::as_ref);
    for (model, given) in [(&model::SAMPLE, given), (&model::GEMMA, None)] {
        let path = fetch::ensure(model, &repo.models(), given)?;
        eprintln!("{} is intact", path.display());
    }
    Ok(())
}

pub(super) fn test(repo: &Repo) -> Result<()> {
    let test = |arguments: &[&str]| {
        let mut cargo = cargo(repo, &["test", "--locked", "--package"]);
        command::run_named("test", cargo.args(arguments), failed_tests)
    };
    test(&["nexttoken"])?;
    // In the profile of this program, so that its dependencies are not compiled again.
    test(&["nexttoken-pkg", "--profile", "tool"])
}

/// What a person needs to see of the output of failed tests: the part about those that failed, or where there is none,
/// its end. Other steps print at the same time.
fn failed_tests(output: &[String]) -> String {
    const MOST: usize = 40;
    let heading = output.iter().position(|line| line == "failures:");
    let from = heading.unwrap_or(output.len().saturating_sub(MOST));
    output[from..][..MOST.min(output.len() - from)].join("\n")
}

/// Tests the kernels of aarch64 in an emulator, if there is one, for two kinds of processors. An Arm machine runs them
/// among the native tests.
pub(super) fn neon(repo: &Repo) -> Result<()> {
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
                command::run_named("neon", cargo.args(["--", "kernels::"]), failed_tests)
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

pub(super) fn fuzz_briefly(repo: &Repo) -> Result<()> {
    match tools::cpp_compiler()? {
        true => fuzz::fuzz_engine(repo, 1_000),
        false => bail!(Skipped(
            "libFuzzer needs a C++ compiler (on Debian: g++)".to_owned()
        )),
    }
}

pub(super) fn wasm_test(repo: &Repo) -> Result<()> {
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
        command::run_named("wasm-test", &mut wasm_pack, failed_tests)
    };
    // Without the command line and most native tests: wasm-pack builds everything it finds.
    let features = "wasm,wasm-chat,train";
    test(
        None,
        &["--", "--no-default-features", "--features", features],
    )?;
    let relaxed = "-Ctarget-feature=+simd128,+relaxed-simd";
    test(Some(relaxed), &["--", "--no-default-features", "--lib"])
}

/// Builds the package and the site, once for all steps that need them.
pub(super) fn build(repo: &Repo) -> Result<()> {
    static IS_DONE: Mutex<bool> = Mutex::new(false);
    once(&IS_DONE, || {
        site::package(repo)?;
        site::assemble_site(repo, &[])
    })
}

/// Runs `action` unless an earlier call with the same flag has done so.
fn once(is_done: &Mutex<bool>, action: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut is_done = is_done.lock().expect("no step panics");
    if !*is_done {
        action()?;
        *is_done = true;
    }
    Ok(())
}

/// Tests the page in Chromium, and keeps the outcomes with which the other browsers are compared.
pub(super) fn page_test(repo: &Repo) -> Result<()> {
    let program = tools::chromium()?.browser;
    prepare_page_tests(repo)?;
    let chromium = Browser {
        name: "chromium",
        variable: "CHROMIUM",
        program: &program,
        // One more than there are cores on a small machine: the file with the faulty servers waits most of its time.
        side_by_side: 3,
    };
    page_tests::run(repo, &chromium)
}

/// Tests the page in another browser, and compares it with the outcomes that `page-test` has kept.
pub(super) fn other_page_test(repo: &Repo, browser: &tools::OtherBrowser) -> Result<()> {
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
    once(&IS_DONE, || {
        tools::page_test_packages(repo)?;
        tools::client_test_packages(repo)?;
        build(repo).context("the page tests need the built site")?;
        fetch_models(repo).context("the page tests need their models")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_told_by_what_they_print() {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let output =
            lines("test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nit broke");
        assert_eq!(
            failed_tests(&output),
            "failures:\n\n---- b stdout ----\nit broke"
        );
        let many: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        assert_eq!(failed_tests(&many), many[60..].join("\n"));
        assert_eq!(failed_tests(&[]), "");
    }
}
