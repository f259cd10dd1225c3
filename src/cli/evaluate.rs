//! `evaluate`: what a model has learnt of a text, and how much of it by heart.

use super::{Outcome, model_file, print_json};
use clap::Args;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;
use nexttoken::train::{Sentences, held_out};
use nexttoken::{Error, Result, score};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

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
        let model = Arc::new(model_file::load(&self.model)?);
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

    /// The mean loss over the held-out documents that fit the context, and how many tokens that was.
    fn loss(&self, model: &Model, text: &str) -> Result<(f64, usize)> {
        let (mut sum, mut tokens) = (0.0, 0);
        for document in held_out(text).into_iter().take(self.documents) {
            match score::score(model, document) {
                Ok(score) => {
                    sum += score.nll.iter().map(|&nll| f64::from(nll)).sum::<f64>();
                    tokens += score.nll.len();
                }
                Err(Error::PromptTooLong { .. } | Error::TextTooShort(_)) => {}
                Err(error) => return Err(error),
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
