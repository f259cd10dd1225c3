//! Training on the command line, run as a program.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::cli::*;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

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
    let arguments = [&out[..], &["--steps", "80", "--seed", "1"]].concat();
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

/// As [`json`], where stderr has something to say too.
fn json_of_stdout(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
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

#[test]
fn tells_stories() {
    let stories = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_nexttoken"))
            .arg("stories")
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let three = stories(&["--seed", "4", "--count", "3"]);
    assert_eq!(three.matches("<|endoftext|>").count(), 2);
    assert!(three.starts_with(&stories(&["--seed", "4"])));
}
