//! The examples in `tests/examples`, run.
#![cfg(not(target_arch = "wasm32"))]

#[path = "examples/chat.rs"]
mod chat;
#[path = "examples/generate.rs"]
mod generate;
#[path = "examples/score.rs"]
mod score;
#[path = "examples/steps.rs"]
mod steps;
#[path = "examples/train.rs"]
mod train;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/stories.gguf");

#[test]
fn generate_writes_a_story() {
    let story = generate::generate(MODEL).unwrap();
    assert!(story.split_whitespace().count() > 40, "{story}");
}

#[test]
fn chat_answers_both_questions() {
    let messages = chat::chat(MODEL).unwrap();
    let roles: Vec<&str> = messages.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert!(messages.iter().all(|message| !message.content.is_empty()));
}

#[test]
fn steps_branch_off() {
    let [first, second] = steps::steps(MODEL).unwrap();
    assert!(first != second && !first.is_empty(), "{first}, {second}");
}

#[test]
fn score_prefers_what_makes_sense() {
    let perplexity = |text| score::score(MODEL, text).unwrap().perplexity;
    let sense = perplexity("Once upon a time, there was a little rabbit.");
    let nonsense = perplexity("Rabbit a little was there, time a upon once.");
    assert!(sense < nonsense / 2.0, "{sense}, {nonsense}");
}

#[test]
fn train_lowers_the_loss() {
    let losses = train::train(include_str!("../www/alice.txt"), 5).unwrap();
    assert_eq!(losses.len(), 5);
    assert!(losses[4] < losses[0] - 0.2, "{losses:?}");
}

#[test]
fn a_file_that_is_not_there_has_a_code() {
    let error = generate::generate("no/such/model.gguf").unwrap_err();
    assert_eq!(error.code(), "io");
}
