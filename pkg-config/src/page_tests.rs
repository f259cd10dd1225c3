//! The tests of the page in browsers: the files of `tests/browser`, each run by Node against a server of the site.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, bail};

use crate::repo::Repo;
use crate::serve::Server;
use crate::{command, javascript, page};

/// A browser that the tests drive.
pub struct Browser<'a> {
    /// Its name in `tests/browser/harness.mjs`.
    pub name: &'a str,
    /// The environment variable with its program.
    pub variable: &'a str,
    /// Its program, or that of its driver.
    pub program: &'a Path,
    /// How many test files run at the same time; each starts a browser, which keeps about one core busy.
    pub side_by_side: usize,
}

/// Runs all test files in a browser. A file that fails is run once more, because browsers hang now and then by
/// themselves; both runs are shown, and a file that fails twice fails the whole.
pub fn run(repo: &Repo, browser: &Browser) -> Result<()> {
    let server = Server::bind(Some(0), page::mounts(repo, repo.site()))?;
    let origin = server.origin();
    server.run_in_background();
    let files = javascript::tests(&repo.page_tests())?;
    let failed = run_all(&files, browser.side_by_side, |file| {
        let mut node = Command::new("node");
        node.current_dir(repo.root())
            .args(["--test", "--test-reporter=spec"])
            .arg(file)
            .env("NEXTTOKEN_ORIGIN", &origin)
            .env("NEXTTOKEN_BROWSER", browser.name)
            .env(browser.variable, browser.program);
        command::run_named(browser.name, &mut node)
    });
    if !failed.is_empty() {
        bail!("failed twice in {}: {}", browser.name, failed.join(", "));
    }
    Ok(())
}

/// Runs files, several at the same time, and once more those that fail. Returns the names of those that fail twice.
fn run_all(
    files: &[PathBuf],
    side_by_side: usize,
    run: impl Fn(&Path) -> Result<()> + Sync,
) -> Vec<String> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Err(first) = run(file) else { continue };
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            eprintln!("{name} is run once more, because of: {first:#}");
            match run(file) {
                Ok(()) => eprintln!("{name} passed when it was run once more"),
                Err(_) => failed
                    .lock()
                    .expect("no run panics")
                    .push(name.into_owned()),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(work);
        }
    });
    failed.into_inner().expect("no run panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_twice_fails_and_every_file_is_run() {
        let files = ["good", "flaky", "bad", "fine"].map(PathBuf::from);
        let runs = Mutex::new(Vec::new());
        let failed = run_all(&files, 2, |file| {
            let mut runs = runs.lock().unwrap();
            let again = runs.iter().any(|run| run == file);
            runs.push(file.to_path_buf());
            match file.to_str() {
                Some("bad") => bail!("always"),
                Some("flaky") if !again => bail!("at first"),
                _ => Ok(()),
            }
        });
        assert_eq!(failed, ["bad"]);
        let runs = runs.into_inner().unwrap();
        let count = |name: &str| runs.iter().filter(|run| **run == Path::new(name)).count();
        assert_eq!(["good", "flaky", "bad", "fine"].map(count), [1, 2, 2, 1]);
    }
}
