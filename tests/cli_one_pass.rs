//! The commands `embed`, `decide` and `rerank`, run as a program on small models.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::cli::*;
use common::*;
use std::path::Path;

#[test]
fn embeds_decides_and_reranks() {
    let model = file("one-pass.gguf", &spelling_model(&spell(b"abcdef")));
    let texts = ["--text", "abc", "--text", "fed", "--json"];
    let vectors = json(&nexttoken("embed", &model, &texts));
    assert_eq!(vectors.as_array().unwrap().len(), 2);
    assert_eq!(vectors[1].as_array().unwrap().len(), HIDDEN);
    let output = nexttoken(
        "embed",
        &model,
        &["--text", "a", "--pooling", "mean", "--no-normalize"],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.split_whitespace().count(), HIDDEN, "{text}");

    // An encoder embeds by the same command, and gives what the library does.
    let bert = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoder/tiny.f32.gguf");
    let vectors = json(&nexttoken("embed", &bert, &["--text", "the cat", "--json"]));
    let encoder = nexttoken::encoder::Encoder::open(&bert).unwrap();
    let expected = encoder.embed(&["the cat"], Default::default()).unwrap();
    assert_eq!(
        serde_json::from_value::<Vec<Vec<f32>>>(vectors).unwrap(),
        expected
    );

    // By either kind a text that is too long is an error, unless it may be cut.
    for model in [&model, &bert] {
        let text = "cat ".repeat(1000);
        let texts = ["--text", &text, "--json"];
        assert_eq!(error(&nexttoken("embed", model, &texts)), "prompt_too_long");
        let cut = json(&nexttoken(
            "embed",
            model,
            &[&texts[..], &["--truncate"]].concat(),
        ));
        assert_eq!(cut.as_array().unwrap().len(), 1);
    }

    let choices = ["--prompt", "ab", "--choice", "fe", "--choice", "cd"];
    let decision = json(&nexttoken(
        "decide",
        &model,
        &[&choices[..], &["--json"]].concat(),
    ));
    assert_eq!(decision["best"], "cd");
    assert!(decision["choices"][1]["probability"].as_f64().unwrap() > 0.9);
    let output = nexttoken("decide", &model, &choices);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.lines().count() == 2 && text.contains("\"cd\""),
        "{text}"
    );
    let yes_or_no = json(&nexttoken("decide", &model, &["--prompt", "ab", "--json"]));
    assert_eq!(yes_or_no["choices"][0]["text"], "yes");
    assert!(yes_or_no.get("expected").is_none());
    let numbers = "--prompt ab1 --choice 1 --choice 5 --json".split(' ');
    let numbers: Vec<&str> = numbers.collect();
    // The model spells "1" after "1".
    let numbers = json(&nexttoken("decide", &model, &numbers));
    assert!((numbers["expected"].as_f64().unwrap() - 1.0).abs() < 0.1);

    let template = "{query}{document}";
    let documents = [
        "--query",
        "q",
        "--document",
        "x",
        "--document",
        "y",
        "--template",
        template,
    ];
    let ranking = json(&nexttoken(
        "rerank",
        &model,
        &[&documents[..], &["--json"]].concat(),
    ));
    // The model spells "y" after "y".
    assert_eq!(ranking[0]["index"], 1);
    assert!(ranking[0]["score"].as_f64() > ranking[1]["score"].as_f64());
    let output = nexttoken("rerank", &model, &documents);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.lines().next().unwrap().contains("\"y\""), "{text}");
}
