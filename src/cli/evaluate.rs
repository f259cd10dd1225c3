//! The command `evaluate`: how well a trained model predicts held-out text, and how much it copies from its corpus.

use super::{Outcome, print_json};
use clap::Args;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::kernels::{self, CacheType};
use nexttoken::model::{Model, PREFILL_CHUNK, Session};
use nexttoken::train::{Sentences, held_out};
use nexttoken::{Error, Result, TokenId};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The most tokens of one document that are scored.
const LONGEST: usize = 16_384;

#[derive(Args)]
pub struct Evaluate {
    /// The model: a GGUF file
    model: PathBuf,
    /// The text it was trained on
    corpus: PathBuf,
    /// Held-out documents to score at most
    #[arg(long, default_value_t = 100)]
    documents: usize,
    /// Texts to generate, each from an empty prompt, with the seeds 0, 1, …
    #[arg(long, default_value_t = 100)]
    samples: u64,
    /// The temperature to generate with
    #[arg(long, default_value_t = Options::default().temperature)]
    temperature: f32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Evaluate {
    pub fn run(&self) -> Outcome {
        let text = super::train::read_text(&self.corpus)?;
        let model = Arc::new(Model::open(&self.model)?);
        let (loss, tokens) = self.loss(&model, &text)?;
        let texts = self.generate(model)?;
        let variety = Sentences::of(&text).measure(&texts);
        if self.json {
            return print_json(&json!({
                "loss": loss,
                "perplexity": loss.exp(),
                "tokens": tokens,
                "variety": variety,
            }));
        }
        let mut out = std::io::stdout().lock();
        let percent = |share: f64| 100.0 * share;
        writeln!(
            out,
            "held-out loss       {loss:.4} nats per token ({tokens} tokens)"
        )?;
        writeln!(out, "held-out perplexity {:.3}", loss.exp())?;
        writeln!(
            out,
            "texts generated     {}, {} words",
            variety.texts, variety.words
        )?;
        for (n, share) in (1..).zip(variety.distinct) {
            writeln!(out, "distinct {n}-grams    {:.1} %", percent(share))?;
        }
        writeln!(
            out,
            "copied sentences    {:.1} % of {}",
            percent(variety.copied_sentences),
            variety.sentences
        )?;
        writeln!(
            out,
            "copied texts        {:.1} %",
            percent(variety.copied_texts)
        )?;
        Ok(out.flush()?)
    }

    /// The mean loss over the held-out documents, and the number of tokens it is of.
    fn loss(&self, model: &Model, text: &str) -> Result<(f64, usize)> {
        let (mut sum, mut tokens) = (0.0, 0);
        for document in held_out(text).into_iter().take(self.documents) {
            let mut ids = model.tokenizer.encode_prompt(document);
            ids.truncate(LONGEST);
            // A document that is longer than the context is scored piece by piece, as in training.
            for start in (0..ids.len().saturating_sub(1)).step_by(model.config.context_length) {
                let end = ids.len().min(start + model.config.context_length + 1);
                sum += loss_of(model, &ids[start..end])?;
                tokens += end - start - 1;
            }
        }
        if tokens == 0 {
            return Err(Error::TextTooShort(0));
        }
        Ok((sum / tokens as f64, tokens))
    }

    fn generate(&self, model: Arc<Model>) -> Result<Vec<String>> {
        let mut generator = Generator::new(model, Context::default())?;
        let mut texts = Vec::new();
        for seed in 0..self.samples {
            let options = Options {
                temperature: self.temperature,
                seed: Some(seed),
                ..Options::default()
            };
            generator.start("", options)?;
            while generator.next_token()?.is_some() {}
            texts.push(generator.text().to_owned());
        }
        Ok(texts)
    }
}

/// The sum of −ln p over all `ids` after the first.
fn loss_of(model: &Model, ids: &[TokenId]) -> Result<f64> {
    let mut session = Session::new(model, ids.len() - 1, CacheType::default())?;
    let (mut sum, mut logits) = (0.0, Vec::new());
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    for (inputs, targets) in inputs
        .chunks(PREFILL_CHUNK)
        .zip(targets.chunks(PREFILL_CHUNK))
    {
        model.forward(inputs, &mut session)?;
        for (hidden, target) in session.hidden().rows().into_iter().zip(targets) {
            model.head.logits(hidden, &mut logits)?;
            // A model whose head has fewer tokens than its tokenizer gives the others no probability.
            let logit = logits.get(*target as usize).copied();
            let log_sum_exp = kernels::softmax(&mut logits);
            sum += f64::from(log_sum_exp - logit.unwrap_or(f32::NEG_INFINITY));
        }
    }
    Ok(sum)
}
