//! The command `finetune`: learns a LoRA adapter for a model.

use super::train::{interruption, print_status, progress_bar, read_text, write_atomically};
use super::{Common, Outcome, print_json};
use clap::Args;
use nexttoken::Result;
use nexttoken::model::Model;
use nexttoken::train::finetune::{
    CONTEXT_LENGTH, Examples, Finetuner, Options, read_conversations,
};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

#[derive(Args)]
pub struct Finetune {
    #[command(flatten)]
    pub common: Common,
    /// What to learn from: a text in UTF-8, where "<|endoftext|>" ends a document; or (*.jsonl) conversations, one
    /// {"messages": [{"role": …, "content": …}, …]} a line, of which the assistant's turns are learnt
    text: PathBuf,
    /// Where the adapter goes: a GGUF file, for --lora
    #[arg(long, default_value = "adapter.gguf")]
    out: PathBuf,
    /// The rank of the updates
    #[arg(long)]
    rank: Option<usize>,
    /// The updates are scaled by alpha / rank
    #[arg(long)]
    alpha: Option<f32>,
    /// Which matrices of each layer are updated, separated by commas [default: attn_q, attn_k, attn_v, attn_output,
    /// ffn_gate, ffn_up, ffn_down]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    targets: Option<Vec<String>>,
    /// Steps in all [default: as many as read the text six times, 20 at least]
    #[arg(long)]
    steps: Option<u64>,
    /// Sequences in the batch of one step
    #[arg(long)]
    batch_size: Option<usize>,
    /// Tokens of the longest sequence [default: 512]
    #[arg(long)]
    context_length: Option<usize>,
    /// The highest learning rate
    #[arg(long)]
    learning_rate: Option<f32>,
    /// How much the updates shrink at each step, in units of the learning rate
    #[arg(long)]
    weight_decay: Option<f32>,
    /// End after so many looks at the held-out text without a lower loss; 0 does all steps
    #[arg(long)]
    patience: Option<u64>,
    /// Fixes the first weights and the order of the text
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Finetune {
    pub fn run(&self) -> Outcome {
        let options = self.options();
        options.validate()?;
        let text = read_text(&self.text)?;
        let model = Arc::new(Model::open(&self.common.model)?);
        let most = CONTEXT_LENGTH.min(model.config.context_length);
        let context = self.context_length.unwrap_or(most);
        let examples = match self
            .text
            .extension()
            .is_some_and(|ending| ending == "jsonl")
        {
            true => Examples::from_conversations(&model, &read_conversations(&text)?, context)?,
            false => Examples::from_text(&model, &text, context)?,
        };
        let mut tuner = Finetuner::with_threads(examples, options, nexttoken::threads())?;
        announce(&tuner);
        let started = Instant::now();
        if let Err(error) = train(&mut tuner) {
            self.keep_best(&tuner)?;
            return Err(error.into());
        }
        write_atomically(&self.out, &tuner.to_gguf()?)?;
        self.report(&tuner, started.elapsed().as_secs_f64())
    }

    /// After an error writes the best state, if one is better than the model as it was: a file that is there already may be
    /// worth more than an adapter that does nothing.
    fn keep_best(&self, tuner: &Finetuner) -> nexttoken::Result<()> {
        let (done, best) = (tuner.steps_done(), tuner.best());
        print_status(&format!("it broke off after step {done}"));
        if best.step > 0 {
            write_atomically(&self.out, &tuner.to_gguf()?)?;
            print_status(&format!(
                "{}: the best state before that, of step {}; held-out loss {:.4}",
                self.out.display(),
                best.step,
                best.loss,
            ));
        }
        Ok(())
    }

    fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            rank: self.rank.unwrap_or(usual.rank),
            alpha: self.alpha.unwrap_or(usual.alpha),
            targets: self.targets.clone().unwrap_or(usual.targets),
            steps: self.steps,
            batch_size: self.batch_size.unwrap_or(usual.batch_size),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            patience: self.patience.unwrap_or(usual.patience),
            seed: self.seed,
            ..usual
        }
    }

    fn report(&self, tuner: &Finetuner, seconds: f64) -> Outcome {
        let (first, best) = (tuner.first(), tuner.best());
        if self.common.json {
            return print_json(&json!({
                "adapter": self.out,
                "parameters": tuner.parameters(),
                "steps": tuner.steps_done(),
                "seconds": seconds,
                "best_step": best.step,
                "loss_before": first.loss,
                "loss": best.loss,
            }));
        }
        if best.step == 0 {
            print_status(
                "warning: no step made the held-out loss lower, so that the adapter changes nothing; it needs more text, or a lower --learning-rate",
            );
        }
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{}: the best state, of step {}; held-out loss {:.4}, before {:.4}; {} steps in {seconds:.0} s",
            self.out.display(),
            best.step,
            best.loss,
            first.loss,
            tuner.steps_done(),
        )?;
        Ok(())
    }
}

fn announce(tuner: &Finetuner) {
    let (examples, schedule) = (tuner.examples(), tuner.schedule());
    let ((sequences, held_out), (tokens, _)) = (examples.sequences(), examples.tokens());
    print_status(&format!(
        "{:.2} million numbers in the adapter; {sequences} sequences with {tokens} tokens to learn, {held_out} sequences held out",
        tuner.parameters() as f64 / 1e6,
    ));
    print_status(&format!(
        "{} steps, learning rate up to {}; held-out loss of the model as it is {:.4}",
        schedule.steps,
        schedule.learning_rate,
        tuner.first().loss,
    ));
}

/// Takes all steps, or those before the user interrupts.
fn train(tuner: &mut Finetuner) -> Result<()> {
    let bar = progress_bar(tuner.schedule().steps, 0);
    let stop = interruption()?;
    while !tuner.is_complete() && !stop.load(Ordering::Relaxed) {
        let report = tuner.step()?;
        bar.set_message(format!("loss {:.3}", report.loss));
        bar.set_position(report.step);
        if let Some(validation) = report.validation {
            let line = format!(
                "step {:>6}: loss {:.4}, held out {:.4}",
                report.step, report.loss, validation.loss
            );
            bar.suspend(|| print_status(&line));
        }
    }
    bar.finish_and_clear();
    Ok(())
}
