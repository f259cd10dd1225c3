//! `tokenize` and `score`: what a model sees in a given text.

use super::{Common, Outcome, model_file, print_json};
use clap::Args;
use nexttoken::generator::CacheType;
use nexttoken::score::Scorer;
use std::io::{BufWriter, Write};

#[derive(Args)]
pub struct Tokenize {
    #[command(flatten)]
    pub common: Common,
    /// The text
    #[arg(long, allow_hyphen_values = true)]
    text: String,
    /// Parse special tokens spelled out in the text ("<|im_start|>")
    #[arg(long)]
    special: bool,
}

impl Tokenize {
    pub fn run(&self) -> Outcome {
        let model = model_file::load(&self.common.model)?;
        let ids = model.tokenizer.encode(&self.text, self.special);
        if self.common.json {
            return print_json(&serde_json::json!({ "ids": ids }));
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for id in ids {
            writeln!(out, "{id:>8}  {:?}", token(&model, id))?;
        }
        Ok(out.flush()?)
    }
}

#[derive(Args)]
pub struct Score {
    #[command(flatten)]
    pub common: Common,
    /// The text
    #[arg(long, allow_hyphen_values = true)]
    text: String,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
}

impl Score {
    pub fn run(&self) -> Outcome {
        let model = model_file::load(&self.common.model)?;
        let mut scorer = Scorer::new(&model, &self.text, self.cache_type)?;
        while !scorer.step()?.is_complete() {}
        let score = scorer.finish()?;
        if self.common.json {
            return print_json(&score);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        writeln!(
            out,
            "mean cross-entropy  {:.4} nats per token",
            score.mean_nll
        )?;
        writeln!(out, "perplexity          {:.2}", score.perplexity)?;
        writeln!(out)?;
        writeln!(out, "    nats  token")?;
        writeln!(out, "          {:?}", token(&model, score.ids[0]))?;
        for (nll, &id) in score.nll.iter().zip(&score.ids[1..]) {
            writeln!(out, "{nll:>8.4}  {:?}", token(&model, id))?;
        }
        Ok(out.flush()?)
    }
}

/// A token for people: its text, or the name of a control token.
fn token(model: &nexttoken::model::Model, id: nexttoken::TokenId) -> String {
    let bytes = model.tokenizer.token_bytes(id);
    if bytes.is_empty() {
        model.tokenizer.token_name(id)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}
