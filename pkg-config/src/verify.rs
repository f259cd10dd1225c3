//! `cargo verify`: runs every check, in the order in which problems show soonest.

use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::repo::Repo;
use crate::{javascript, tools};

mod steps;

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<()>,
}

const fn step(name: &'static str, what: &'static str, run: fn(&Repo) -> Result<()>) -> Step {
    Step { name, what, run }
}

/// Steps that run one after the other.
type Lane = &'static [Step];

/// The steps in their order: stages, whose lanes run at the same time, because many a step keeps little more than one core
/// busy.
const STAGES: &[&[Lane]] = &[
    &[&[step("format", "the code is formatted", steps::format)]],
    &[NATIVE, WASM],
    &[&[step(
        "page-test",
        "the page, driven in Chromium",
        steps::page_test,
    )]],
    &[
        &[step(
            "firefox-test",
            "the page, driven in Firefox",
            |repo| steps::other_page_test(repo, &tools::FIREFOX),
        )],
        &[step(
            "webkit-test",
            "the page, driven in WebKitGTK",
            |repo| steps::other_page_test(repo, &tools::WEBKIT),
        )],
    ],
];

const NATIVE: Lane = &[
    step("clippy", "no lint, natively", steps::clippy),
    step(
        "clippy-wasm",
        "no lint, in the WebAssembly build",
        steps::clippy_wasm,
    ),
    step(
        "doc",
        "the documentation builds without a warning",
        steps::doc,
    ),
    step(
        "model",
        "the models of the tests are cached and intact",
        steps::fetch_models,
    ),
    step(
        "test",
        "native tests, those on whole models too",
        steps::test,
    ),
    step(
        "neon",
        "the kernels of aarch64 compile, and pass their tests where they can be run",
        steps::neon,
    ),
    step(
        "fuzz",
        "the fuzz targets of the engine find nothing in their first inputs",
        steps::fuzz_briefly,
    ),
];

const WASM: Lane = &[
    step(
        "build",
        "the package builds and keeps its size budget",
        steps::build,
    ),
    step(
        "js",
        "the JavaScript is formatted, without lints, and its types hold",
        javascript::check,
    ),
    step(
        "wasm-test",
        "wasm-pack tests in headless Chromium",
        steps::wasm_test,
    ),
];

fn all_steps() -> impl Iterator<Item = &'static Step> {
    STAGES.iter().copied().flatten().copied().flatten()
}

/// Prints the steps.
pub fn list() {
    for step in all_steps() {
        println!("{:<12} {}", step.name, step.what);
    }
}

/// Runs all steps, or those in `only`, up to the first that fails, and prints a summary. What runs at the same time as
/// that one is finished.
pub fn verify(repo: &Repo, only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| all_steps().all(|step| step.name != *name))
    {
        bail!("there is no step {unknown}; `cargo verify --list` prints them");
    }
    let is_chosen = |step: &Step| only.is_empty() || only.iter().any(|name| name == step.name);
    let run = Run::default();
    for stage in STAGES {
        thread::scope(|scope| {
            for &lane in *stage {
                scope.spawn(|| {
                    let chosen = lane.iter().filter(|step| is_chosen(step));
                    chosen.for_each(|step| run.step(repo, step));
                });
            }
        });
    }
    run.finish()
}

/// The results of the steps that have run so far.
#[derive(Default)]
struct Run {
    /// A line for each step.
    summary: Mutex<Vec<String>>,
    failures: Mutex<Vec<anyhow::Error>>,
}

impl Run {
    /// Runs a step, unless one has failed.
    fn step(&self, repo: &Repo, step: &Step) {
        if !self.failures().is_empty() {
            return self.add(step, None, "not run");
        }
        eprintln!("\n==> {}: {}", step.name, step.what);
        let start = Instant::now();
        let outcome = (step.run)(repo);
        let time = Some(start.elapsed());
        match outcome {
            Ok(()) => self.add(step, time, "passed"),
            Err(error) => match error.downcast_ref() {
                Some(Skipped(reason)) => {
                    eprintln!("{} is skipped: {reason}", step.name);
                    self.add(step, time, "skipped");
                }
                None => {
                    self.add(step, time, "FAILED");
                    let error = error.context(format!("step {} failed", step.name));
                    self.failures().push(error);
                }
            },
        }
    }

    fn failures(&self) -> MutexGuard<'_, Vec<anyhow::Error>> {
        self.failures.lock().expect("no step panics")
    }

    fn add(&self, step: &Step, time: Option<Duration>, verdict: &str) {
        let Step { name, what, .. } = step;
        let seconds = time.map_or_else(String::new, |time| format!("{:.1} s", time.as_secs_f64()));
        let line = format!("{name:<12} {verdict:<7} {seconds:>10}  {what}");
        eprintln!("<== {line}");
        self.summary.lock().expect("no step panics").push(line);
    }

    /// Prints the summary and the failures; the last failure is told by the caller.
    fn finish(&self) -> Result<()> {
        let summary = self.summary.lock().expect("no step panics");
        eprintln!("\n==> summary\n{}", summary.join("\n"));
        let mut failures = self.failures();
        let last = failures.pop();
        for error in &*failures {
            eprintln!("error: {error:#}");
        }
        last.map_or(Ok(()), Err)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_differ() {
        for (index, step) in all_steps().enumerate() {
            assert!(
                all_steps()
                    .skip(index + 1)
                    .all(|other| other.name != step.name)
            );
        }
    }

    #[test]
    fn nothing_is_begun_after_a_failure() {
        let repo = Repo::find().unwrap();
        let run = Run::default();
        run.step(&repo, &step("first", "passes", |_| Ok(())));
        run.step(
            &repo,
            &step("second", "is skipped", |_| {
                bail!(Skipped("no reason".to_owned()))
            }),
        );
        run.step(&repo, &step("third", "fails", |_| bail!("a reason")));
        run.step(
            &repo,
            &step("fourth", "is not reached", |_| panic!("it is run")),
        );
        let summary = run.summary.lock().unwrap().clone();
        let verdicts = ["passed", "skipped", "FAILED", "not run"];
        assert!(
            summary.len() == 4
                && summary
                    .iter()
                    .zip(verdicts)
                    .all(|(line, verdict)| line.contains(verdict)),
            "{summary:?}"
        );
        let error = run.finish().unwrap_err();
        assert_eq!(format!("{error:#}"), "step third failed: a reason");
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let error = verify(&Repo::find().unwrap(), &["no-such-step".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("no-such-step"));
    }
}
