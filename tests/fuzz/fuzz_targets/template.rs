//! A chat template, and messages and variables for it: a conversation or an error, soon.
//!
//! The input is the template, then, each after a byte 0, variables as JSON and messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexttoken::chat::{Message, Rendering};
use nexttoken_fuzz::{generator, options};

fuzz_target!(|input: &str| {
    let mut parts = input.split('\0');
    let template = parts.next().unwrap_or_default();
    let variables = parts
        .next()
        .and_then(|json| serde_json::from_str(json).ok());
    let mut messages = vec![Message::new("user", "HI <|end|> THERE")];
    for (index, text) in parts.enumerate() {
        let roles = ["assistant", "user", "system", "tool"];
        messages.push(Message::new(roles[index % 4], text));
    }
    let rendering = Rendering {
        // What has a tag is a template itself.
        template: Some(format!("{template}{{{{ messages[-1].content }}}}")),
        date: Some("2026-11-24".to_owned()),
        variables: variables.unwrap_or_default(),
        ..Rendering::default()
    };
    let mut generator = generator();
    let _ = generator.chat(&messages, &rendering, options());
});
