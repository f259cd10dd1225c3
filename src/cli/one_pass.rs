//! The commands `embed`, `decide` and `rerank`: what one pass over a text gives without generating any.

use super::{Common, Outcome, print_json};
use clap::Args;
use nexttoken::Error;
use nexttoken::decision::{self, Decider};
use nexttoken::embedding::{Embedder, Options, Pooling};
use nexttoken::encoder::{ARCHITECTURES, Encoder};
use nexttoken::generator::CacheType;
use nexttoken::model::Model;
use nexttoken::rerank::{self, Reranker};
use std::io::{BufWriter, Write};

#[derive(Args)]
pub struct Embed {
    #[command(flatten)]
    pub common: Common,
    /// A text; repeat it for more
    #[arg(long, required = true, allow_hyphen_values = true)]
    text: Vec<String>,
    /// How a vector is made of the tokens' hidden states: mean, cls (the first token) or last
    /// [default: as the file says; else last, and for an encoder there is none]
    #[arg(long)]
    pooling: Option<Pooling>,
    /// Leave the vectors as long as they are; else each has the length 1
    #[arg(long)]
    no_normalize: bool,
    /// Cut a text that is longer than the context; else it is an error
    #[arg(long)]
    truncate: bool,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
}

impl Embed {
    pub fn run(&self) -> Outcome {
        let options = Options {
            pooling: self.pooling,
            normalize: !self.no_normalize,
            truncate: self.truncate,
        };
        let vectors = match Model::open(&self.common.model) {
            Ok(model) => Embedder::new(&model, &self.text, options, self.cache_type)?.finish()?,
            // An encoder, if it is one.
            Err(Error::UnsupportedArchitecture(name))
                if ARCHITECTURES.iter().any(|known| known.name == name) =>
            {
                Encoder::open(&self.common.model)?.embed(&self.text, options)?
            }
            Err(error) => return Err(error.into()),
        };
        if self.common.json {
            return print_json(&vectors);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for vector in vectors {
            let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
            writeln!(out, "{}", numbers.join(" "))?;
        }
        Ok(out.flush()?)
    }
}

#[derive(Args)]
pub struct Decide {
    #[command(flatten)]
    pub common: Common,
    /// What the answers follow
    #[arg(long, allow_hyphen_values = true)]
    prompt: String,
    /// An answer; repeat it for each
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, default_values = decision::YES_OR_NO)]
    choice: Vec<String>,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
}

impl Decide {
    pub fn run(&self) -> Outcome {
        let model = Model::open(&self.common.model)?;
        let decider = Decider::new(&model, &self.prompt, &self.choice, self.cache_type)?;
        let decision = decider.finish()?;
        if self.common.json {
            let mut object = serde_json::json!(decision);
            if let Some(expected) = decision.expected() {
                object["expected"] = expected.into();
            }
            return print_json(&object);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for choice in &decision.choices {
            writeln!(out, "{:>8.4}  {:?}", choice.probability, choice.text)?;
        }
        if let Some(expected) = decision.expected() {
            writeln!(out, "expected {expected:.4}")?;
        }
        Ok(out.flush()?)
    }
}

#[derive(Args)]
pub struct Rerank {
    #[command(flatten)]
    pub common: Common,
    /// What the documents should answer
    #[arg(long, allow_hyphen_values = true)]
    query: String,
    /// A document; repeat it for each
    #[arg(long, value_name = "TEXT", required = true, allow_hyphen_values = true)]
    document: Vec<String>,
    /// What the documents are wanted for
    #[arg(long, default_value = rerank::INSTRUCTION, allow_hyphen_values = true)]
    instruction: String,
    /// The prompt that "yes" or "no" follows, with {instruction}, {query} and {document} in it [default: that of
    /// Qwen3-Reranker]
    #[arg(long, allow_hyphen_values = true)]
    template: Option<String>,
    /// How the KV cache keeps its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
}

impl Rerank {
    pub fn run(&self) -> Outcome {
        let model = Model::open(&self.common.model)?;
        let options = rerank::Options {
            instruction: self.instruction.clone(),
            template: self.template.as_deref().unwrap_or(rerank::TEMPLATE).into(),
        };
        let (query, documents) = (&self.query, &self.document);
        let reranker = Reranker::new(&model, query, documents, &options, self.cache_type)?;
        let ranking = reranker.finish()?;
        if self.common.json {
            return print_json(&ranking);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for ranked in ranking {
            writeln!(out, "{:>8.4}  {:?}", ranked.score, documents[ranked.index])?;
        }
        Ok(out.flush()?)
    }
}
