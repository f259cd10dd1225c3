//! The command `generate`, which continues a prompt; and the options and output of generated text, which `chat` shares.

use super::constraint::Constrained;
use super::sampling::Sampling;
use super::{Common, Outcome, print_json};
use clap::Args;
use nexttoken::Result;
use nexttoken::generator::{CacheType, Context, Generator, Options, Timings, Token};
use nexttoken::model::{Adapter, Model};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Args)]
pub struct Generate {
    #[command(flatten)]
    pub common: Common,
    /// The text to continue
    #[arg(long, allow_hyphen_values = true)]
    prompt: String,
    #[command(flatten)]
    writing: Writing,
}

/// How a text is written.
#[derive(Args)]
pub struct Writing {
    /// Tokens to generate at most [default: as many as the context holds; any number with --context-shift]
    #[arg(long)]
    max_tokens: Option<usize>,
    /// The same seed gives the same text [default: drawn at random]
    #[arg(long)]
    seed: Option<u64>,
    /// End before this string; may be given more than once
    #[arg(long, allow_hyphen_values = true)]
    stop: Vec<String>,
    /// Apply a LoRA adapter, a GGUF file, with this scale [default: 1]; may be given more than once
    #[arg(long, value_name = "FILE[=SCALE]", value_parser = lora)]
    lora: Vec<(PathBuf, f32)>,
    /// Tokens the context may hold [default: the model's own number]
    #[arg(long)]
    context_length: Option<usize>,
    /// Go on where the context is full: drop the oldest half of the text
    #[arg(long)]
    context_shift: bool,
    /// Tokens at the start that are never dropped
    #[arg(long, default_value_t = 0)]
    n_keep: usize,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
    /// Run no tokens ahead of their turn: this changes the speed, never the text
    #[arg(long)]
    no_speculation: bool,
    /// A smaller model with the same vocabulary, a GGUF file, which guesses tokens: for the speed, too
    #[arg(long, value_name = "MODEL")]
    draft: Option<PathBuf>,
    /// Report this many of the most probable tokens of each step
    #[arg(long, default_value_t = 0)]
    top_logprobs: u32,
    /// Print each token as a line of JSON with the record of its step, in lists of up to N [default: 10]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10")]
    record: Option<u32>,
    #[command(flatten)]
    constrained: Constrained,
    #[command(flatten)]
    sampling: Sampling,
}

impl Generate {
    pub fn run(&self) -> Outcome {
        let (mut generator, options) = self.writing.begin(&self.common.model)?;
        generator.start(&self.prompt, options)?;
        self.writing.print(&mut generator, self.common.json)
    }
}

impl Writing {
    /// A generator with the model in the file at `path`, and the options of its texts.
    pub fn begin(&self, path: &Path) -> Result<(Generator, Options)> {
        // What can be checked before the model is read is checked first: reading takes a while.
        let mut options = self.options()?;
        options.validate()?;
        let source = self.constrained.source()?;
        let context = Context {
            length: self.context_length,
            cache_type: self.cache_type,
        };
        let model = Arc::new(Model::open(path)?);
        let mut generator = Generator::new(Arc::clone(&model), context)?;
        for ((file, _), (name, _)) in self.lora.iter().zip(&options.adapters) {
            generator.add_adapter(name, Arc::new(Adapter::open(&model, file)?))?;
        }
        if let Some(file) = &self.draft {
            generator.set_draft(Some(Arc::new(Model::open(file)?)))?;
        }
        if let Some(source) = source {
            options.constraint = Some(source.compile(&model.tokenizer)?);
        }
        Ok((generator, options))
    }

    fn options(&self) -> Result<Options> {
        // The same file may be given twice, so that adapters are named by their numbers.
        let numbered = self.lora.iter().enumerate();
        Ok(Options {
            adapters: numbered
                .map(|(number, (_, scale))| (number.to_string(), *scale))
                .collect(),
            seed: self.seed,
            stop: self.stop.clone(),
            max_tokens: self.max_tokens,
            top_logprobs: self.top_logprobs,
            record: self.record,
            context_shift: self.context_shift,
            n_keep: self.n_keep,
            speculation: !self.no_speculation,
            ..self.sampling.options()?
        })
    }

    /// Generates the text and prints it.
    pub fn print(&self, generator: &mut Generator, json: bool) -> Outcome {
        if json {
            self.print_as_json(generator)
        } else if self.record.is_some() {
            generator.tokens().try_for_each(|token| print_json(&token?))
        } else {
            self.print_as_text(generator)
        }
    }

    fn print_as_json(&self, generator: &mut Generator) -> Outcome {
        let tokens: Vec<Token> = generator.tokens().collect::<Result<_>>()?;
        let mut result = json!({
            "prompt_ids": generator.prompt_ids(),
            "ids": generator.ids(),
            "text": generator.text(),
            "finish_reason": generator.finish_reason(),
            "seed": generator.seed(),
            "samplers": generator.samplers(),
            "timings": generator.timings(),
        });
        if self.top_logprobs > 0 || self.record.is_some() {
            result["tokens"] = json!(tokens);
        }
        print_json(&result)
    }

    /// Prints the text to stdout as it is generated, and everything else to stderr.
    fn print_as_text(&self, generator: &mut Generator) -> Outcome {
        let mut out = std::io::stdout().lock();
        for token in generator.tokens() {
            let token = token?;
            out.write_all(token.text.as_bytes())?;
            out.flush()?;
            if self.top_logprobs > 0 {
                print_distribution(&token);
            }
        }
        writeln!(out)?;
        out.flush()?;
        print_summary(&generator.timings(), generator.seed().unwrap_or(0));
        Ok(())
    }
}

/// The file of an adapter, and its scale where a number follows the last "=".
fn lora(text: &str) -> std::result::Result<(PathBuf, f32), String> {
    let with_scale = text.rsplit_once('=');
    let parsed = with_scale.and_then(|(file, scale)| Some((file.into(), scale.parse().ok()?)));
    Ok(parsed.unwrap_or_else(|| (text.into(), 1.0)))
}

fn print_distribution(token: &Token) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err);
    for candidate in &token.top_logprobs {
        let mark = if candidate.id == token.id { '>' } else { ' ' };
        let own = f64::from(candidate.logprob).exp() * 100.0;
        let drawn = f64::from(candidate.probability) * 100.0;
        let _ = writeln!(
            err,
            "{mark} {own:>6.2} %  {drawn:>6.2} %  {:?}",
            candidate.text
        );
    }
}

fn print_summary(timings: &Timings, seed: u64) {
    let reused = match timings.reused_tokens {
        0 => String::new(),
        reused => format!(" after {reused} reused"),
    };
    let guessed = match timings.drafted {
        0 => String::new(),
        drafted => format!(", {} of {drafted} guesses right", timings.accepted),
    };
    let _ = writeln!(
        std::io::stderr(),
        "[prompt: {} tokens{reused}, {:.1} tok/s; text: {:.1} tok/s{guessed}; seed {seed}]",
        timings.prefill_tokens,
        timings.prefill_tokens_per_second,
        timings.decode_tokens_per_second,
    );
}
