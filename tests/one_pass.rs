//! What one pass over a text gives without generating any: embeddings, decisions and rankings.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{BEGIN, CONTEXT, HIDDEN, load, random_model, random_model_with};
use nexttoken::decision::{Decider, decide};
use nexttoken::embedding::{Embedder, Options, Pooling, embed};
use nexttoken::generator::CacheType;
use nexttoken::gguf::Value;
use nexttoken::model::{Model, PREFILL_CHUNK, Session};
use nexttoken::quant::TensorType;
use nexttoken::rerank::{self, Reranker, rerank};
use nexttoken::score::score;
use nexttoken::{Error, Progress, Result, set_threads};
use std::path::Path;
use std::sync::Arc;

const SMOLLM2: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

fn smollm2() -> Option<Arc<Model>> {
    common::cache::model(SMOLLM2, "NEXTTOKEN_REQUIRE_MODEL")
}

/// The tiny models of all architectures, recurrent layers and convolutions among them.
fn tiny_models() -> Vec<(String, Model)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/arch");
    let paths = std::fs::read_dir(root)
        .unwrap()
        .map(|it| it.unwrap().path());
    let models = paths.filter_map(|path| {
        let model = Model::open(&path).ok()?;
        Some((path.file_name()?.to_string_lossy().into_owned(), model))
    });
    let models: Vec<_> = models.collect();
    assert!(models.len() > 20, "{}", models.len());
    models
}

fn pooled(pooling: Pooling, normalize: bool) -> Options {
    Options {
        pooling: Some(pooling),
        normalize,
        truncate: false,
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(a * b));
    products.sum()
}

#[test]
fn a_vector_is_made_of_the_final_hidden_states() {
    let model = load(&random_model(TensorType::Q8_0));
    let text = "the then on ".repeat(20);
    let ids = model.tokenizer.encode_prompt(&text);
    assert!(ids.len() > PREFILL_CHUNK);
    let mut session = Session::new(&model, ids.len(), CacheType::default()).unwrap();
    model.forward(&ids, &mut session).unwrap();
    let hidden = session.hidden();

    let of = |pooling| {
        embed(&model, &[&text], pooled(pooling, false))
            .unwrap()
            .remove(0)
    };
    assert_eq!(of(Pooling::Last), hidden.row(ids.len() - 1).to_vec());
    assert_eq!(of(Pooling::Cls), hidden.row(0).to_vec());
    for (found, states) in of(Pooling::Mean).iter().zip(hidden.columns()) {
        let mean = states.iter().map(|&x| f64::from(x)).sum::<f64>() / ids.len() as f64;
        assert!((f64::from(*found) - mean).abs() < 1e-6, "{found} {mean}");
    }

    let [plain, unit] = [false, true].map(|normalize| {
        embed(&model, &[&text], pooled(Pooling::Mean, normalize))
            .unwrap()
            .remove(0)
    });
    assert!((dot(&unit, &unit) - 1.0).abs() < 1e-5);
    let length = dot(&plain, &plain).sqrt();
    assert!((dot(&plain, &unit) - length).abs() < 1e-5 * length);
}

#[test]
fn the_file_names_the_pooling_and_the_last_token_is_the_default() {
    let text = "the then on";
    let model_of = |number: Option<u32>| {
        let change = number.map(|number| ("llama.pooling_type".to_owned(), Value::U32(number)));
        load(&random_model_with(TensorType::F32, change.as_slice()))
    };
    let by_default = |model: &Model| embed(model, &[text], Options::default());
    for (number, pooling) in [
        (None, Pooling::Last),
        (Some(0), Pooling::Last),
        (Some(1), Pooling::Mean),
        (Some(2), Pooling::Cls),
        (Some(3), Pooling::Last),
        (Some(4), Pooling::Last),
    ] {
        let model = model_of(number);
        let asked = embed(&model, &[text], pooled(pooling, true));
        assert_eq!(by_default(&model), asked, "{number:?}");
    }
    let model = model_of(Some(9));
    assert_eq!(by_default(&model).unwrap_err().code(), "bad_metadata");
    assert!(embed(&model, &[text], pooled(Pooling::Cls, true)).is_ok());
}

#[test]
fn a_vector_depends_on_no_other_text_and_on_no_number_of_threads() {
    let texts = [
        "ON THE THEN".to_owned(),
        "INN HEN ".repeat(4),
        "A".to_owned(),
    ];
    for (name, model) in tiny_models() {
        let at_once = embed(&model, &texts, Options::default()).unwrap();
        for (text, vector) in texts.iter().zip(&at_once) {
            set_threads(3);
            let alone = embed(&model, &[text], Options::default()).unwrap();
            set_threads(1);
            assert!(alone == [vector.as_slice()], "{name}");
        }
    }
}

#[test]
fn embedding_goes_chunk_by_chunk() {
    let model = load(&random_model(TensorType::Q4_1));
    let texts = ["then ".repeat(40), "on".to_owned()];
    let new = |texts: &[String]| {
        Embedder::new(
            Arc::clone(&model),
            texts,
            Options::default(),
            CacheType::default(),
        )
    };
    let mut embedder = new(&texts).unwrap();
    let total: usize = texts
        .iter()
        .map(|it| model.tokenizer.encode_prompt(it).len())
        .sum();
    let steps = steps(total, || embedder.step());
    // Two chunks of the first text, one of the second.
    assert_eq!(steps, 3);
    let vectors = embedder.finish().unwrap();
    assert_eq!(vectors, new(&texts).unwrap().finish().unwrap());
    assert!(vectors.len() == 2 && vectors.iter().all(|vector| vector.len() == HIDDEN));
    assert_eq!(new(&[]).unwrap().finish(), Ok(vec![]));

    let error = new(&["on".to_owned(), String::new()]).unwrap_err();
    assert_eq!(error.code(), "invalid_option");
    assert!(error.to_string().contains("texts[1]"), "{error}");
    let error = new(&["Q".repeat(CONTEXT as usize + 1)]).unwrap_err();
    assert_eq!(error.code(), "prompt_too_long");
}

#[test]
fn a_text_that_is_too_long_is_cut_where_it_may_be_and_ends_as_any_other() {
    let context = CONTEXT as usize;
    let text = "Q".repeat(context + 5);
    for adds_eos in [false, true] {
        let key = "tokenizer.ggml.add_eos_token".to_owned();
        let model = load(&random_model_with(
            TensorType::Q8_0,
            &[(key, Value::Bool(adds_eos))],
        ));
        let mut ids = model.tokenizer.encode_prompt(&text);
        assert!(ids.len() > context);
        let end = ids[ids.len() - 1];
        ids.truncate(context);
        if adds_eos {
            assert_ne!(ids[context - 1], end);
            ids[context - 1] = end;
        }
        let mut session = Session::new(&model, context, CacheType::default()).unwrap();
        for chunk in ids.chunks(PREFILL_CHUNK) {
            model.forward(chunk, &mut session).unwrap();
        }
        let hidden = session.hidden();
        let options = Options {
            truncate: true,
            ..pooled(Pooling::Last, false)
        };
        let vectors = embed(&model, &[&text], options).unwrap();
        assert_eq!(vectors[0], hidden.row(hidden.nrows() - 1).to_vec());
        // One that fits stays as it is.
        let whole = Options {
            truncate: false,
            ..options
        };
        assert_eq!(
            embed(&model, &["QQQ"], options),
            embed(&model, &["QQQ"], whole)
        );
    }
}

/// Steps to the end; gives the number of steps.
fn steps(total: usize, mut step: impl FnMut() -> Result<Progress>) -> usize {
    let mut before = 0;
    for count in 1.. {
        let progress = step().unwrap();
        assert_eq!(progress.total, total);
        assert!(
            before < progress.done && progress.done <= total,
            "{progress:?}"
        );
        before = progress.done;
        if progress.is_complete() {
            assert_eq!(step().unwrap(), progress);
            return count;
        }
    }
    unreachable!()
}

#[test]
fn an_answers_probability_is_that_of_its_tokens_in_a_score() {
    let choices = [" TEN", " HEN ON THE INN", " O", &" NET".repeat(6)];
    for (name, model) in tiny_models() {
        // LongRoPE follows the length of the context, which for a score is that of the text.
        if !name.starts_with("phi3-long") {
            check_decision(&name, &model, "THE HEN ON THE", &choices);
        }
    }
    let model = load(&random_model(TensorType::Q4_1));
    let choices = [" ten", &" then".repeat(20), " t"];
    check_decision("long", &model, &"the hen on ".repeat(14), &choices);
}

fn check_decision(name: &str, model: &Model, prompt: &str, choices: &[&str]) {
    let decision = decide(model, prompt, choices).unwrap();
    for (choice, text) in decision.choices.iter().zip(choices) {
        let score = score(model, &format!("{prompt}{text}")).unwrap();
        assert!(score.ids.ends_with(&choice.ids), "{name}: {text}");
        let answer = &score.nll[score.nll.len() - choice.ids.len()..];
        let nll: f64 = answer.iter().map(|&nll| f64::from(nll)).sum();
        assert!((nll + choice.logprob).abs() < 1e-9 * nll, "{name}: {text}");
    }
    let sum: f64 = decision.choices.iter().map(|it| it.probability).sum();
    assert!((sum - 1.0).abs() < 1e-12, "{name}: {sum}");
    for pair in decision.choices.windows(2) {
        let difference = pair[0].logprob - pair[1].logprob;
        let found = pair[0].probability.ln() - pair[1].probability.ln();
        let error = (found - difference).abs() / difference.abs().max(1.0);
        assert!(error < 1e-6, "{name}: {found} {difference}");
    }
}

#[test]
fn a_decision_goes_chunk_by_chunk_and_refuses_what_is_no_choice() {
    let model = load(&random_model(TensorType::Q4_1));
    let new = |prompt: &str, choices: &[&str]| {
        Decider::new(Arc::clone(&model), prompt, choices, CacheType::default())
    };
    let choices = ["x", &"yz".repeat(50), "zyx"];
    let prompt = "Q".repeat(100);
    let mut decider = new(&prompt, &choices).unwrap();
    // Two chunks of the prompt, two of the second answer, one of the third; the first is but one token.
    assert_eq!(steps(100 + 99 + 2, || decider.step()), 5);
    let decision = decider.finish().unwrap();
    assert_eq!(decision, decide(&model, &prompt, &choices).unwrap());
    assert_eq!(decision.choices[1].ids.len(), 100);

    let code = |prompt: &str, choices: &[&str]| new(prompt, choices).unwrap_err().code();
    assert_eq!(code("Q", &[]), "invalid_option");
    assert_eq!(code("Q", &["x"]), "invalid_option");
    assert_eq!(code("Q", &["x", ""]), "invalid_option");
    assert_eq!(code("", &["x", "y"]), "empty_prompt");
    let long = "Q".repeat(CONTEXT as usize);
    assert_eq!(code(&long, &["x", "y"]), "prompt_too_long");
    assert!(new(&long[1..], &["x", "y"]).unwrap().finish().is_ok());
}

/// "Ġt" and "he" make one token of the tiny vocabulary, "Ġthe".
#[test]
fn tokens_of_the_prompt_that_merge_with_an_answer_count_as_the_answers() {
    let model = load(&random_model(TensorType::F32));
    let encode = |text| model.tokenizer.encode(text, true);
    let decision = decide(&model, "on t", &["he", "x"]).unwrap();
    assert_eq!(decision.choices[0].ids, encode(" the"));
    assert_eq!(decision.choices[1].ids, encode(" tx"));
    let whole = decide(&model, "on", &[" the", " tx"]).unwrap();
    for (split, whole) in decision.choices.iter().zip(&whole.choices) {
        assert_eq!(split.logprob, whole.logprob);
    }
    // Special tokens are read in an answer, so that it can say that the text ends.
    let ends = decide(&model, "on", &["<|begin|>", "x"]).unwrap();
    assert_eq!(ends.choices[0].ids, [BEGIN]);
}

#[test]
fn numbers_have_an_expected_value() {
    let model = load(&random_model(TensorType::F32));
    let decision = decide(&model, "on", &["1", " 2", "-3.5"]).unwrap();
    let share = |at: usize| decision.choices[at].probability;
    let expected = share(0) + 2.0 * share(1) - 3.5 * share(2);
    assert!((decision.expected().unwrap() - expected).abs() < 1e-12);
    assert_eq!(
        decide(&model, "on", &["1", "one"]).unwrap().expected(),
        None
    );
    assert_eq!(
        decide(&model, "on", &["1", "inf"]).unwrap().expected(),
        None
    );
}

#[test]
fn a_ranking_asks_one_question_for_each_document() {
    let documents = ["the hen", "the inn", "the hen on the inn <|end|>", ""];
    let options = rerank::Options {
        template: "<|begin|>{query}? {document}: ".repeat(3) + "{instruction}",
        instruction: "on".into(),
    };
    let query = "then {document}";
    for (name, model) in tiny_models() {
        let ranking = rerank(&model, query, &documents, &options).unwrap();
        assert!(
            ranking
                .windows(2)
                .all(|pair| pair[0].score >= pair[1].score)
        );
        let mut places: Vec<usize> = ranking.iter().map(|ranked| ranked.index).collect();
        for ranked in &ranking {
            let document = model.tokenizer.shield(documents[ranked.index]);
            let prompt = format!("<|begin|>{query}? {document}: ").repeat(3) + "on";
            let alone = decide(&model, &prompt, &["yes", "no"]).unwrap();
            assert_eq!(ranked.score, alone.choices[0].probability, "{name}");
        }
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3]);
    }
}

#[test]
fn a_ranking_goes_chunk_by_chunk() {
    let model = load(&random_model(TensorType::Q4_1));
    let options = rerank::Options {
        template: "Q".repeat(70) + "{query}{document}",
        ..rerank::Options::default()
    };
    let new = |documents: &[&str], options| {
        let model = Arc::clone(&model);
        Reranker::new(model, "x", documents, options, CacheType::default())
    };
    let documents = ["a", "b", "z"];
    let mut reranker = new(&documents, &options).unwrap();
    // "yes" has two tokens that are run and "no" has one: "Q", "x", document, "y", "e"; "n". What the prompts have in
    // common is run once, in two chunks.
    let taken = steps(3 * (72 + 2 + 1), || reranker.step());
    assert_eq!(taken, 1 + 3 * 3);
    let ranking = reranker.finish().unwrap();
    assert_eq!(ranking, rerank(&model, "x", &documents, &options).unwrap());
    assert_eq!(new(&[], &options).unwrap().finish(), Ok(vec![]));

    let without = rerank::Options {
        template: "{query}".into(),
        ..options.clone()
    };
    let error = new(&documents, &without).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { name, .. } if name == "template"));
    let long = "Q".repeat(CONTEXT as usize);
    let error = new(&["a", &long], &options).unwrap_err();
    assert_eq!(error.code(), "prompt_too_long");
}

#[test]
fn smollm2_embeds_by_topic() {
    let Some(model) = smollm2() else { return };
    let texts = [
        "The cat sat on the warm windowsill.",
        "A kitten is sleeping by the window.",
        "The central bank raised interest rates.",
    ];
    let vectors = embed(&model, &texts, pooled(Pooling::Mean, true)).unwrap();
    let [near, far, other] = [[0, 1], [0, 2], [1, 2]].map(|[a, b]| dot(&vectors[a], &vectors[b]));
    assert!(
        near > far + 0.05 && near > other + 0.05,
        "{near} {far} {other}"
    );
    set_threads(2);
    assert_eq!(
        embed(&model, &texts[1..2], pooled(Pooling::Mean, true)).unwrap()[0],
        vectors[1]
    );
    set_threads(1);
}

/// llama.cpp's vectors for the same file (`createEmbeddingContext` of node-llama-cpp 3.22.1): the last token's hidden
/// state, here of length 1 and rounded.
#[derive(serde::Deserialize)]
struct Reference {
    text: String,
    vector: Vec<f32>,
}

#[test]
fn smollm2_embeds_as_llama_cpp_does() {
    let Some(model) = smollm2() else { return };
    let file = include_str!("data/reference/smollm2-135m-instruct-q4_1-embeddings.json");
    let references: Vec<Reference> = serde_json::from_str(file).unwrap();
    for Reference { text, vector } in references {
        let ours = embed(&model, &[&text], Options::default()).unwrap();
        let cosine = dot(&ours[0], &vector);
        assert!(cosine > 0.999, "{cosine}: {text}");
    }
}

#[test]
fn smollm2_knows_the_capital_of_france() {
    let Some(model) = smollm2() else { return };
    let choices = [" London", " Paris", " Berlin", " Buenos Aires"];
    let decision = decide(&model, "The capital of France is", &choices).unwrap();
    assert_eq!(decision.best, " Paris");
    assert!(decision.choices[1].probability > 0.8, "{decision:?}");
    let spaced = decide(&model, "The capital of France is ", &["London", "Paris"]).unwrap();
    assert_eq!(spaced.choices[1].ids, decision.choices[1].ids);
    assert_eq!(spaced.choices[1].logprob, decision.choices[1].logprob);
}

#[test]
fn smollm2_finds_the_document_that_answers() {
    let Some(model) = smollm2() else { return };
    let documents = [
        "Bread dough rises because yeast makes carbon dioxide.",
        "The Moon takes 27.3 days to orbit the Earth.",
        "The stock market closed higher on Friday.",
    ];
    let options = rerank::Options {
        template: "Document: {document}\nQuery: {query}\n\
            Is the document about the same topic as the query? Answer yes or no: "
            .into(),
        ..rerank::Options::default()
    };
    let ranking = rerank(
        &model,
        "How long does the Moon take to go around the Earth?",
        &documents,
        &options,
    );
    let ranking = ranking.unwrap();
    assert_eq!(ranking[0].index, 1, "{ranking:?}");
}
