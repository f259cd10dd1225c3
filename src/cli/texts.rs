//! The commands `tokenize` and `score`: the tokens of a text, and how well a model predicts it.

use super::{Common, Outcome, print_json};
use clap::Args;
use nexttoken::generator::CacheType;
use nexttoken::model::Model;
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
        let model = Model::open(&self.common.model)?;
        let ids = model.tokenizer.encode(&self.text, self.special);
        if self.common.json {
            return print_json(&serde_json::json!({ "ids": ids }));
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for id in ids {
            writeln!(out, "{id:>8}  {:?}", model.tokenizer.token_text(id))?;
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
    /// Also print the tokens expected most in the place of each, so many
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1000))]
    top: u16,
}

impl Score {
    pub fn run(&self) -> Outcome {
        let model = Model::open(&self.common.model)?;
        let mut scorer =
            Scorer::new(&model, &self.text, self.cache_type)?.with_top(self.top.into());
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
        let token = |id| model.tokenizer.token_text(id);
        writeln!(out, "          {:?}", token(score.ids[0]))?;
        let targets = score.nll.iter().zip(&score.ids[1..]).enumerate();
        for (position, (nll, &id)) in targets {
            writeln!(out, "{nll:>8.4}  {:?}", token(id))?;
            for best in score.top_logprobs.get(position).into_iter().flatten() {
                writeln!(out, "            {:>8.4}  {:?}", -best.logprob, best.text)?;
            }
        }
        Ok(out.flush()?)
    }
}
