//! `generate`: continues a prompt; and how text is written, which `chat` shares.

use super::{Common, Outcome, model_file, print_json};
use clap::Args;
use nexttoken::Result;
use nexttoken::generator::{CacheType, Context, Generator, Options, Timings, Token};
use serde_json::json;
use std::io::Write;
use std::path::Path;
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
    /// Tokens to generate at most [default: as many as the context holds]
    #[arg(long)]
    max_tokens: Option<usize>,
    /// 0 is greedy; under 1 sharpens the distribution, over 1 flattens it
    #[arg(long, default_value_t = Options::default().temperature, allow_negative_numbers = true)]
    temperature: f32,
    /// Only the K most probable tokens may be drawn; 0 means all
    #[arg(long, default_value_t = Options::default().top_k)]
    top_k: u32,
    /// Only the smallest set of the most probable tokens with this share of the probability may be drawn
    #[arg(long, default_value_t = Options::default().top_p, allow_negative_numbers = true)]
    top_p: f32,
    /// Only tokens at least this many times as probable as the best may be drawn; 0 means all
    #[arg(long, default_value_t = Options::default().min_p, allow_negative_numbers = true)]
    min_p: f32,
    /// The same seed gives the same text [default: drawn at random]
    #[arg(long)]
    seed: Option<u64>,
    /// End before this string; may be given more than once
    #[arg(long, allow_hyphen_values = true)]
    stop: Vec<String>,
    /// Tokens the context may hold [default: the model's own number]
    #[arg(long)]
    context_length: Option<usize>,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
    /// Report this many of the most probable tokens of each step
    #[arg(long, default_value_t = 0)]
    top_logprobs: u32,
}

impl Generate {
    pub fn run(&self) -> Outcome {
        // Before the model is read, which takes a while.
        let options = self.writing.options();
        options.validate()?;
        let mut generator = self.writing.generator(&self.common.model)?;
        generator.start(&self.prompt, options)?;
        if self.common.json {
            self.writing.print_as_json(&mut generator)
        } else {
            self.writing.print_as_text(&mut generator)
        }
    }
}

impl Writing {
    /// A generator with the model in the file at `path`.
    pub fn generator(&self, path: &Path) -> Result<Generator> {
        let context = Context {
            length: self.context_length,
            cache_type: self.cache_type,
        };
        Generator::new(Arc::new(model_file::load(path)?), context)
    }

    pub fn options(&self) -> Options {
        Options {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            seed: self.seed,
            stop: self.stop.clone(),
            max_tokens: self.max_tokens,
            logprobs: true,
            top_logprobs: self.top_logprobs,
        }
    }

    pub fn print_as_json(&self, generator: &mut Generator) -> Outcome {
        let tokens: Vec<Token> = generator.tokens().collect::<Result<_>>()?;
        let mut result = json!({
            "prompt_ids": generator.prompt_ids(),
            "ids": generator.ids(),
            "text": generator.text(),
            "finish_reason": generator.finish_reason(),
            "seed": generator.seed(),
            "timings": generator.timings(),
        });
        if self.top_logprobs > 0 {
            result["tokens"] = json!(tokens);
        }
        print_json(&result)
    }

    /// The text on stdout as it appears, everything else on stderr.
    pub fn print_as_text(&self, generator: &mut Generator) -> Outcome {
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
    let _ = writeln!(
        std::io::stderr(),
        "[prompt: {} tokens{reused}, {:.1} tok/s; text: {:.1} tok/s; seed {seed}]",
        timings.prefill_tokens,
        timings.prefill_tokens_per_second,
        timings.decode_tokens_per_second,
    );
}
