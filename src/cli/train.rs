//! The command `train`: trains a small model on a text.

use super::{Outcome, print_json};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nexttoken::quant::TensorType;
use nexttoken::train::{BestState, Options, Preset, Trainer, storage_type};
use nexttoken::{Error, Result};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time between two checkpoints: how much work is lost if the program is killed.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// The weight of the last step in the moving average of the loss that is shown.
const SMOOTHING: f64 = 0.05;

#[derive(Args)]
pub struct Train {
    /// The text to learn from, UTF-8; "<|endoftext|>" in it ends a document
    corpus: PathBuf,
    /// Where the model goes: a GGUF file
    #[arg(long, default_value = "model.gguf")]
    out: PathBuf,
    /// The size of the model: tiny, small or medium
    #[arg(long, default_value = "small")]
    preset: Preset,
    /// Steps in all [default: as suits the size of the text]
    #[arg(long)]
    steps: Option<u64>,
    /// Sequences in the batch of one step [default: the preset's]
    #[arg(long)]
    batch_size: Option<usize>,
    /// The highest learning rate [default: 0.006; of more than 2000 steps, that × √(2000 / steps)]
    #[arg(long)]
    learning_rate: Option<f32>,
    /// How much the weights shrink at each step, in units of the learning rate [default: by how often the text is read]
    #[arg(long)]
    weight_decay: Option<f32>,
    /// End after so many looks at the held-out text without a lower loss; 0 does all steps [default: 6]
    #[arg(long)]
    patience: Option<u64>,
    /// Fixes the first weights and the order of the text
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on, with its options, from the checkpoint that an interrupted run left beside the model
    #[arg(long)]
    resume: bool,
    /// How the model stores its weights: f32, f16 or q8_0
    #[arg(long = "type", default_value = "q8_0", value_parser = storage_type)]
    kind: TensorType,
    /// Print a summary as JSON
    #[arg(long)]
    pub json: bool,
}

impl Train {
    pub fn run(&self) -> Outcome {
        let text = read_text(&self.corpus)?;
        let checkpoint = beside(&self.out, "checkpoint");
        let mut trainer = if self.resume {
            Trainer::resume(&text, &read(&checkpoint)?)?
        } else {
            Trainer::new(&text, self.options())?
        };
        trainer.set_threads(nexttoken::threads())?;
        self.announce(&trainer);
        let started = Instant::now();
        let trained = self.train(&mut trainer, &checkpoint);
        if matches!(trained, Err(Error::NotFinite)) {
            self.keep_best(&trainer)?;
        }
        let steps = trained?;
        let seconds = started.elapsed().as_secs_f64();
        let best = trainer.best()?;
        write_atomically(&self.out, &trainer.to_gguf(self.kind)?)?;
        // The model is written, so that the checkpoint is no longer needed. A failure to remove it does no harm.
        let _ = std::fs::remove_file(&checkpoint);
        self.report(&trainer, best, steps, seconds)
    }

    fn options(&self) -> Options {
        let mut options = Options::preset(self.preset);
        options.seed = self.seed;
        options.steps = self.steps;
        options.batch_size = self.batch_size.unwrap_or(options.batch_size);
        options.learning_rate = self.learning_rate;
        options.weight_decay = self.weight_decay;
        options.patience = self.patience.unwrap_or(options.patience);
        options
    }

    fn announce(&self, trainer: &Trainer) {
        let (shape, (training, held_out)) = (trainer.shape(), trainer.corpus_tokens());
        let (baselines, schedule) = (trainer.baselines(), trainer.schedule());
        print_status(&format!(
            "{:.2} million weights; {} tokens in the vocabulary; {training} tokens to learn from, {held_out} held out",
            shape.parameters() as f64 / 1e6,
            shape.vocabulary_size,
        ));
        print_status(&format!(
            "{} steps, which read the text {:.1} times; learning rate up to {}, weight decay {:.2}",
            schedule.steps,
            trainer.epochs(),
            schedule.learning_rate,
            schedule.weight_decay,
        ));
        print_status(&format!(
            "loss of guessing {:.3}, of counting tokens {:.3}",
            baselines.uniform, baselines.unigram
        ));
    }

    /// Takes all remaining steps, and returns their number.
    fn train(&self, trainer: &mut Trainer, checkpoint: &Path) -> Result<u64> {
        let first = trainer.steps_done();
        let bar = progress_bar(trainer.schedule().steps, first);
        let started = Instant::now();
        let mut saved = Instant::now();
        let mut loss = None;
        let stop = interruption()?;
        while !trainer.is_complete() {
            if stop.load(Ordering::Relaxed) {
                write_atomically(checkpoint, &trainer.checkpoint()?)?;
                bar.finish_and_clear();
                print_status(&format!(
                    "stopped after step {}; --resume goes on",
                    trainer.steps_done()
                ));
                return Err(Error::Aborted);
            }
            let report = trainer.step()?;
            let smooth = loss.map_or(report.loss, |loss| loss + SMOOTHING * (report.loss - loss));
            loss = Some(smooth);
            let read = (report.step - first) as usize * report.tokens;
            let rate = read as f64 / started.elapsed().as_secs_f64();
            bar.set_message(format!(
                "loss {smooth:.3}, perplexity {:.2}, {rate:.0} tok/s",
                smooth.exp()
            ));
            bar.set_position(report.step);
            if let Some(validation) = report.validation {
                let line = format!(
                    "step {:>6}: loss {smooth:.4}, held out {:.4} (perplexity {:.3}), {rate:.0} tok/s",
                    report.step, validation.loss, validation.perplexity
                );
                bar.suspend(|| print_status(&line));
            }
            if saved.elapsed() > CHECKPOINT_EVERY {
                write_atomically(checkpoint, &trainer.checkpoint()?)?;
                saved = Instant::now();
            }
        }
        bar.finish_and_clear();
        Ok(trainer.steps_done() - first)
    }

    /// Writes the best model of a training that has diverged.
    fn keep_best(&self, trainer: &Trainer) -> Result<()> {
        let step = trainer.steps_done();
        print_status(&format!(
            "the training diverged after step {step}; try a lower --learning-rate"
        ));
        if trainer.has_best() {
            let best = trainer.best()?;
            write_atomically(&self.out, &trainer.to_gguf(self.kind)?)?;
            print_status(&format!(
                "{}: the best state before that, of step {}; held-out loss {:.4}",
                self.out.display(),
                best.step,
                best.loss,
            ));
        }
        Ok(())
    }

    fn report(&self, trainer: &Trainer, best: BestState, steps: u64, seconds: f64) -> Outcome {
        let baselines = trainer.baselines();
        let early = trainer.should_stop_early() && trainer.steps_done() < trainer.schedule().steps;
        let perplexity = best.loss.exp();
        if self.json {
            return print_json(&json!({
                "model": self.out,
                "parameters": trainer.shape().parameters(),
                "steps": steps,
                "seconds": seconds,
                "stopped_early": early,
                "best_step": best.step,
                "validation": { "loss": best.loss, "perplexity": perplexity },
                "baselines": baselines,
            }));
        }
        if early {
            print_status(&format!(
                "ended after step {}: the held-out loss no longer fell (--patience 0 goes on)",
                trainer.steps_done()
            ));
        }
        if best.loss >= baselines.unigram {
            print_status(
                "warning: the model is no better than counting tokens; it needs more text, or more steps",
            );
        }
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{}: the best state, of step {}; held-out loss {:.4}, perplexity {perplexity:.3}; {steps} steps in {seconds:.0} s",
            self.out.display(),
            best.step,
            best.loss,
        )?;
        Ok(())
    }
}

/// A flag that becomes true when the user interrupts the program, or the system asks it to end.
pub fn interruption() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))
        .map_err(|error| Error::Io(error.to_string()))?;
    Ok(stop)
}

/// A progress bar, which is shown on a terminal only.
pub fn progress_bar(steps: u64, first: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:24}] {pos}/{len}  {msg}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(steps)
        .with_style(style)
        .with_position(first)
}

pub fn print_status(line: &str) {
    // If stderr is closed, there is nowhere to report to.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Reads a text file.
///
/// # Errors
/// [`Error::NotUtf8`] where it is not UTF-8, [`Error::Io`] where it cannot be read.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|error| Error::NotUtf8(error.utf8_error().valid_up_to()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::Io(format!("{}: {error}", path.display())))
}

/// The path with `.` and an ending appended.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Writes a file atomically: by way of a partial file, so that `path` never has half of it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = beside(path, "partial");
    let written = std::fs::File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|error| Error::Write(format!("{}: {error}", path.display())))
}
