//! Texts that keep to a rule: a JSON schema, a regular expression, a grammar, or one of the caller's own.
//!
//! The test of SmolLM2 needs the model in `.cache/models/` (`cargo demo` puts it there); without it it says so
//! and passes. Set `NEXTTOKEN_REQUIRE_MODEL=1` to have it fail instead.
#![cfg(not(target_arch = "wasm32"))]

mod common;
#[path = "common/grammars.rs"]
mod grammars;
#[path = "common/languages.rs"]
mod languages;
#[path = "common/validator.rs"]
mod validator;

use common::*;
use languages::LANGUAGES;
use nexttoken::constraint::{Constraint, Kind, Rule, Vocabulary, token_table};
use nexttoken::generator::{Context, FinishReason, Generator, Options, Token};
use nexttoken::model::{Loader, Model};
use nexttoken::quant::TensorType;
use nexttoken::sampler::Mask;
use nexttoken::{Error, Result, TokenId};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use validator::Validator;

fn random() -> Generator {
    Generator::new(load(&random_model(TensorType::Q8_0)), Context::default()).unwrap()
}

fn constraint(generator: &Generator, kind: Kind, source: &str) -> Constraint {
    let table = token_table(&generator.model().tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    vocabulary.compile(kind, source).unwrap()
}

/// Nothing is cut but by the constraint.
fn wild(constraint: &Constraint, seed: u64) -> Options {
    Options {
        temperature: 1.5,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        seed: Some(seed),
        max_tokens: Some(200),
        constraint: Some(constraint.clone()),
        ..Options::default()
    }
}

fn rest(generator: &mut Generator) -> Vec<Token> {
    generator.tokens().collect::<Result<_>>().unwrap()
}

#[test]
fn noise_keeps_to_a_regular_expression() {
    let mut generator = random();
    let date = constraint(
        &generator,
        Kind::Regex,
        r"(19|20)[0-9]{2}-[01][0-9](, the (en|the))?",
    );
    let mut texts = Vec::new();
    for seed in 0..50 {
        generator.start("the", wild(&date, seed)).unwrap();
        let tokens = rest(&mut generator);
        let text = generator.text().to_owned();
        let (year, more) = text.split_at(7);
        assert!(["", ", the en", ", the the"].contains(&more), "{text}");
        let year = year.replace(|c: char| c.is_ascii_digit(), "0");
        assert_eq!(year, "0000-00");
        assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));
        assert!(
            tokens
                .iter()
                .rev()
                .skip(1)
                .all(|token| token.finish_reason.is_none())
        );
        let pieces: String = tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(pieces, text);
        texts.push(text);
    }
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 20, "{texts:?}");
    // Cut off by the number of tokens, not by the constraint.
    let short = Options {
        max_tokens: Some(3),
        ..wild(&date, 1)
    };
    generator.start("the", short).unwrap();
    assert_eq!(
        rest(&mut generator).last().unwrap().finish_reason,
        Some(FinishReason::Length)
    );
}

#[test]
fn a_constrained_text_can_be_stepped_by_hand() {
    let mut generator = random();
    let list = constraint(
        &generator,
        Kind::Grammar,
        "root ::= \"[\" item (\",\" item)* \"]\"\nitem ::= [a-z]{1,3} | root",
    );
    let mut write = |seed| {
        let record = Some(5);
        let options = Options {
            record,
            ..wild(&list, seed)
        };
        generator.start("on", options).unwrap();
        rest(&mut generator)
    };
    let long = (0..).map(&mut write).find(|tokens| tokens.len() > 8);
    let tokens = long.unwrap();
    assert!(generator.text().starts_with('['));
    for count in [1, 3, tokens.len()] {
        generator.rewind(count).unwrap();
        assert_eq!(rest(&mut generator), tokens[tokens.len() - count..]);
    }

    // A fork goes on as its parent, and then its own way.
    generator.rewind(tokens.len() - 2).unwrap();
    let mut fork = generator.fork().unwrap();
    assert_eq!(rest(&mut fork), tokens[2..]);
    assert_eq!(generator.next_token().unwrap().unwrap(), tokens[2]);
    fork.rewind(tokens.len() - 2).unwrap();
    assert_eq!(rest(&mut generator), tokens[3..]);
    assert_eq!(rest(&mut fork), tokens[2..]);

    // What is not allowed cannot be forced, and nothing changes.
    generator.rewind(tokens.len()).unwrap();
    for wrong in [u32::from(b'a'), u32::from(b']'), END, USER, BEGIN] {
        let error = generator.accept(wrong).unwrap_err();
        assert_eq!(error, Error::ForbiddenToken(wrong));
        assert_eq!(error.code(), "forbidden_token");
        assert_eq!(generator.text(), "");
    }
    let record = generator.peek(1000).unwrap().unwrap();
    let stage = &record.stages[0];
    assert_eq!((stage.name, stage.kept), ("constraint", 1));
    assert_eq!(stage.removed, VOCABULARY - 1);
    for token in &record.candidates {
        let expected = if token.bytes == b"[" { 1.0 } else { 0.0 };
        assert_eq!(token.probability, expected, "{token:?}");
    }
    for letter in b"[on" {
        assert!(generator.accept(u32::from(*letter)).unwrap().is_some());
    }
    assert_eq!(
        generator.accept(END).unwrap_err(),
        Error::ForbiddenToken(END)
    );
    let last = generator.accept(u32::from(b']')).unwrap().unwrap();
    assert_eq!(
        (last.text.as_str(), last.finish_reason),
        ("]", Some(FinishReason::Stop))
    );
    assert_eq!(generator.text(), "[on]");
    assert_eq!(generator.accept(u32::from(b']')).unwrap(), None);
    assert!(generator.peek(3).unwrap().is_none());
}

#[test]
fn the_constraint_can_change_within_a_text() {
    let mut generator = random();
    let digits = constraint(&generator, Kind::Regex, "[0-9]{5,}");
    let letters = constraint(&generator, Kind::Regex, "[a-z]{4}");
    generator.start("on", wild(&digits, 3)).unwrap();
    for _ in 0..5 {
        generator.next_token().unwrap();
    }
    let start = generator.text().to_owned();
    assert!(
        start.len() == 5 && start.bytes().all(|byte| byte.is_ascii_digit()),
        "{start}"
    );
    generator.configure(wild(&letters, 3)).unwrap();
    let tokens = rest(&mut generator).len();
    let end = generator.text()[5..].to_owned();
    assert!(
        end.len() == 4 && end.bytes().all(|byte| byte.is_ascii_lowercase()),
        "{end}"
    );
    // Going back behind its beginning leaves it to what comes then.
    generator.rewind(tokens + 2).unwrap();
    rest(&mut generator);
    assert_eq!(generator.text()[3..].len(), 4);
    assert!(
        generator.text()[3..]
            .bytes()
            .all(|byte| byte.is_ascii_lowercase())
    );
    // The same options again change nothing; without it everything goes.
    generator.rewind(2).unwrap();
    generator.configure(wild(&letters, 3)).unwrap();
    rest(&mut generator);
    assert_eq!(generator.text()[3..].len(), 4);
    generator.rewind(1).unwrap();
    let free = Options {
        constraint: None,
        ..wild(&letters, 3)
    };
    generator.configure(free).unwrap();
    assert!(generator.accept(u32::from(b'?')).unwrap().is_some());
}

#[test]
fn what_a_constraint_cannot_have_is_a_typed_error() {
    let mut generator = random();
    let yes = constraint(&generator, Kind::Regex, "yes");
    let banned = Options {
        banned_tokens: vec![u32::from(b'e')],
        ..wild(&yes, 1)
    };
    generator.start("on", banned).unwrap();
    generator.next_token().unwrap();
    for _ in 0..2 {
        let error = generator.next_token().unwrap_err();
        assert_eq!(error.code(), "constraint");
        assert!(error.to_string().contains("banned"), "{error}");
    }
    generator.configure(wild(&yes, 1)).unwrap();
    rest(&mut generator);
    assert_eq!(generator.text(), "yes");

    let table = token_table(&generator.model().tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    let error = vocabulary.compile(Kind::Regex, "a(").unwrap_err();
    assert_eq!(error.code(), "invalid_option");
    assert!(error.to_string().contains("\"regex\""), "{error}");
}

/// Allows one token so many times.
struct Times(TokenId, usize);

impl Rule for Times {
    fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        let mut words = vec![0; self.0 as usize / 32 + 1];
        words[self.0 as usize / 32] = 1 << (self.0 % 32);
        Ok((ids.len() < self.1).then(|| Mask::new(words)))
    }
}

#[test]
fn a_rule_can_be_the_callers_own() {
    let mut generator = random();
    let times = |count| Constraint::new(Arc::new(Times(u32::from(b'z'), count)));
    generator.start("on", wild(&times(5), 1)).unwrap();
    assert_eq!(rest(&mut generator).len(), 5);
    assert_eq!(generator.text(), "zzzzz");
    // A text that is complete before it begins.
    generator.start("on", wild(&times(0), 1)).unwrap();
    assert!(generator.peek(3).unwrap().is_none());
    assert_eq!(generator.next_token().unwrap(), None);
    assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));
}

/// The pattern of a string.
const DATE: &str = "^20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][1-9]$";

/// Ten schemas whose texts end by themselves.
fn schemas() -> [Value; 10] {
    let short = json!({ "type": "string", "minLength": 1, "maxLength": 12 });
    let object = |properties: Value| {
        let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    [
        object(
            json!({ "name": short, "age": { "type": "integer", "minimum": 0, "maximum": 130 } }),
        ),
        json!({ "type": "array", "items": { "enum": ["red", "green", "blue"] }, "minItems": 1, "maxItems": 4 }),
        object(
            json!({ "ok": { "type": "boolean" }, "reason": { "anyOf": [short, { "type": "null" }] } }),
        ),
        json!({ "enum": ["yes", "no", 42, null, { "a": [1, "ü🙂"] }] }),
        object(
            json!({ "point": { "type": "array", "prefixItems": [{ "type": "integer", "minimum": -9, "maximum": 9 },
            { "type": "integer", "minimum": 100, "maximum": 999 }], "items": false, "minItems": 2 } }),
        ),
        json!({ "oneOf": [object(json!({ "kind": { "const": "cat" }, "lives": { "type": "integer", "minimum": 1, "maximum": 9 } })),
            object(json!({ "kind": { "const": "dog" }, "tricks": { "type": "array", "items": short, "maxItems": 2 } }))] }),
        object(json!({ "date": { "type": "string", "pattern": DATE } })),
        json!({ "type": "object", "properties": { "tree": { "$ref": "#/$defs/node" } }, "required": ["tree"], "additionalProperties": false,
            "$defs": { "node": { "type": "object", "properties": { "v": { "type": "boolean" }, "next": { "type": "null" } },
            "required": ["v"], "additionalProperties": false } } }),
        json!({ "type": "string", "maxLength": 20 }),
        object(
            json!({ "price": { "type": "number", "minimum": 0, "maximum": 100 }, "tags":
            { "type": "array", "items": { "type": "string", "maxLength": 6 }, "maxItems": 3 } }),
        ),
    ]
}

/// Writes down how long a rule takes.
struct Timed(Constraint, Mutex<Vec<Duration>>);

impl Rule for Timed {
    fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        let started = Instant::now();
        let next = self.0.allowed_tokens(ids);
        self.1.lock().unwrap().push(started.elapsed());
        next
    }
}

/// Writes a text for each seed, by the schemas in turn; gives the median time of a mask.
fn write_json(mut generator: Generator, seeds: u64, prompt: &str) -> Duration {
    let table = token_table(&generator.model().tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    let schemas = schemas().map(|schema| {
        let constraint = vocabulary
            .compile(Kind::JsonSchema, &schema.to_string())
            .unwrap();
        (schema, Arc::new(Timed(constraint, Mutex::default())))
    });
    for seed in 0..seeds {
        let (schema, rule) = &schemas[seed as usize % 10];
        let mut options = wild(&Constraint::new(rule.clone()), seed);
        options.max_tokens = Some(400);
        generator.start(prompt, options).unwrap();
        rest(&mut generator);
        let text = generator.text();
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(Validator::new(schema).allows(&value), "{text}");
        assert_eq!(
            generator.finish_reason(),
            Some(FinishReason::Stop),
            "{text}"
        );
    }
    let times = schemas
        .iter()
        .flat_map(|schema| schema.1.1.lock().unwrap().clone());
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    println!(
        "{} masks, median {:?}, worst {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
    times[times.len() / 2]
}

#[test]
fn a_small_model_writes_json() {
    let bytes = std::fs::read("www/stories.gguf").unwrap();
    let generator = Generator::new(load(&bytes), Context::default()).unwrap();
    write_json(generator, 200, "Once upon a time");
}

/// SmolLM2; `None` where it is not there.
fn smollm2() -> Option<Arc<Model>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
    if !path.exists() {
        let required = std::env::var("NEXTTOKEN_REQUIRE_MODEL").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "{} is missing: `cargo demo` puts it there",
            path.display()
        );
        eprintln!("skipped: {} is missing", path.display());
        return None;
    }
    let mut file = std::fs::File::open(path).unwrap();
    let (mut loader, mut buffer) = (Loader::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return Some(Arc::new(loader.finish().unwrap())),
            read => loader.push(&buffer[..read]).unwrap(),
        }
    }
}

#[test]
fn smollm2_writes_json_at_any_temperature() {
    let Some(model) = smollm2() else { return };
    let generator = Generator::new(model, Context::default()).unwrap();
    // Fewer than of noise: each token of this model costs a hundred times as much.
    write_json(generator, 40, "Answer in JSON:\n");
}

/// Has a text of at most 60 tokens written by each source, and gives those that ended by themselves.
fn ended_by_smollm2(
    model: Arc<Model>,
    prompt: &str,
    kind: Kind,
    sources: &[String],
) -> Vec<Option<String>> {
    let mut generator = Generator::new(model, Context::default()).unwrap();
    let table = token_table(&generator.model().tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    let mut texts = Vec::new();
    for (seed, source) in sources.iter().enumerate() {
        let rule = vocabulary.compile(kind, source);
        let mut options = wild(&rule.unwrap(), seed as u64);
        options.max_tokens = Some(60);
        generator.start(prompt, options).unwrap();
        rest(&mut generator);
        let is_ended = generator.finish_reason() == Some(FinishReason::Stop);
        texts.push(is_ended.then(|| generator.text().to_owned()));
    }
    let ended = texts.iter().flatten().count();
    println!("{ended} of {} texts ended", texts.len());
    assert!(ended * 2 > texts.len());
    texts
}

#[test]
fn what_smollm2_ends_by_itself_is_valid() {
    let Some(model) = smollm2() else { return };
    let schemas = include_str!("data/constraint/schemas.json");
    let schemas: Vec<Value> = serde_json::from_str(schemas).unwrap();
    let sources: Vec<String> = schemas.iter().map(Value::to_string).collect();
    let texts = ended_by_smollm2(model, "Answer in JSON:\n", Kind::JsonSchema, &sources);
    for (schema, text) in schemas.iter().zip(texts) {
        let Some(text) = text else { continue };
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(Validator::new(schema).allows(&value), "{schema}: {text}");
    }
}

#[test]
fn what_smollm2_ends_by_itself_is_a_sentence() {
    let Some(model) = smollm2() else { return };
    let sources = LANGUAGES.map(|language| language.source.to_owned());
    let texts = ended_by_smollm2(model, "For example: ", Kind::Grammar, &sources);
    for (language, text) in LANGUAGES.iter().zip(texts) {
        // A reader that says the same of every text shows nothing.
        assert!((language.knows)(language.sentence) && !(language.knows)(language.other));
        let Some(text) = text else { continue };
        println!("{text:?}");
        assert!((language.knows)(&text), "{}{text:?}", language.source);
    }
}
