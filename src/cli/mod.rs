//! The command line: its arguments, dispatch to the commands, and errors.

mod chat;
mod constraint;
#[cfg(feature = "train")]
mod evaluate;
#[cfg(feature = "train")]
mod finetune;
mod generate;
mod inspect;
mod one_pass;
mod sampling;
mod supported;
mod texts;
#[cfg(feature = "train")]
mod train;

use clap::{Args, Parser, Subcommand};
use nexttoken::Error;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "nexttoken",
    version,
    about = "Runs language models, one token at a time"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Threads that share the work; any number gives the same output [default: as many as turn out to be fastest]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

#[derive(Subcommand)]
enum Command {
    /// Show what a model file holds, and whether it runs
    Inspect(inspect::Inspect),
    /// Show the tokens of a text
    Tokenize(texts::Tokenize),
    /// Continue a prompt
    Generate(Box<generate::Generate>),
    /// Talk with a model, by its own chat template
    Chat(Box<chat::Chat>),
    /// Measure how well the model expects a text
    Score(texts::Score),
    /// Make a vector of each text
    Embed(one_pass::Embed),
    /// Compare the probabilities of a few answers
    Decide(one_pass::Decide),
    /// Sort documents by how well they answer a query
    Rerank(one_pass::Rerank),
    /// Train a small model on a text
    #[cfg(feature = "train")]
    Train(train::Train),
    /// Fine-tune a model on a text or on conversations: learn a LoRA adapter
    #[cfg(feature = "train")]
    Finetune(finetune::Finetune),
    /// Measure a trained model: held-out perplexity, variety, what it copies
    #[cfg(feature = "train")]
    Evaluate(evaluate::Evaluate),
}

/// The arguments of every command.
#[derive(Args)]
struct Common {
    /// The model: a GGUF file
    model: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why a command ended early.
enum Failure {
    /// An error to report.
    Error(Error),
    /// The reader of the output has gone, which is nothing to report.
    BrokenPipe,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// Errors of writing the output. Errors of reading files are made by the library.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Error(Error::Io(format!(
                "the output could not be written: {error}"
            ))),
        }
    }
}

type Outcome = Result<(), Failure>;

pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    match arguments.threads {
        Some(threads) => nexttoken::set_threads(threads.into()),
        None => nexttoken::search_threads(processors()),
    };
    let (outcome, json) = match &arguments.command {
        Command::Inspect(command) => (command.run(), command.json),
        Command::Tokenize(command) => (command.run(), command.common.json),
        Command::Generate(command) => (command.run(), command.common.json),
        Command::Chat(command) => (command.run(), command.common.json),
        Command::Score(command) => (command.run(), command.common.json),
        Command::Embed(command) => (command.run(), command.common.json),
        Command::Decide(command) => (command.run(), command.common.json),
        Command::Rerank(command) => (command.run(), command.common.json),
        #[cfg(feature = "train")]
        Command::Train(command) => (command.run(), command.json),
        #[cfg(feature = "train")]
        Command::Finetune(command) => (command.run(), command.common.json),
        #[cfg(feature = "train")]
        Command::Evaluate(command) => (command.run(), command.json),
    };
    match outcome {
        Ok(()) | Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Error(error)) => {
            report(&error, json);
            ExitCode::FAILURE
        }
    }
}

/// Reports an error to stderr, as JSON with `--json`. stdout has only the output that was asked for.
fn report(error: &Error, json: bool) {
    let (code, message) = (error.code(), error.to_string());
    let text = if json {
        serde_json::json!({ "error": { "code": code, "message": message } }).to_string()
    } else {
        format!("error: {message} ({code})")
    };
    // If stderr is closed, there is nowhere to report to.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints `value` as one line of JSON.
fn print_json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
