//! `cargo bench-browser`: runs our package and its peers in turn on one model file, in headless Chromium, and compares
//! their speed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::repo::Repo;
use crate::serve::{Mount, Server};
use crate::{command, fetch, model, site, tools};

/// The system that runs outside the browser.
const NATIVE: &str = "llama.cpp";

/// All systems, in the order of a round.
pub const SYSTEMS: [&str; 6] = [
    "nexttoken",
    "nexttoken-simd128",
    "wllama",
    "wllama-2.3.1",
    "flare",
    NATIVE,
];

/// What every system reads and goes on with before it is timed.
const WARM_UP: &str = "Once upon a time there was a girl who lived near the sea.";

/// The options of a comparison.
pub struct Benchmark {
    /// The model; the sample where none is named.
    pub model: Option<PathBuf>,
    /// The number of threads, for the systems that have threads.
    pub threads: usize,
    /// How often every system runs.
    pub rounds: usize,
    /// Tokens to write.
    pub tokens: usize,
    /// Also run native llama.cpp; `only` says it by its name.
    pub native: bool,
    /// If not empty, these of [`SYSTEMS`] run, and no others.
    pub only: Vec<String>,
    /// Print rows as JSON.
    pub json: bool,
}

/// A text to read, and its tokens by our tokenizer for the systems that take ids. The others must have as many, or they
/// could not be compared.
#[derive(Serialize)]
struct Prompt {
    text: String,
    ids: Vec<u32>,
}

/// One run, or the medians of several.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Row {
    system: String,
    threads: usize,
    /// Tokens per second from the request to the first token.
    #[serde(default)]
    prefill: f64,
    /// Tokens per second after the first.
    decode: f64,
    ttft_ms: f64,
    load_ms: f64,
    /// WebAssembly and JavaScript, gzipped.
    wire_bytes: Option<f64>,
    peak_bytes: Option<f64>,
}

/// Runs the comparison, and prints a table or rows of JSON.
pub fn benchmark(repo: &Repo, benchmark: &Benchmark) -> Result<()> {
    let file = match &benchmark.model {
        Some(file) => file
            .canonicalize()
            .with_context(|| format!("cannot open {}", file.display()))?,
        None => fetch::ensure(&model::SAMPLE, &repo.models(), None)?,
    };
    site::package(repo)?;
    let prompt = fs::read_to_string(repo.browser_bench().join("prompt.txt"))?;
    eprintln!("The native program is built, for its tokenizer: the first time takes minutes.");
    let prompt = tokenize(repo, &file, prompt.trim_end())?;
    let warm_up = tokenize(repo, &file, WARM_UP)?;
    let prompt_tokens = prompt.ids.len();
    let runs = run(repo, benchmark, &file, &prompt, &warm_up)?;

    let mut rows = medians(runs);
    for row in &mut rows {
        row.prefill = prompt_tokens as f64 / row.ttft_ms * 1000.0;
    }
    if benchmark.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!(
            "\n{name}: {prompt_tokens} tokens read, {} written, medians of {}\n",
            benchmark.tokens, benchmark.rounds
        );
        print!("{}", table(&rows));
    }
    Ok(())
}

/// The results of all runs: in each round every system runs once.
fn run(
    repo: &Repo,
    benchmark: &Benchmark,
    file: &Path,
    prompt: &Prompt,
    warm_up: &Prompt,
) -> Result<Vec<Row>> {
    let (native, in_browser) = chosen(&benchmark.only, benchmark.native);
    tools::npm_packages(
        &repo.browser_bench(),
        "the peers, and what drives a browser",
    )?;
    if native {
        tools::native_peer(&repo.native_bench())?;
    }
    let server = Server::bind(Some(0), mounts(repo, file)?)?.isolated();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let job = json!({
        "browser": tools::chromium()?.browser,
        "origin": server.origin(),
        "model": format!("/model/{name}"),
        "file": file,
        "prompt": prompt,
        "warm_up": warm_up,
        "tokens": benchmark.tokens,
        "threads": benchmark.threads,
        "systems": in_browser,
        "rounds": 1,
    })
    .to_string();
    server.run_in_background();

    let mut rows = Vec::new();
    for round in 1..=benchmark.rounds {
        eprintln!("round {round} of {}", benchmark.rounds);
        rows.extend(node(&repo.browser_bench(), "race.mjs", &job)?);
        if native {
            rows.extend(node(&repo.native_bench(), "native.mjs", &job)?);
        }
    }
    Ok(rows)
}

/// Whether native llama.cpp runs, and which systems run in the browser.
fn chosen(only: &[String], native: bool) -> (bool, Vec<&'static str>) {
    let is_named = |name: &str| only.iter().any(|only| only == name);
    let in_browser = SYSTEMS.into_iter().filter(|&name| name != NATIVE);
    match only {
        [] => (native, in_browser.collect()),
        _ => (
            is_named(NATIVE),
            in_browser.filter(|name| is_named(name)).collect(),
        ),
    }
}

fn mounts(repo: &Repo, file: &Path) -> Result<Vec<Mount>> {
    let mount = |prefix, folder| Mount { prefix, folder };
    let models = file.parent().context("a model without a folder")?;
    Ok(vec![
        mount("/model/", models.to_path_buf()),
        mount("/race/", repo.browser_bench()),
        mount("/pkg/", repo.package()),
    ])
}

/// The rows that a script prints. Other output, of libraries, is ignored.
fn node(folder: &Path, script: &str, job: &str) -> Result<Vec<Row>> {
    let mut node = Command::new("node");
    let printed = command::output(node.current_dir(folder).args([script, job]))?;
    let rows: Vec<Row> = printed
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    for row in &rows {
        eprintln!(
            "  {:<18} first token {:>8.0} ms, {:>6.1} tok/s",
            row.system, row.ttft_ms, row.decode
        );
    }
    Ok(rows)
}

/// The tokens of a text by our tokenizer.
fn tokenize(repo: &Repo, file: &Path, text: &str) -> Result<Prompt> {
    #[derive(Deserialize)]
    struct Tokens {
        ids: Vec<u32>,
    }
    let mut cargo = command::cargo();
    cargo.current_dir(repo.root()).args([
        "run",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        "nexttoken",
        "--",
        "tokenize",
    ]);
    let printed = command::output(cargo.arg(file).args(["--text", text, "--json"]))?;
    let Tokens { ids } = serde_json::from_str(&printed)?;
    let text = text.to_owned();
    Ok(Prompt { text, ids })
}

/// One row for each system, in the order they first ran.
fn medians(runs: Vec<Row>) -> Vec<Row> {
    let mut order = Vec::new();
    let mut by_system: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for run in runs {
        if !order.contains(&run.system) {
            order.push(run.system.clone());
        }
        by_system.entry(run.system.clone()).or_default().push(run);
    }
    order
        .into_iter()
        .filter_map(|system| {
            let runs = by_system.remove(&system)?;
            let of = |value: fn(&Row) -> Option<f64>| median(runs.iter().filter_map(value));
            Some(Row {
                system,
                threads: runs[0].threads,
                prefill: 0.0,
                decode: of(|row| Some(row.decode))?,
                ttft_ms: of(|row| Some(row.ttft_ms))?,
                load_ms: of(|row| Some(row.load_ms))?,
                wire_bytes: of(|row| row.wire_bytes),
                peak_bytes: of(|row| row.peak_bytes),
            })
        })
        .collect()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        len if len % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// The results as a Markdown table; `×` is our speed as a multiple of the peer's.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| system | threads | prefill, tok/s | decode, tok/s | first token, ms | load, ms | wasm + JS, kB gzipped | peak memory, MB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let ours = rows.iter().find(|row| row.system == "nexttoken");
    let ratio = |value: fn(&Row) -> f64, row: &Row| match ours {
        Some(ours) if ours.system != row.system => format!(" ({:.2} ×)", value(ours) / value(row)),
        _ => String::new(),
    };
    let optional = |value: Option<f64>, unit: f64| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{:.0}", value / unit))
    };
    for row in rows {
        text += &format!(
            "| {} | {} | {:.0}{} | {:.1}{} | {:.0} | {:.0} | {} | {} |\n",
            row.system,
            row.threads,
            row.prefill,
            ratio(|row| row.prefill, row),
            row.decode,
            ratio(|row| row.decode, row),
            row.ttft_ms,
            row.load_ms,
            optional(row.wire_bytes, 1e3),
            optional(row.peak_bytes, 1e6),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(system: &str, decode: f64, peak_bytes: Option<f64>) -> Row {
        Row {
            system: system.to_owned(),
            threads: 1,
            prefill: 2.0 * decode,
            decode,
            ttft_ms: 1.0,
            load_ms: 1.0,
            wire_bytes: None,
            peak_bytes,
        }
    }

    #[test]
    fn medians_are_taken_for_each_system() {
        let runs = [("b", 1.0), ("a", 5.0), ("b", 9.0), ("a", 7.0), ("b", 2.0)];
        let rows = medians(
            runs.into_iter()
                .map(|(system, decode)| row(system, decode, None))
                .collect(),
        );
        let short: Vec<_> = rows
            .iter()
            .map(|row| (row.system.as_str(), row.decode))
            .collect();
        assert_eq!(short, [("b", 2.0), ("a", 6.0)]);
    }

    #[test]
    fn only_the_named_systems_run() {
        let named = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen(&[], true), (true, SYSTEMS[..5].to_vec()));
        assert!(!chosen(&[], false).0);
        assert_eq!(chosen(&named(&["wllama"]), true), (false, vec!["wllama"]));
        assert_eq!(chosen(&named(&["llama.cpp"]), false), (true, vec![]));
    }

    #[test]
    fn the_table_tells_how_much_faster_we_are() {
        let rows = [row("nexttoken", 60.0, Some(2e8)), row("other", 20.0, None)];
        let table = table(&rows);
        assert!(
            table.contains("| other | 1 | 40 (3.00 ×) | 20.0 (3.00 ×) | 1 | 1 | – | – |"),
            "{table}"
        );
        assert!(
            table.contains("| nexttoken | 1 | 120 | 60.0 | 1 | 1 | – | 200 |"),
            "{table}"
        );
    }
}
