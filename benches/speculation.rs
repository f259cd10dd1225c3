//! How much faster a text is written where tokens are guessed:
//! `cargo bench --bench speculation [-- MODEL THREADS ROUNDS DRAFT]`.
//!
//! Needs SmolLM2-135M-Instruct Q4_1 (98 MB), where `cargo demo` puts it. Each text is written with and without, in
//! turn, and is the same; of the rounds the medians count, and × tells how many times as fast it is. A text that copies
//! gains most; prose has little to guess, and should lose nothing. With DRAFT, a smaller model of the same vocabulary, each
//! text has a second row, in which that guesses too.
#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::{arguments, median, number, write};
use nexttoken::constraint::{Constraint, Kind, Vocabulary, token_table};
use nexttoken::generator::{Context, Generator, Options, Timings};
use nexttoken::model::Model;

const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf";

const STORY: &str = "The old lighthouse stood at the end of a long stone pier. Every evening the keeper \
    climbed the stairs, lit the lamp, and watched the ships pass in the dark. In winter the waves rose over the \
    wall and the wind shook the windows, but the light never went out. One night a small boat came close to the \
    rocks. The keeper heard a bell, ran down to the water, and threw a rope to the sailors. They held it with cold \
    hands while he pulled them to the steps. In the morning the sea was calm again. The sailors thanked the keeper, \
    repaired the boat with planks from his shed, and sailed home to their families. Since that day, when they pass \
    the pier, they ring the bell three times, and the keeper waves his hat from the window. The children of the \
    village know the story well. They walk along the pier on Sundays, count the steps of the tower, and ask the \
    keeper to tell them about the night of the storm. He always begins with the bell, and he always ends with the \
    hat. The lighthouse is quiet now, because the ships have machines that show them the way.";

/// Ten names that are fixed, and values of a few tokens.
const SCHEMA: &str = r#"{
    "type": "object", "additionalProperties": false,
    "properties": {
        "customer_name": {"type": "string", "maxLength": 20},
        "customer_number": {"type": "integer", "minimum": 1, "maximum": 9999},
        "street_address": {"type": "string", "maxLength": 20},
        "postal_code": {"type": "integer", "minimum": 1, "maximum": 99999},
        "country_code": {"enum": ["DE", "FR", "IT", "ES"]},
        "order_number": {"type": "integer", "minimum": 1, "maximum": 9999},
        "delivery_method": {"enum": ["letter", "parcel", "pickup"]},
        "payment_method": {"enum": ["card", "cash", "invoice"]},
        "newsletter_subscription": {"type": "boolean"},
        "terms_and_conditions_accepted": {"type": "boolean"}
    },
    "required": ["customer_name", "customer_number", "street_address", "postal_code", "country_code",
        "order_number", "delivery_method", "payment_method", "newsletter_subscription",
        "terms_and_conditions_accepted"]
}"#;

struct Case {
    name: &'static str,
    prompt: String,
    options: Options,
}

fn cases(model: &Model) -> Vec<Case> {
    let options = |temperature, max_tokens| Options {
        temperature,
        seed: Some(1),
        max_tokens: Some(max_tokens),
        ..Options::default()
    };
    let chat = |ask: &str| format!("<|im_start|>user\n{ask}<|im_end|>\n<|im_start|>assistant\n");
    let repeat =
        format!("Repeat this text, with the word \"hat\" changed to \"scarf\":\n\n{STORY}");
    let order = "Write the order of a customer named Anna Berger from Berlin as a JSON object with the members \
        customer_name, customer_number, street_address, postal_code, country_code, order_number, delivery_method, \
        payment_method, newsletter_subscription and terms_and_conditions_accepted.";
    let compact = SCHEMA.replacen('{', r#"{"x-guidance": {"whitespace_flexible": false},"#, 1);
    let json = |source: &str| Options {
        constraint: Some(constraint(model, source)),
        ..options(0.0, 400)
    };
    let case = |name, prompt: String, options| Case {
        name,
        prompt,
        options,
    };
    vec![
        case("copy", chat(&repeat), options(0.0, 300)),
        case(
            "prose, greedy",
            chat("Tell me a story about a fox and an owl."),
            options(0.0, 300),
        ),
        case(
            "prose",
            chat("Tell me a story about a fox and an owl."),
            options(0.8, 300),
        ),
        case(
            "essay",
            chat("Explain how a sailing boat can move against the wind."),
            options(0.8, 300),
        ),
        case("JSON", chat(order), json(SCHEMA)),
        case("JSON, compact", chat(order), json(&compact)),
    ]
}

fn constraint(model: &Model, source: &str) -> Constraint {
    let table = token_table(&model.tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    vocabulary.compile(Kind::JsonSchema, source).unwrap()
}

fn write_case(generator: &mut Generator, case: &Case, speculation: bool) -> (Vec<u32>, Timings) {
    let options = Options {
        speculation,
        ..case.options.clone()
    };
    write(generator, &case.prompt, options)
}

fn main() {
    let mut arguments = arguments();
    let path = arguments.next().unwrap_or_else(|| MODEL.into());
    nexttoken::set_threads(number(&mut arguments, 1));
    let rounds = number(&mut arguments, 3);
    let model = Arc::new(Model::open(path).unwrap());
    let draft = arguments
        .next()
        .map(|path| Arc::new(Model::open(path).unwrap()));
    let mut generator = Generator::new(Arc::clone(&model), Context::default()).unwrap();
    println!(
        "| text | tokens | drafted | accepted | without, tok/s | with | × |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    for case in cases(&model) {
        race(&mut generator, &case, "", rounds);
        if draft.is_some() {
            generator.set_draft(draft.clone()).unwrap();
            race(&mut generator, &case, ", draft model", rounds);
            generator.set_draft(None).unwrap();
        }
    }
}

/// Writes a text with and without guesses, in turn, and prints its row.
fn race(generator: &mut Generator, case: &Case, suffix: &str, rounds: usize) {
    let mut rates = [Vec::new(), Vec::new()];
    let mut last = Timings::default();
    for _ in 0..rounds {
        let (plain, without) = write_case(generator, case, false);
        let (ids, with) = write_case(generator, case, true);
        assert_eq!(ids, plain, "{}", case.name);
        rates[0].push(without.decode_tokens_per_second);
        rates[1].push(with.decode_tokens_per_second);
        last = with;
    }
    let [without, with] = rates.map(median);
    println!(
        "| {}{suffix} | {} | {} | {} | {without:.1} | {with:.1} | {:.2} |",
        case.name,
        last.decode_tokens + 1,
        last.drafted,
        last.accepted,
        with / without
    );
}
