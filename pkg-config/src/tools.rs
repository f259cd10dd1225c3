//! The programs that a build or the tests need. They are used if installed, and else installed for this repository
//! only. Each installation prints what it installs and why.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::repo::Repo;
use crate::{command, fetch};

/// The version of wasm-bindgen. `Cargo.toml` pins the same.
pub const WASM_BINDGEN: &str = "0.2.130";
const WASM_PACK: &str = "0.15.1";

/// A browser and the program that drives it for `wasm-pack test`.
pub struct Chromium {
    /// Chromium or Chrome.
    pub browser: PathBuf,
    /// Its WebDriver.
    pub driver: PathBuf,
}

/// Makes sure that the pinned Rust toolchain can compile to WebAssembly.
pub fn wasm_target() -> Result<()> {
    rust_target("wasm32-unknown-unknown", "the page runs WebAssembly")
}

/// Makes sure that the pinned Rust toolchain can compile for a target.
pub fn rust_target(target: &str, why: &str) -> Result<()> {
    let installed = rust_libraries()?.join(target).join("lib").is_dir();
    rustup(installed, "target", target, why)
}

/// Makes sure that the source of the standard library is installed, which is compiled along with each module.
pub fn rust_source() -> Result<()> {
    let installed = rust_libraries()?.join("src/rust/library").is_dir();
    let why = "the standard library is made as small as the modules are";
    rustup(installed, "component", "rust-src", why)
}

/// The folder of the pinned Rust toolchain's libraries.
fn rust_libraries() -> Result<PathBuf> {
    let sysroot = command::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib"))
}

fn rustup(installed: bool, kind: &str, name: &str, why: &str) -> Result<()> {
    if installed {
        return Ok(());
    }
    // One at a time: steps run side by side.
    static ADDING: Mutex<()> = Mutex::new(());
    let _one = ADDING.lock().expect("no step panics");
    announce_install(&format!("Rust's {kind} {name}"), why);
    command::run(Command::new("rustup").args([kind, "add", name]))
}

/// An emulator for programs of 64-bit Arm, if installed.
pub fn arm_emulator() -> Result<Option<PathBuf>> {
    let find = || command::find(&["qemu-aarch64", "qemu-aarch64-static"]);
    install_in_ci(find, "An emulator of Arm processors", &["qemu-user"])
}

/// Whether there is a C++ compiler, which libFuzzer needs.
pub fn cpp_compiler() -> Result<bool> {
    let find = || command::find(&["c++", "g++", "clang++"]);
    Ok(install_in_ci(find, "A C++ compiler", &["g++"])?.is_some())
}

/// The path of the wasm-opt script, which runs in Node.
pub fn wasm_opt(repo: &Repo) -> Result<PathBuf> {
    build_tool(repo, "binaryen/bin/wasm-opt")
}

/// The path of the esbuild script, which runs in Node.
pub fn esbuild(repo: &Repo) -> Result<PathBuf> {
    build_tool(repo, "esbuild/bin/esbuild")
}

fn build_tool(repo: &Repo, script: &str) -> Result<PathBuf> {
    let folder = repo.build_tools();
    npm_packages(
        &folder,
        "wasm-opt makes the modules smaller and faster, and esbuild bundles the workers",
    )?;
    Ok(folder.join("node_modules").join(script))
}

/// Installs the npm packages that the page tests import.
pub fn page_test_packages(repo: &Repo) -> Result<()> {
    npm_packages(&repo.page_tests(), "the page tests drive a browser with it")
}

/// Installs the npm packages that our clients stand for.
pub fn client_test_packages(repo: &Repo) -> Result<()> {
    npm_packages(&repo.client_tests(), "the clients are held against them")
}

/// Installs native llama.cpp. There is no lock file: it would require the builds for every platform and graphics card.
pub fn native_peer(folder: &Path) -> Result<()> {
    if folder.join("node_modules/node-llama-cpp").is_dir() {
        return Ok(());
    }
    announce_install(
        &format!("the npm packages of {}", folder.display()),
        "llama.cpp runs beside us, prebuilt",
    );
    let mut npm = command::npm();
    let quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    npm.current_dir(folder).arg("install").args(quiet);
    command::run(npm.args(["--omit=optional", "--no-package-lock"]))
}

/// Installs the npm packages that a folder's lock file pins, unless that has been done.
pub fn npm_packages(folder: &Path, why: &str) -> Result<()> {
    let lock = fs::File::open(folder.join("package-lock.json"))
        .with_context(|| format!("no package-lock.json in {}", folder.display()))?;
    let sum = fetch::sha256(lock)?;
    // npm clears the folder before it starts, so that the stamp proves a finished installation.
    let stamp = folder.join("node_modules").join(".installed-from");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == sum) {
        return Ok(());
    }
    ensure!(
        command::probe(Command::new("node").arg("--version")).is_some(),
        "Node.js is missing: install version 20 or later"
    );
    announce_install(&format!("the npm packages of {}", folder.display()), why);
    let mut npm = command::npm();
    npm.current_dir(folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    command::run(&mut npm)?;
    fs::write(stamp, sum)?;
    Ok(())
}

/// The folder to put first on the PATH, so that wasm-pack and wasm-bindgen's test runner are found in the right
/// versions. Tools that the PATH has in the right version are not installed again.
pub fn wasm_pack(repo: &Repo) -> Result<PathBuf> {
    let root = repo.installed_tools();
    let bin = root.join("bin");
    let tools = [
        (
            "wasm-pack",
            "wasm-pack",
            WASM_PACK,
            "it runs the tests inside a browser",
        ),
        (
            "wasm-bindgen-cli",
            "wasm-bindgen-test-runner",
            WASM_BINDGEN,
            "wasm-pack calls it",
        ),
    ];
    for (package, name, version, why) in tools {
        if has_version(&program(&bin, name), version) {
            continue;
        }
        announce_install(&format!("{package} {version} in {}", root.display()), why);
        cargo_install(package, version, &root)?;
    }
    Ok(bin)
}

/// A program in this folder, else the one on the PATH.
pub fn program(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if file.is_file() { file } else { name.into() }
}

/// Whether a program runs and reports this version.
fn has_version(program: &Path, version: &str) -> bool {
    let said = command::probe(Command::new(program).arg("--version"));
    said.is_some_and(|said| said.split_whitespace().any(|word| word == version))
}

fn cargo_install(package: &str, version: &str, root: &Path) -> Result<()> {
    let mut cargo = command::cargo();
    // Not `--locked`: a lock file in a published package may name a version withdrawn since.
    cargo
        .args([
            "install",
            package,
            "--version",
            &format!("={version}"),
            "--root",
        ])
        .arg(root);
    // Its own flags, not those of this repository. What counts is how soon it is there, so that packages share the
    // libraries that they have in common, and only those are optimised that work long.
    cargo
        .current_dir(std::env::temp_dir())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    for library in ["walrus", "wasmparser"] {
        let level = format!("profile.release.package.{library}.opt-level=1");
        cargo.args(["--config", &level]);
    }
    command::run(&mut cargo)
}

/// Finds Chromium and its driver: by the variables `CHROMIUM` and `CHROMEDRIVER`, on the PATH, or where macOS keeps
/// applications. If they are missing, installs Debian's packages when run as root, as in continuous integration; else
/// fails with advice on what to install.
pub fn chromium() -> Result<Chromium> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    let missing = "Chromium and chromedriver, which the tests run in";
    let packages = ["chromium", "chromium-driver"];
    if !debian_install(missing, &packages)? {
        bail!(
            "{missing}, are missing. Install them (on Debian: `sudo apt-get install chromium \
             chromium-driver`; on Ubuntu and macOS Chrome and a chromedriver of the same version), \
             or name them with CHROMIUM and CHROMEDRIVER."
        );
    }
    find_chromium().context("Chromium is still missing after its installation")
}

/// A browser besides Chromium in which the page is tested, if installed.
pub struct OtherBrowser {
    /// Its name in the tests.
    pub name: &'static str,
    /// The variable that names the program the tests start: the browser, or its driver.
    pub variable: &'static str,
    /// The names of the program, and where macOS keeps it.
    programs: &'static [&'static str],
    app: Option<&'static str>,
    /// Another program that the tests start along with it.
    beside: Option<&'static str>,
    /// Debian's packages.
    packages: &'static [&'static str],
}

/// Firefox as it is released; it needs no driver.
pub const FIREFOX: OtherBrowser = OtherBrowser {
    name: "firefox",
    variable: "FIREFOX",
    programs: &["firefox-esr", "firefox"],
    app: Some("/Applications/Firefox.app/Contents/MacOS/firefox"),
    beside: None,
    packages: &["firefox-esr"],
};

/// WebKitGTK, which has the engine of Safari. It has no headless mode, so that it needs a virtual display.
pub const WEBKIT: OtherBrowser = OtherBrowser {
    name: "webkit",
    variable: "WEBKIT_DRIVER",
    programs: &["WebKitWebDriver"],
    app: None,
    beside: Some("Xvfb"),
    packages: &["webkit2gtk-driver", "xvfb"],
};

impl OtherBrowser {
    /// The program to start, if it is installed.
    pub fn find(&self) -> Result<Option<PathBuf>> {
        install_in_ci(|| self.installed(), self.programs[0], self.packages)
    }

    /// Advice for where it is not installed.
    pub fn advice(&self) -> String {
        format!(
            "{} is not installed (on Debian: `sudo apt-get install {}`; elsewhere name the program with {})",
            self.programs[0],
            self.packages.join(" "),
            self.variable
        )
    }

    fn installed(&self) -> Option<PathBuf> {
        if let Some(beside) = self.beside {
            command::find(&[beside])?;
        }
        let app = || Some(PathBuf::from(self.app?)).filter(|program| program.is_file());
        std::env::var_os(self.variable)
            .map(PathBuf::from)
            .or_else(|| command::find(self.programs))
            .or_else(app)
    }
}

/// What `find` finds. In continuous integration, which sets the variable `CI`, missing programs are installed, because
/// no check may be skipped there.
fn install_in_ci(
    find: impl Fn() -> Option<PathBuf>,
    what: &str,
    packages: &[&str],
) -> Result<Option<PathBuf>> {
    let found = find();
    if found.is_some() || std::env::var_os("CI").is_none() {
        return Ok(found);
    }
    ensure!(
        debian_install(what, packages)?,
        "{what} is missing, and only root can install it, on Debian"
    );
    let found = find();
    ensure!(found.is_some(), "{what} is missing after its installation");
    Ok(found)
}

/// Installs Debian's packages if this runs as root and there is apt-get, as in continuous integration. Returns whether
/// it did.
fn debian_install(what: &str, packages: &[&str]) -> Result<bool> {
    let root = command::probe(Command::new("id").arg("-u")).is_some_and(|user| user == "0");
    let (Some(apt), true) = (command::find(&["apt-get"]), root) else {
        return Ok(false);
    };
    // One installation at a time: concurrent steps may both need one.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one = INSTALLING.lock().expect("no installation panics");
    eprintln!("{what}: installing Debian's {}.", packages.join(" "));
    let apt = || {
        let mut command = Command::new(&apt);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command::run(apt().arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    command::run(apt().args(install).args(packages))?;
    Ok(true)
}

fn find_chromium() -> Option<Chromium> {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let browser = named("CHROMIUM")
        .or_else(|| command::find(&["chromium", "chromium-browser", "google-chrome", "chrome"]))
        .or_else(|| {
            let app = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
            Some(PathBuf::from(app)).filter(|path| path.is_file())
        })?;
    let driver = named("CHROMEDRIVER").or_else(|| command::find(&["chromedriver"]))?;
    Some(Chromium { browser, driver })
}

fn announce_install(what: &str, why: &str) {
    eprintln!("Installing {what}: {why}.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pins_of_wasm_bindgen_agree() {
        for manifest in [
            include_str!("../Cargo.toml"),
            include_str!("../../Cargo.toml"),
        ] {
            assert!(
                manifest.contains(&format!("\"={WASM_BINDGEN}\"")),
                "{manifest}"
            );
        }
    }

    #[test]
    fn a_version_must_be_the_whole_word() {
        // Cargo prints `cargo 1.95.0 (…)`.
        let cargo = PathBuf::from(command::cargo().get_program());
        let said = command::probe(Command::new(&cargo).arg("--version")).unwrap();
        let version = said.split(' ').nth(1).unwrap();
        assert!(has_version(&cargo, version));
        assert!(!has_version(&cargo, &version[..version.len() - 1]));
        assert!(!has_version(
            Path::new("nexttoken-no-such-program"),
            version
        ));
    }
}
