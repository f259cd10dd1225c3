//! The tests of the page in browsers: the files of `tests/browser`, each run by Node against a server of the site.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

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

/// The most lines of a failed run that its error quotes.
const QUOTED: usize = 25;
/// The most characters of such a line.
const WIDTH: usize = 300;

/// The files that take longest. They are begun first, so that at the end no core waits for one of them.
const LONGEST: [&str; 5] = [
    "faulty-models.test.mjs",
    "faulty-page.test.mjs",
    "reference.test.mjs",
    "threads.test.mjs",
    "training.test.mjs",
];

/// Runs all test files in a browser. A file that fails is run once more, because browsers hang now and then by
/// themselves; both runs are shown, and a file that fails twice fails the whole. The error says why, for logs of which
/// only the end is kept.
pub fn run(repo: &Repo, browser: &Browser) -> Result<()> {
    let server = Server::bind(Some(0), page::mounts(repo, repo.site()))?.isolated();
    let origin = server.origin();
    server.run_in_background();
    let mut files = javascript::tests(&repo.page_tests())?;
    files.sort_by_key(|file| !LONGEST.iter().any(|name| file.ends_with(name)));
    let failed = run_all(&files, browser.side_by_side, |file| {
        let mut node = Command::new("node");
        node.current_dir(repo.root())
            .args(["--test", "--test-reporter=spec"])
            .arg(file)
            .env("NEXTTOKEN_ORIGIN", &origin)
            .env("NEXTTOKEN_BROWSER", browser.name)
            .env(browser.variable, browser.program);
        let start = Instant::now();
        let outcome = command::run_named(browser.name, &mut node, digest);
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{} took {seconds:.1} s in {}", file.display(), browser.name);
        outcome
    });
    if !failed.is_empty() {
        let names: Vec<_> = failed.iter().map(|file| file.name.as_str()).collect();
        let reports: String = failed.iter().map(Failed::report).collect();
        bail!(
            "failed twice in {}: {}{reports}",
            browser.name,
            names.join(", ")
        );
    }
    Ok(())
}

/// What a person needs to see of a failed run of Node's tests: the failing tests and their errors, or where it has not come
/// to that, its last lines.
fn digest(output: &[String]) -> String {
    let failing = output
        .iter()
        .position(|line| line.ends_with(" failing tests:"));
    let lines = match failing {
        Some(heading) => &output[heading + 1..],
        None => &output[output.len().saturating_sub(QUOTED)..],
    };
    // The calls that led to an error, within Node.
    let is_inner = |line: &str| line.contains(" (node:") || line.contains("at node:");
    let said = lines
        .iter()
        .filter(|line| !line.trim().is_empty() && !is_inner(line));
    let said: Vec<String> = said
        .map(|line| line.chars().take(WIDTH).collect())
        .collect();
    let (shown, rest) = said.split_at(said.len().min(QUOTED));
    let mut quoted = shown.to_vec();
    if !rest.is_empty() {
        quoted.push(format!("({} more lines, of these tests too:)", rest.len()));
        let names = rest.iter().filter(|line| line.starts_with('✖'));
        quoted.extend(names.cloned());
    }
    quoted.join("\n")
}

/// A file that failed twice.
#[derive(Debug)]
struct Failed {
    name: String,
    errors: [anyhow::Error; 2],
}

impl Failed {
    fn report(&self) -> String {
        let [first, second] = &self.errors;
        format!(
            "\n\n--- {0}, first run: {first:#}\n--- {0}, second run: {second:#}",
            self.name
        )
    }
}

/// Runs files, several at the same time, and once more those that fail. Returns those that fail twice.
fn run_all(
    files: &[PathBuf],
    side_by_side: usize,
    run: impl Fn(&Path) -> Result<()> + Sync,
) -> Vec<Failed> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Err(first) = run(file) else { continue };
            let name = file.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            eprintln!("{name} is run once more, because of: {first:#}");
            match run(file) {
                Ok(()) => eprintln!("{name} passed when it was run once more"),
                Err(second) => failed.lock().expect("no run panics").push(Failed {
                    name,
                    errors: [first, second],
                }),
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
                Some("bad") if again => bail!("again"),
                Some("bad") => bail!("at once"),
                Some("flaky") if !again => bail!("at first"),
                _ => Ok(()),
            }
        });
        let [bad] = &failed[..] else {
            panic!("{failed:?}")
        };
        let report = bad.report();
        assert!(report.contains("bad, first run: at once"), "{report}");
        assert!(report.contains("bad, second run: again"), "{report}");
        let runs = runs.into_inner().unwrap();
        let count = |name: &str| runs.iter().filter(|run| **run == Path::new(name)).count();
        assert_eq!(["good", "flaky", "bad", "fine"].map(count), [1, 2, 2, 1]);
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_failed_run_is_told_by_its_failing_tests() {
        let output = lines(
            "✔ good (1ms)\n✖ bad (2ms)\n  Error: in between\nℹ fail 1\n\n✖ failing tests:\n\ntest at a.test.mjs:5:1\n\
             ✖ bad (2ms)\n  Error: no answer\n      at call (file:///a.test.mjs:7:3)\n      \
             at async Test.run (node:internal/test_runner/test:797:9)",
        );
        assert_eq!(
            digest(&output),
            "test at a.test.mjs:5:1\n✖ bad (2ms)\n  Error: no answer\n      at call (file:///a.test.mjs:7:3)"
        );
    }

    #[test]
    fn a_run_that_ended_early_is_told_by_its_last_lines_and_a_long_one_in_short() {
        let output: Vec<String> = (0..100).map(|number| format!("line {number}")).collect();
        let told = digest(&output);
        assert!(
            told.starts_with("line 75\n") && told.ends_with("\nline 99"),
            "{told}"
        );
        let many = [lines("✖ failing tests:"), output, lines("✖ another")].concat();
        let end = "\nline 24\n(76 more lines, of these tests too:)\n✖ another";
        assert!(digest(&many).ends_with(end));
        let wide = [lines("✖ failing tests:"), vec!["x".repeat(9000)]].concat();
        assert_eq!(digest(&wide).len(), WIDTH);
        assert_eq!(digest(&[]), "");
    }
}
