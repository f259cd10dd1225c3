//! The command line, run as a program on a small model.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::cli::*;
use common::*;
use nexttoken::quant::TensorType;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn generates() {
    let model = file("generate.gguf", &random_model(TensorType::Q4_1));
    let arguments = [
        "--prompt",
        PINNED_PROMPT,
        "--max-tokens",
        "16",
        "--temperature",
        "1",
        "--seed",
        "42",
        "--json",
    ];
    let result = json(&nexttoken("generate", &model, &arguments));
    let ids: Vec<u64> = result["ids"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!(ids, PINNED_IDS.map(u64::from));
    assert_eq!(result["finish_reason"], "length");
    assert_eq!(result["seed"], 42);
    assert!(!result["prompt_ids"].as_array().unwrap().is_empty());
    assert!(
        result["timings"]["prefill_tokens_per_second"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    assert!(
        result["timings"]["decode_tokens_per_second"]
            .as_f64()
            .unwrap()
            > 0.0
    );
}

/// Any part names the whole model.
#[test]
fn runs_a_model_in_parts() {
    let parts = cut(&random_model(TensorType::Q4_1), 3);
    let name = |number: usize| format!("cut-{number:05}-of-00003.gguf");
    let paths: Vec<_> = (1..)
        .zip(&parts)
        .map(|(number, part)| file(&name(number), part))
        .collect();
    let arguments = "--temperature 1 --seed 42 --max-tokens 16 --json --prompt";
    let arguments: Vec<_> = (arguments.split(' ')).chain([PINNED_PROMPT]).collect();
    for path in &paths {
        let result = json(&nexttoken("generate", path, &arguments));
        assert_eq!(result["ids"], Value::from(PINNED_IDS.to_vec()));
        assert_eq!(json(&nexttoken("inspect", path, &["--json"]))["parts"], 3);
    }
    std::fs::remove_file(&paths[2]).unwrap();
    assert_eq!(error(&nexttoken("inspect", &paths[0], &["--json"])), "io");
}

#[test]
fn generates_text_on_stdout_alone() {
    let mut pairs = spell(b"abcdefg");
    pairs.push((u32::from(b'g'), END));
    let model = file("text.gguf", &spelling_model(&pairs));
    let greedy = ["--prompt", "a", "--temperature", "0"];
    let output = nexttoken("generate", &model, &greedy);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "bcdefg\n");
    let stopped = [&greedy[..], &["--stop", "zz", "--stop", "ef"]].concat();
    let output = nexttoken("generate", &model, &stopped);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "bcd\n");
    let watched = [&greedy[..], &["--top-logprobs", "2", "--json"]].concat();
    let result = json(&nexttoken("generate", &model, &watched));
    assert_eq!(result["finish_reason"], "stop");
    assert_eq!(result["tokens"][0]["top_logprobs"][0]["text"], "b");
}

#[test]
fn records_are_lines_of_json() {
    let model = file("record.gguf", &random_model(TensorType::Q8_0));
    let arguments = [
        "--prompt",
        "once",
        "--max-tokens",
        "4",
        "--seed",
        "1",
        "--samplers",
        "dry,top_k,temperature",
        "--dry-multiplier",
        "0.5",
        "--logit-bias",
        "5=-1.5",
        "--ban-token",
        "7",
    ];
    let recorded = [&arguments[..], &["--record", "3"]].concat();
    let output = nexttoken("generate", &model, &recorded);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = (text.lines().map(serde_json::from_str))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(lines.len(), 4);
    for (step, line) in lines.iter().enumerate() {
        let record = &line["record"];
        assert_eq!(record["step"], step);
        assert_eq!(record["chosen"]["id"], line["id"]);
        assert!(record["candidates"].as_array().unwrap().len() >= 3);
        let stages = record["stages"].as_array().unwrap();
        let names: Vec<_> = stages.iter().map(|stage| &stage["name"]).collect();
        assert_eq!(names, ["logit_bias", "dry", "top_k", "temperature"]);
        assert_eq!(stages[0]["removed_tokens"][0]["id"], 7);
    }
    let result = json(&nexttoken(
        "generate",
        &model,
        &[&arguments[..], &["--json"]].concat(),
    ));
    assert_eq!(
        result["samplers"][0]["logit_bias"],
        serde_json::json!([[5, -1.5]])
    );
    assert_eq!(result["samplers"][2]["top_k"], 40);
    for (bad, code) in [
        (["--samplers", "top_z"], "invalid_option"),
        (["--min-p", "3"], "invalid_option"),
        (["--mirostat", "1"], "invalid_option"),
        (["--ban-token", "100000"], "invalid_option"),
    ] {
        let arguments = [&arguments[..2], &bad, &["--json"]].concat();
        assert_eq!(error(&nexttoken("generate", &model, &arguments)), code);
    }
}

#[test]
fn constrains_what_it_writes() {
    let model = file("constrain.gguf", &random_model(TensorType::Q8_0));
    let schema = file("schema.json", br#"{ "enum": [["a", 1], true] }"#);
    let grammar = file("list.gbnf", b"root ::= \"(\" [a-z]{2} \")\"");
    let (schema, grammar) = (schema.to_str().unwrap(), grammar.to_str().unwrap());
    let prompt = [
        "--prompt",
        "the",
        "--seed",
        "3",
        "--temperature",
        "2",
        "--top-k",
        "0",
    ];
    let write = |more: &[&str]| {
        let arguments = [&prompt[..], more, &["--json"]].concat();
        nexttoken("generate", &model, &arguments)
    };
    let text = |more: &[&str]| {
        let result = json(&write(more));
        assert_eq!(result["finish_reason"], "stop");
        result["text"].as_str().unwrap().to_owned()
    };
    let written: Value = serde_json::from_str(&text(&["--json-schema", schema])).unwrap();
    assert!([serde_json::json!(["a", 1]), Value::Bool(true)].contains(&written));
    assert!(["yes", "no"].contains(&text(&["--regex", "yes|no"]).as_str()));
    let written = text(&["--grammar", grammar]);
    assert!(written.len() == 4 && written.starts_with('(') && written.ends_with(')'));
    for (bad, code) in [
        (["--regex", "("], "invalid_option"),
        (["--json-schema", grammar], "invalid_option"),
        (["--grammar", schema], "invalid_option"),
        (["--grammar", "no-such-file"], "io"),
    ] {
        assert_eq!(error(&write(&bad)), code);
    }
    assert!(
        !write(&["--regex", "a", "--grammar", grammar])
            .status
            .success()
    );
}

#[test]
fn takes_adapters() {
    let data = |name: &str| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let model = PathBuf::from(data("arch/llama.f32.gguf"));
    let (all, some) = (data("lora/llama-all.gguf"), data("lora/llama-some.gguf"));
    let run = |adapters: &[&str]| {
        let mut arguments = vec!["--prompt", "what next", "--temperature", "0", "--json"];
        arguments.extend(adapters.iter().flat_map(|adapter| ["--lora", adapter]));
        nexttoken("generate", &model, &arguments)
    };
    let ids = |adapters: &[&str]| json(&run(adapters))["ids"].clone();
    let scaled = |scale: &str| format!("{all}={scale}");
    let (plain, whole) = (ids(&[]), ids(&[&all]));
    assert_ne!(plain, whole);
    assert_eq!(ids(&[&scaled("1.0")]), whole);
    assert_eq!(ids(&[&scaled("0")]), plain);
    assert_eq!(ids(&[&scaled("0.5"), &scaled("5e-1")]), whole);
    assert_ne!(ids(&[&all, &some]), whole);
    assert_eq!(error(&run(&[&scaled("inf")])), "invalid_option");
    assert_eq!(error(&run(&[&scaled("much")])), "io");
    assert_eq!(
        error(&run(&[&data("arch/llama.f32.gguf")])),
        "missing_metadata"
    );
}

#[test]
fn takes_a_draft_model() {
    let data = |name: &str| format!("{}/tests/data/arch/{name}", env!("CARGO_MANIFEST_DIR"));
    let model = PathBuf::from(data("llama.f32.gguf"));
    let run = |more: &[&str]| {
        let arguments = ["--prompt", "what next", "--seed", "3", "--json"];
        nexttoken("generate", &model, &[&arguments, more].concat())
    };
    let plain = json(&run(&["--no-speculation"]));
    for draft in ["llama.q8_0.gguf", "llama.f32.gguf"] {
        let drafted = json(&run(&["--draft", &data(draft)]));
        assert_eq!(drafted["ids"], plain["ids"]);
    }
    let stories = format!("{}/www/stories.gguf", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(error(&run(&["--draft", &stories])), "invalid_option");
    assert_eq!(error(&run(&["--draft", "no-such-file"])), "io");
}

#[test]
fn chats() {
    let template = "{% for message in messages %}{{ message.content }}{% endfor %}";
    let key = "tokenizer.chat_template".to_owned();
    let pairs = [(key, nexttoken::gguf::Value::String(template.into()))];
    let model = file("chat.gguf", &random_model_with(TensorType::Q8_0, &pairs));
    let turns = [
        "--system",
        "be kind. ",
        "--message",
        "hi",
        "--message",
        "bye",
        "--json",
    ];
    let short = ["--max-tokens", "4", "--temperature", "0"];
    let output = nexttoken("chat", &model, &[&turns[..], &short].concat());
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 2);
    let ids = |answer: &Value| answer["prompt_ids"].as_array().unwrap().len();
    assert_eq!(answers[0]["timings"]["reused_tokens"], 0);
    assert_eq!(ids(&answers[0]), "be kind. hi".len() - 1, "i n is a merge");
    let reused = answers[1]["timings"]["reused_tokens"].as_u64().unwrap() as usize;
    assert!((ids(&answers[0])..ids(&answers[1])).contains(&reused));

    let none = file("no-chat.gguf", &random_model(TensorType::Q8_0));
    let arguments = ["--message", "hi", "--json"];
    assert_eq!(
        error(&nexttoken("chat", &none, &arguments)),
        "chat_template"
    );
}

#[test]
fn tokenizes() {
    let model = file("tokenize.gguf", &random_model(TensorType::Q8_0));
    let result = json(&nexttoken(
        "tokenize",
        &model,
        &["--text", "a<|user|>", "--special", "--json"],
    ));
    assert_eq!(result, serde_json::json!({ "ids": [97, USER] }));
    let result = json(&nexttoken(
        "tokenize",
        &model,
        &["--text", "a<|user|>", "--json"],
    ));
    assert!(result["ids"].as_array().unwrap().len() > 5);
    let output = nexttoken("tokenize", &model, &["--text", "ab"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
}

#[test]
fn scores() {
    let model = file("score.gguf", &spelling_model(&spell(b"abcdef")));
    let result = json(&nexttoken("score", &model, &["--text", "abcdef", "--json"]));
    assert_eq!(result["ids"].as_array().unwrap().len(), 6);
    assert_eq!(result["nll"].as_array().unwrap().len(), 5);
    assert!(result["mean_nll"].as_f64().unwrap() < 0.01);
    assert!((result["perplexity"].as_f64().unwrap() - 1.0).abs() < 0.01);
    let output = nexttoken("score", &model, &["--text", "abc"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("perplexity") && text.contains("\"b\""),
        "{text}"
    );
    let listed = nexttoken("score", &model, &["--text", "abc", "--top", "2", "--json"]);
    let listed = json(&listed);
    assert_eq!(listed["top_logprobs"][0].as_array().unwrap().len(), 2);
    assert_eq!(listed["top_logprobs"][0][0]["text"], "b");
}

/// The number that training lowers is the number that the command line prints.
#[test]
fn a_score_is_the_trainers_loss() {
    use nexttoken::train::{Options, Preset, Trainer};
    let text = "The owl saw the fox run to the river and said hello. ".repeat(40);
    let mut options = Options::preset(Preset::Tiny);
    options.shape.context_length = 32;
    let mut trainer = Trainer::new(&text, options).unwrap();
    for _ in 0..10 {
        trainer.step().unwrap();
    }
    let line = "The fox said hello to the owl.";
    let losses = trainer.score(line).unwrap();
    let loss = losses.iter().sum::<f64>() / losses.len() as f64;
    let model = file("trained.gguf", &trainer.to_gguf(TensorType::F32).unwrap());
    let score = json(&nexttoken("score", &model, &["--text", line, "--json"]));
    let mean = score["mean_nll"].as_f64().unwrap();
    assert!((mean - loss).abs() < 1e-3, "{mean} {loss}");
}

#[test]
fn inspects() {
    let model = file("inspect.gguf", &random_model(TensorType::Q5_0));
    let result = json(&nexttoken("inspect", &model, &["--json"]));
    assert_eq!(result["architecture"], "llama");
    assert_eq!(result["name"], "Tiny");
    assert_eq!(result["layers"], LAYERS);
    assert_eq!(result["vocabulary_size"], VOCABULARY);
    assert_eq!(result["tokenizer"], "gpt2/gpt-2");
    assert_eq!(result["tensor_types"]["Q5_0"]["tensors"], 2 + 7 * LAYERS);
    assert_eq!(result["tensor_types"]["F32"]["tensors"], 1 + 2 * LAYERS);
    assert_eq!(
        result["metadata"]["tokenizer.ggml.tokens"]["length"],
        VOCABULARY
    );
    let output = nexttoken("inspect", &model, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Q5_0") && text.contains("llama"), "{text}");
}

#[test]
fn inspects_how_fast_a_model_would_write() {
    let stories = &PathBuf::from("www/stories.gguf");
    let result = json(&nexttoken(
        "inspect",
        stories,
        &["--json", "--threads", "1"],
    ));
    let speed = result["decode_tokens_per_second"].as_f64().unwrap();
    assert!(speed.is_finite() && speed > 0.0, "{speed}");
    let output = nexttoken("inspect", stories, &["--threads", "1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("speed "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("  about "), "{line}");
    assert!(
        line.ends_with(" tokens/s when writing, on one thread"),
        "{line}"
    );
}

/// The table of the README is the one the code makes.
#[test]
fn the_readme_says_what_loads() {
    let output = Command::new(env!("CARGO_BIN_EXE_nexttoken"))
        .args(["inspect", "--supported"])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("`llama`") && table.contains("`Q4_K`"));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "the README should have\n{table}");
}

#[test]
fn inspects_what_does_not_run() {
    let pairs = [(
        "general.architecture".to_owned(),
        nexttoken::gguf::Value::String("mamba".into()),
    )];
    let model = file("mamba.gguf", &random_model_with(TensorType::Q8_0, &pairs));
    let result = json(&nexttoken("inspect", &model, &["--json"]));
    assert_eq!(result["supported"], false);
    assert!(result["decode_tokens_per_second"].is_null());
    assert_eq!(result["code"], "unsupported_architecture");
    let output = nexttoken("inspect", &model, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("no: models of the architecture \"mamba\""),
        "{text}"
    );

    // A tensor type that nobody knows: its number is the last field but the offset of the directory.
    let mut bytes = random_model(TensorType::F32);
    let name = b"output_norm.weight";
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    bytes[at + name.len() + 12] = 99;
    let model = file("unknown-type.gguf", &bytes);
    let result = json(&nexttoken("inspect", &model, &["--json"]));
    assert_eq!(result["supported"], false);
    assert_eq!(result["code"], "unsupported_tensor_type");
    assert_eq!(result["name"], "Tiny");
    assert_eq!(
        error(&nexttoken("generate", &model, &["--prompt", "x", "--json"])),
        "unsupported_tensor_type"
    );
}

#[test]
fn errors_have_a_code_and_a_sentence() {
    let bytes = random_model(TensorType::Q8_0);
    let model = file("errors.gguf", &bytes);
    let missing = PathBuf::from("no/such/model.gguf");
    let cut = file("cut.gguf", &bytes[..bytes.len() / 2]);
    let header = file("header.gguf", &bytes[..100]);
    let other = file(
        "other.gguf",
        b"this is a text, not a model; it has some length",
    );
    let prompt = ["--prompt", "x", "--json"];
    for (path, code) in [
        (&missing, "io"),
        (&cut, "truncated"),
        (&header, "truncated"),
        (&other, "not_gguf"),
    ] {
        assert_eq!(error(&nexttoken("generate", path, &prompt)), code);
        assert_eq!(error(&nexttoken("inspect", path, &["--json"])), code);
    }
    for (arguments, code) in [
        (&["--prompt", "", "--json"][..], "empty_prompt"),
        (
            &["--prompt", "x", "--json", "--temperature", "-1"],
            "invalid_option",
        ),
        (
            &["--prompt", "x", "--json", "--top-p", "2"],
            "invalid_option",
        ),
        (
            &["--prompt", "x", "--json", "--context-length", "0"],
            "invalid_option",
        ),
        (
            &["--prompt", "xyz", "--json", "--context-length", "2"],
            "prompt_too_long",
        ),
    ] {
        assert_eq!(error(&nexttoken("generate", &model, arguments)), code);
    }
    assert_eq!(
        error(&nexttoken("score", &model, &["--text", "x", "--json"])),
        "text_too_short"
    );
    let output = nexttoken("score", &model, &["--text", "x"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.starts_with("error: the text has 1 tokens") && text.contains("(text_too_short)"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let model = file("pipe.gguf", &random_model(TensorType::Q8_0));
    // Without an end the text outlasts its reader.
    let endless = ["generate", "--prompt", "x", "--ban-token"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_nexttoken"))
        .args(endless)
        .arg(END.to_string())
        .arg(&model)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
