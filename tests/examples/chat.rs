//! Asks a model two questions: `cargo run --release --example chat -- [MODEL]`.

use std::sync::Arc;

use nexttoken::Result;
use nexttoken::chat::{Message, Rendering};
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

/// Prints the conversation, and returns it.
pub fn chat(model: &str) -> Result<Vec<Message>> {
    let model = Arc::new(Model::open(model)?);
    // The storyteller was not made for conversations, and its file has no template.
    let plain = "{% for message in messages %}{{ message.content }} {% endfor %}";
    let has_template = !nexttoken::chat::template_names(&model.metadata).is_empty();
    let rendering = Rendering {
        template: (!has_template).then(|| plain.to_owned()),
        ..Rendering::default()
    };
    let mut generator = Generator::new(model, Context::default())?;
    let options = Options {
        seed: Some(1),
        max_tokens: Some(40),
        ..Options::default()
    };
    let mut messages = Vec::new();
    for question in ["Who lives in the forest?", "And by the sea?"] {
        messages.push(Message::new("user", question));
        // Only the tokens that the model has not read yet are run.
        generator.chat(&messages, &rendering, options.clone())?;
        for token in generator.tokens() {
            token?;
        }
        println!("> {question}\n{}", generator.text());
        messages.push(Message::new("assistant", generator.text()));
    }
    Ok(messages)
}

#[allow(dead_code)]
fn main() -> Result<()> {
    let model = std::env::args().nth(1);
    chat(model.as_deref().unwrap_or("www/stories.gguf")).map(drop)
}
