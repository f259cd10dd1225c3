//! The command `chat`: a conversation with a model, line by line.

use super::{Common, Outcome, generate::Writing};
use clap::Args;
use nexttoken::Error;
use nexttoken::chat::{Message, Rendering};
use nexttoken::generator::{Generator, Options};
use std::io::{IsTerminal, Write, stderr, stdin};

#[derive(Args)]
pub struct Chat {
    #[command(flatten)]
    pub common: Common,
    /// What to say; may be given more than once [default: each line of the standard input]
    #[arg(long, allow_hyphen_values = true)]
    message: Vec<String>,
    /// What the model is told beforehand
    #[arg(long, allow_hyphen_values = true)]
    system: Option<String>,
    /// The name of one of the model's templates, or a template in Jinja [default: the model's own]
    #[arg(long)]
    chat_template: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Chat {
    pub fn run(&self) -> Outcome {
        let (mut generator, options) = self.writing.begin(&self.common.model)?;
        let system = self.system.iter();
        let mut messages: Vec<_> = system.map(|text| Message::new("system", text)).collect();
        if self.message.is_empty() {
            while let Some(line) = read_line()? {
                self.answer(&mut generator, &mut messages, line, &options)?;
            }
        } else {
            for text in &self.message {
                self.answer(&mut generator, &mut messages, text.clone(), &options)?;
            }
        }
        Ok(())
    }

    /// One turn of the conversation.
    fn answer(
        &self,
        generator: &mut Generator,
        messages: &mut Vec<Message>,
        said: String,
        options: &Options,
    ) -> Outcome {
        messages.push(Message::new("user", said));
        let rendering = Rendering {
            template: self.chat_template.clone(),
            ..Rendering::default()
        };
        generator.chat(messages, &rendering, options.clone())?;
        self.writing.print(generator, self.common.json)?;
        messages.push(Message::new("assistant", generator.text()));
        Ok(())
    }
}

/// The next line of the standard input that is not empty.
fn read_line() -> Result<Option<String>, Error> {
    loop {
        if stdin().is_terminal() {
            let _ = write!(stderr(), "> ");
        }
        let mut line = String::new();
        let read = stdin().read_line(&mut line);
        if read.map_err(|error| Error::Io(format!("the standard input: {error}")))? == 0 {
            return Ok(None);
        }
        let text = line.trim();
        if !text.is_empty() {
            return Ok(Some(text.to_owned()));
        }
    }
}
