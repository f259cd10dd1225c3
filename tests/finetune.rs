//! Fine-tuning as a whole: its loss is the engine's, its adapter does what was learnt, and what it refuses.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::cli::{error, file, json, nexttoken};
use common::runs::logits;
use common::{load, random_model, random_model_with};
use nexttoken::chat::Message;
use nexttoken::generator::CacheType;
use nexttoken::gguf::Value;
use nexttoken::kernels;
use nexttoken::model::{Adapter, Model, Session};
use nexttoken::quant::TensorType;
use nexttoken::train::finetune::{Examples, Finetuner, Options, read_conversations};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A chat template of the kind that marks turns with special tokens.
const TEMPLATE: &str = "{% for message in messages %}{{ '<|begin|>' if message.role == 'assistant' else '<|user|>' }}\
    {{ message.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|begin|>{% endif %}";

/// Twenty documents, the last of which is held out.
fn documents() -> String {
    let document = |n: usize| format!("The {} fox and the owl ran to the river.", n % 4);
    let all: Vec<String> = (0..20).map(document).collect();
    all.join("<|endoftext|>")
}

/// What is held out of [`documents`], as a prompt of the model.
const HELD_OUT: &str = "The 3 fox and the owl ran to the river.<|end|>";

fn with_template() -> Arc<Model> {
    let template = Value::String(TEMPLATE.into());
    load(&random_model_with(
        TensorType::F32,
        &[("tokenizer.chat_template".to_owned(), template)],
    ))
}

fn options() -> Options {
    Options {
        rank: 4,
        alpha: 8.0,
        steps: Some(30),
        learning_rate: 1e-2,
        patience: 0,
        seed: 3,
        ..Options::default()
    }
}

fn tuner(model: &Arc<Model>, options: Options) -> Finetuner {
    let examples = Examples::from_text(model, &documents(), 64).unwrap();
    Finetuner::new(examples, options).unwrap()
}

/// The mean of −ln p that the engine gives the tokens of `text` after the first.
fn engine_loss(model: &Arc<Model>, adapter: Option<&[u8]>, text: &str) -> f64 {
    let ids = model.tokenizer.encode_prompt(text);
    let mut session = Session::new(model, 256, CacheType::F32).unwrap();
    if let Some(bytes) = adapter {
        let adapter = Arc::new(Adapter::from_bytes(model, bytes).unwrap());
        session.set_adapters(vec![(adapter, 1.0)]);
    }
    let all = logits(model, &mut session, &ids, 64);
    let losses = all.into_iter().zip(&ids[1..]).map(|(mut logits, target)| {
        let logit = logits[*target as usize];
        f64::from(kernels::softmax(&mut logits) - logit)
    });
    losses.sum::<f64>() / (ids.len() - 1) as f64
}

#[test]
fn the_loss_is_that_of_the_engine() {
    // The engine quantises activations where weights are quantised.
    for (kind, tolerance) in [(TensorType::F32, 1e-4), (TensorType::Q4_1, 3e-2)] {
        let model = load(&random_model(kind));
        let own = tuner(&model, options()).first();
        let engine = engine_loss(&model, None, HELD_OUT);
        assert_eq!(
            own.tokens,
            model.tokenizer.encode_prompt(HELD_OUT).len() - 1
        );
        println!("{kind:?}: {} {engine}", own.loss);
        assert!(
            (own.loss - engine).abs() < tolerance,
            "{kind:?}: {} {engine}",
            own.loss
        );
    }
}

#[test]
fn an_adapter_does_what_was_learnt() {
    for (kind, tolerance) in [(TensorType::F32, 1e-3), (TensorType::Q4_1, 5e-2)] {
        let model = load(&random_model(kind));
        let mut tuner = tuner(&model, options());
        let before = tuner.first().loss;
        while !tuner.is_complete() {
            tuner.step().unwrap();
        }
        let (best, adapter) = (tuner.best(), tuner.to_gguf().unwrap());
        assert!(best.loss < 0.5 * before, "{best:?} {before}");
        let engine = engine_loss(&model, Some(&adapter), HELD_OUT);
        println!("{kind:?}: {} {engine}, before {before}", best.loss);
        assert!(
            (engine - best.loss).abs() < tolerance,
            "{kind:?}: {best:?} {engine}"
        );
    }
}

/// The adapter of `tests/data/lora/learnt.gguf`, with which `tests/lora.rs` holds the engine against llama.cpp, is what
/// fine-tuning writes today, bit for bit.
#[test]
fn llama_cpp_has_read_what_is_learnt() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let model = Arc::new(Model::open(data.join("arch/llama.f32.gguf")).unwrap());
    let mut tuner = tuner(&model, options());
    while !tuner.is_complete() {
        tuner.step().unwrap();
    }
    assert!(tuner.best().loss < 0.1 * tuner.first().loss);
    let expected = std::fs::read(data.join("lora/learnt.gguf")).unwrap();
    assert!(tuner.to_gguf().unwrap() == expected);
}

/// A model with scales beside its matrices is the one that the engine runs.
#[test]
fn scales_count_as_in_the_engine() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/arch/llama-scales.f32.gguf");
    let model = Arc::new(Model::open(file).unwrap());
    let first = tuner(&model, options()).first().loss;
    let engine = engine_loss(&model, None, HELD_OUT);
    assert!((engine - first).abs() < 1e-3, "{first} {engine}");
}

/// More parts than threads, and a number of threads that does not divide them.
#[test]
fn threads_change_nothing() {
    let model = load(&random_model(TensorType::Q8_0));
    let run = |threads: usize| {
        let options = Options {
            batch_size: 19,
            steps: Some(4),
            ..options()
        };
        let mut tuner = tuner(&model, options);
        tuner.set_threads(threads);
        let reports: Vec<_> = (0..4).map(|_| tuner.step().unwrap()).collect();
        (reports, tuner.to_gguf().unwrap())
    };
    let one = run(1);
    assert!(one.0[0].tokens > 2 * 256);
    for threads in [2, 3, 64] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
    // More held-out parts than threads.
    let document = |n: usize| format!("{n} {}", "The fox and the owl ran. ".repeat(8));
    let all: Vec<String> = (0..100).map(document).collect();
    let examples = || Examples::from_text(&model, &all.join("<|endoftext|>"), 256).unwrap();
    let validate = |threads: usize| {
        let mut tuner = Finetuner::with_threads(examples(), options(), threads).unwrap();
        assert_eq!(tuner.threads(), threads);
        assert_eq!(tuner.first(), tuner.validate().unwrap());
        tuner.first()
    };
    let one = validate(1);
    assert!(one.tokens > 4 * 128, "{one:?}");
    for threads in [2, 3, 5] {
        assert_eq!(validate(threads), one, "{threads} threads");
    }
    let other = Options {
        seed: 4,
        ..options()
    };
    assert_ne!(
        tuner(&model, other).step().unwrap(),
        tuner(&model, options()).step().unwrap()
    );
}

/// What is held out has nothing to do with the rest, so that it is foretold ever worse once that is learnt by heart.
#[test]
fn the_best_state_is_what_is_written() {
    const OTHER: &str = "zq 5kv #xj@ 8wy %PQ";
    let model = load(&random_model(TensorType::F32));
    let text = format!("{}{OTHER}", "The fox ran.<|endoftext|>".repeat(19));
    let run = |patience| {
        let examples = Examples::from_text(&model, &text, 64).unwrap();
        let options = Options {
            steps: Some(100),
            learning_rate: 2e-2,
            patience,
            ..options()
        };
        let mut tuner = Finetuner::new(examples, options).unwrap();
        let mut looks = vec![(0, tuner.first().loss)];
        while !tuner.is_complete() {
            let report = tuner.step().unwrap();
            looks.extend(report.validation.map(|found| (report.step, found.loss)));
        }
        (tuner, looks)
    };
    let (tuner, looks) = run(0);
    assert_eq!((tuner.steps_done(), looks.len()), (100, 11));
    let best = looks.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!((tuner.best().step, tuner.best().loss), *best);
    assert!(looks[10].1 > best.1 + 0.3, "{looks:?}");
    let held_out = format!("{OTHER}<|end|>");
    let engine = engine_loss(&model, Some(&tuner.to_gguf().unwrap()), &held_out);
    assert!((engine - best.1).abs() < 1e-3, "{best:?} {engine}");
    // Ten looks in a hundred steps.
    let (impatient, _) = run(2);
    assert_eq!(impatient.steps_done(), impatient.best().step + 20);
}

fn conversation(turns: &[(&str, &str)]) -> Vec<Message> {
    let messages = turns.iter();
    messages
        .map(|(role, content)| Message::new(*role, *content))
        .collect()
}

/// Only what the assistant says counts, up to the token that ends it.
#[test]
fn the_assistants_turns_count() {
    let model = with_template();
    let one = conversation(&[("user", "Hello"), ("assistant", "xyz")]);
    let two = conversation(&[
        ("assistant", "What may I do?"),
        ("user", "A long question of which nothing counts"),
        ("assistant", "ab"),
        ("user", "more"),
        ("assistant", "cdefg"),
    ]);
    let examples = Examples::from_conversations(&model, &[two, one], 128).unwrap();
    assert_eq!(examples.sequences(), (1, 1));
    // Each letter is a token, and so is the end of each turn.
    assert_eq!(examples.tokens(), (3 + 6, 4));
    let many: Vec<_> = (0..25)
        .map(|_| conversation(&[("user", "a"), ("assistant", "b")]))
        .collect();
    let examples = Examples::from_conversations(&model, &many, 128).unwrap();
    assert_eq!(examples.sequences(), (23, 2));
}

#[test]
fn what_cannot_be_learnt_is_an_error() {
    let model = with_template();
    let said = conversation(&[("user", "a"), ("assistant", "b")]);
    let code = |conversations: &[Vec<Message>], context| {
        Examples::from_conversations(&model, conversations, context)
            .unwrap_err()
            .code()
    };
    assert_eq!(code(&[], 64), "invalid_option");
    assert_eq!(code(std::slice::from_ref(&said), 64), "invalid_option");
    let silent = conversation(&[("user", "a")]);
    assert_eq!(code(&[said.clone(), silent], 64), "invalid_option");
    assert_eq!(code(&[said.clone(), said.clone()], 3), "prompt_too_long");
    let long = conversation(&[("user", "a"), ("assistant", &"long ".repeat(64))]);
    let refused = Examples::from_conversations(&model, &[said.clone(), long], 64).unwrap_err();
    assert!(
        refused.to_string().starts_with("conversations[1] has "),
        "{refused}"
    );
    assert_eq!(code(&[said.clone(), said.clone()], 1), "invalid_option");
    assert_eq!(code(&[said.clone(), said.clone()], 257), "invalid_option");
    assert_eq!(code(&[said, vec![]], 64), "invalid_option");
    let plain = load(&random_model(TensorType::F32));
    let said = [(); 2].map(|()| conversation(&[("user", "a"), ("assistant", "b")]));
    let refused = Examples::from_conversations(&plain, &said, 64).unwrap_err();
    assert_eq!(refused.code(), "chat_template");
    // What can be told without a template is told first.
    for (said, context) in [(&said[..1], 64), (&said[..], 1)] {
        let refused = Examples::from_conversations(&plain, said, context).unwrap_err();
        assert_eq!(refused.code(), "invalid_option");
    }
    for text in ["", " \n", "<|endoftext|>", "x"] {
        let refused = Examples::from_text(&plain, text, 64).unwrap_err();
        assert_eq!(refused.code(), "corpus_too_small", "{text:?}");
    }
    let refused = |change: fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        let examples = Examples::from_text(&plain, &documents(), 64).unwrap();
        match Finetuner::new(examples, options) {
            Err(nexttoken::Error::InvalidOption { name, .. }) => name,
            other => panic!("{:?}", other.err()),
        }
    };
    assert_eq!(refused(|o| o.rank = 0), "rank");
    assert_eq!(refused(|o| o.rank = 5000), "rank");
    assert_eq!(refused(|o| o.alpha = f32::NAN), "alpha");
    assert_eq!(refused(|o| o.targets.clear()), "targets");
    assert_eq!(refused(|o| o.targets.push("attn_norm".into())), "targets");
    assert_eq!(refused(|o| o.batch_size = 0), "batch_size");
    assert_eq!(refused(|o| o.steps = Some(0)), "steps");
    assert_eq!(refused(|o| o.learning_rate = 0.0), "learning_rate");
    assert_eq!(refused(|o| o.weight_decay = -1.0), "weight_decay");
    assert_eq!(refused(|o| o.max_gradient = f32::INFINITY), "max_gradient");
}

/// Models whose layers are others are refused by name.
#[test]
fn other_architectures_are_refused() {
    for name in ["gemma3", "phi3", "granite", "gpt2", "qwen3", "granitemoe"] {
        let model = format!("tests/data/arch/{name}.f32.gguf");
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join(model);
        let model = Arc::new(Model::open(model).unwrap());
        let examples = Examples::from_text(&model, &"ABCD EFG HIJ ".repeat(40), 32).unwrap();
        let refused = Finetuner::new(examples, options()).unwrap_err();
        assert_eq!(refused.code(), "bad_metadata", "{name}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn lines_that_are_no_conversations_are_named() {
    let good = r#"{"messages": [{"role": "user", "content": "a"}], "id": 1}"#;
    assert_eq!(
        read_conversations(&format!("{good}\n\n{good}\n"))
            .unwrap()
            .len(),
        2
    );
    for bad in [
        "{}",
        "[",
        "1",
        r#"{"messages": "a"}"#,
        r#"{"messages": [{"role": "user"}]}"#,
        r#"{"messages": [{"role": "user", "content": "a", "name": "b"}]}"#,
    ] {
        let error = read_conversations(&format!("{good}\n{bad}\n")).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}

/// What the WebAssembly module is held to as well (`tests/node/finetune.test.mjs`): other instructions, and therefore
/// other last bits.
#[test]
fn the_losses_are_those_that_the_module_is_held_to() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let cases = std::fs::read(folder.join("finetune/module.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_slice(&cases).unwrap();
    let path = folder.join(cases["model"].as_str().unwrap());
    let model = Arc::new(Model::open(path).unwrap());
    let config = &cases["config"];
    let whole = |name: &str| config[name].as_u64().unwrap() as usize;
    let context = whole("context_length");
    let lines: Vec<String> = cases["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|conversation| conversation.to_string())
        .collect();
    let conversations = read_conversations(&lines.join("\n")).unwrap();
    let text = Examples::from_text(&model, cases["text"].as_str().unwrap(), context);
    let answers = Examples::from_conversations(&model, &conversations, context);
    for (name, examples) in [("text", text), ("conversations", answers)] {
        let options = Options {
            rank: whole("rank"),
            alpha: whole("alpha") as f32,
            steps: Some(whole("steps") as u64),
            batch_size: whole("batch_size"),
            patience: whole("patience") as u64,
            seed: whole("seed") as u64,
            learning_rate: config["learning_rate"].as_f64().unwrap() as f32,
            ..Options::default()
        };
        let mut tuner = Finetuner::new(examples.unwrap(), options).unwrap();
        let mut losses = vec![tuner.first().loss];
        while !tuner.is_complete() {
            losses.push(tuner.step().unwrap().loss);
        }
        losses.push(tuner.best().loss);
        println!("{name}: {losses:?}");
        let expected = cases["losses"][name].as_array().unwrap();
        assert_eq!(losses.len(), expected.len());
        for (loss, expected) in losses.iter().zip(expected) {
            assert!((loss - expected.as_f64().unwrap()).abs() < 1e-5, "{name}");
        }
    }
}

/// The program, from a file of conversations to a text with the adapter.
#[test]
fn the_program_learns_a_manner() {
    let template = Value::String(TEMPLATE.into());
    let model = random_model_with(
        TensorType::Q8_0,
        &[("tokenizer.chat_template".to_owned(), template)],
    );
    let model = file("finetune.gguf", &model);
    let lines: String = ["on", "in", "the", "all"]
        .iter()
        .cycle()
        .take(40)
        .map(|said| {
            format!("{{\"messages\": [{{\"role\": \"user\", \"content\": \"{said}\"}}, {{\"role\": \"assistant\", \"content\": \"Aye!\"}}]}}\n")
        })
        .collect();
    let text = file("finetune.jsonl", lines.as_bytes());
    let adapter = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("finetuned.gguf");
    let out = [
        text.to_str().unwrap(),
        "--out",
        adapter.to_str().unwrap(),
        "--json",
    ];
    let run = |more: &[&str]| nexttoken("finetune", &model, &[&out[..], more].concat());
    let output = run(&["--learning-rate", "0.01", "--threads", "2"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        result["loss"].as_f64() < Some(0.5) && result["loss_before"].as_f64() > Some(3.0),
        "{result}"
    );
    let answer = |more: &[&str]| {
        let asked = [
            "--message",
            "the",
            "--temperature",
            "0",
            "--max-tokens",
            "8",
            "--json",
        ];
        let said = json(&nexttoken("chat", &model, &[&asked[..], more].concat()));
        said["text"].as_str().unwrap().to_owned()
    };
    let with = ["--lora", adapter.to_str().unwrap()];
    assert_eq!(answer(&with), "Aye!");
    assert_ne!(answer(&[]), "Aye!");
    assert_eq!(error(&run(&["--rank", "0"])), "invalid_option");
    assert_eq!(error(&run(&["--targets", "attn_q,head"])), "invalid_option");
}
