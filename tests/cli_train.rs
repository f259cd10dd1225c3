//! Training on the command line, run as a program.
#![cfg(not(target_arch = "wasm32"))]

mod common;
#[path = "../src/test_random.rs"]
mod test_random;

use common::cli::*;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Output;
use test_random::TestRandom;

/// What the tests of training learn from.
const FABLE: &str =
    "The owl saw the fox run to the river. \"Hello,\" said the fox, and they played until night. ";

#[test]
fn trains_a_model_that_generates() {
    let corpus = file("fable.txt", FABLE.repeat(40).as_bytes());
    let model = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fable.gguf");
    let checkpoint = model.with_extension("gguf.checkpoint");
    let out = [
        "--out",
        model.to_str().unwrap(),
        "--preset",
        "tiny",
        "--json",
    ];
    let arguments = [
        &out[..],
        &["--steps", "80", "--seed", "1", "--patience", "0"],
    ]
    .concat();
    let result = json_of_stdout(&nexttoken("train", &corpus, &arguments));
    assert_eq!(result["steps"], 80);
    let (loss, unigram) = (
        &result["validation"]["loss"],
        &result["baselines"]["unigram"],
    );
    assert!(
        loss.as_f64().unwrap() < unigram.as_f64().unwrap() / 2.0,
        "{result}"
    );
    assert!(!checkpoint.exists());
    let greedy = [
        "--prompt",
        "The owl",
        "--temperature",
        "0",
        "--max-tokens",
        "8",
        "--json",
    ];
    let text = json(&nexttoken("generate", &model, &greedy));
    assert!(
        text["text"].as_str().unwrap().starts_with(" saw the fox"),
        "{text}"
    );
    let whole = json(&nexttoken(
        "generate",
        &model,
        &["--prompt", "", "--seed", "1", "--json"],
    ));
    assert!(!whole["text"].as_str().unwrap().is_empty());
    let inspected = json(&nexttoken("inspect", &model, &["--json"]));
    assert_eq!(inspected["tokenizer"], "gpt2/gpt-2");
    let few = [corpus.to_str().unwrap(), "--samples", "3", "--json"];
    let measured = json(&nexttoken("evaluate", &model, &few));
    assert!(measured["variety"]["texts"] == 3 && measured["perplexity"].as_f64().unwrap() > 1.0);
}

/// The defaults follow from the size of the text: a few chapters are read often, and what is written knows more of the
/// held-out end than how often each token comes.
#[test]
fn the_defaults_learn_from_a_short_text() {
    let book = include_str!("../www/alice.txt");
    let corpus = file("chapters.txt", &book.as_bytes()[..30_000]);
    let model = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chapters.gguf");
    let out = ["--out", model.to_str().unwrap(), "--json"];
    let arguments = [&out[..], &["--preset", "tiny", "--seed", "1"]].concat();
    let result = json_of_stdout(&nexttoken("train", &corpus, &arguments));
    let loss = result["validation"]["loss"].as_f64().unwrap();
    let unigram = result["baselines"]["unigram"].as_f64().unwrap();
    assert!(loss < unigram - 0.5, "{result}");
    // The file holds the state that this was measured of. It is measured again with activations of eight bits.
    let few = [corpus.to_str().unwrap(), "--samples", "1", "--json"];
    let measured = json(&nexttoken("evaluate", &model, &few));
    let again = measured["loss"].as_f64().unwrap();
    assert!((again - loss).abs() < 0.02, "{measured} {result}");
}

/// As [`json`], where stderr has something to say too.
fn json_of_stdout(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Numbers in a random order can only be guessed: the longer they are learnt by heart, the worse others are foretold.
#[test]
fn the_file_is_the_best_state() {
    let mut random = TestRandom(1);
    let mut number = || random.next_u16() >> 8;
    let text: Vec<String> = (0..3000).map(|_| number().to_string()).collect();
    let corpus = file("numbers.txt", text.join(" ").as_bytes());
    let model = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("numbers.gguf");
    let train = |more: &[&str]| {
        let out = ["--out", model.to_str().unwrap(), "--json"];
        let small = ["--preset", "tiny", "--type", "f32", "--weight-decay", "0"];
        let output = nexttoken("train", &corpus, &[&out[..], &small, more].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (json_of_stdout(&output), told)
    };
    let (result, told) = train(&["--steps", "250", "--patience", "0"]);
    assert_eq!(result["steps"], 250);
    assert_eq!(result["stopped_early"], false);
    // What was said of each look.
    let looks: Vec<(u64, f64)> = told
        .lines()
        .filter_map(|line| {
            let (step, rest) = line.strip_prefix("step ")?.split_once(':')?;
            let loss = rest.split_once("held out ")?.1.split(' ').next()?;
            Some((step.trim().parse().ok()?, loss.parse().ok()?))
        })
        .collect();
    assert_eq!(looks.len(), 25, "{told}");
    let (step, loss) = *looks.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(result["best_step"], step);
    let last = looks.last().unwrap().1;
    assert!(loss + 0.3 < last, "{looks:?}");
    let few = [corpus.to_str().unwrap(), "--samples", "1", "--json"];
    let evaluated = || {
        let measured = json(&nexttoken("evaluate", &model, &few));
        measured["loss"].as_f64().unwrap()
    };
    // `evaluate` leaves the end of the text out.
    assert!((evaluated() - loss).abs() < 0.05, "{} {loss}", evaluated());

    // With patience it ends soon after, says so, and writes the same.
    let (early, _) = train(&["--steps", "250"]);
    assert_eq!(early["stopped_early"], true);
    assert_eq!(early["best_step"], step);
    assert_eq!(early["steps"].as_u64().unwrap(), step + 6 * 10);
    assert!((evaluated() - loss).abs() < 0.05);
}

#[test]
fn a_text_without_white_space_is_learnt() {
    // Sentences of a few hundred different phrases, one after the other.
    let phrases = [
        "静かな朝に",
        "長い手紙を",
        "書き続けた。",
        "川のほとりで",
        "木の舟を作り",
        "待っていた。",
    ];
    let text: String = (0..2400usize)
        .map(|n| phrases[n * (n / 7 + 1) % 6])
        .collect();
    let corpus = file("japanese.txt", text.as_bytes());
    let model = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("japanese.gguf");
    let out = ["--out", model.to_str().unwrap(), "--json"];
    let arguments = [&out[..], &["--preset", "tiny", "--steps", "60"]].concat();
    let result = json_of_stdout(&nexttoken("train", &corpus, &arguments));
    let (loss, unigram) = (
        result["validation"]["loss"].as_f64().unwrap(),
        result["baselines"]["unigram"].as_f64().unwrap(),
    );
    assert!(loss < unigram, "{result}");
    // Without a seed, one text in many begins with its end.
    let sampling = ["--max-tokens", "8", "--seed", "1"];
    let arguments = [&["--prompt", "静かな", "--json"], &sampling[..]].concat();
    let written = json(&nexttoken("generate", &model, &arguments));
    assert!(!written["text"].as_str().unwrap().is_empty());
}

#[test]
fn what_cannot_be_trained_on_is_an_error() {
    let model = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("never.gguf");
    let out = ["--out", model.to_str().unwrap(), "--json"];
    let code = |corpus: &PathBuf, arguments: &[&str]| {
        error(&nexttoken("train", corpus, &[&out[..], arguments].concat()))
    };
    let good = file("good.txt", FABLE.repeat(40).as_bytes());
    assert_eq!(code(&file("empty.txt", b""), &[]), "corpus_too_small");
    assert_eq!(
        code(&file("short.txt", b"a few words"), &[]),
        "corpus_too_small"
    );
    assert_eq!(
        code(&file("latin.txt", b"caf\xe9 au lait"), &[]),
        "not_utf8"
    );
    assert_eq!(code(&PathBuf::from("no/such/text"), &[]), "io");
    assert_eq!(code(&good, &["--resume"]), "io");
    assert_eq!(code(&good, &["--batch-size", "0"]), "invalid_option");
    assert!(!model.exists());
}
