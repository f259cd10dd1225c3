//! The command `stories`: prints stories to train on.

use super::Outcome;
use clap::Args;
use nexttoken::train::stories;
use std::io::{BufWriter, Write};

#[derive(Args)]
pub struct Stories {
    /// The same seed gives the same stories
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many stories
    #[arg(long, default_value_t = 1)]
    count: u64,
}

impl Stories {
    /// Prints the stories with lines of `<|endoftext|>` between them, at which `train` separates documents.
    pub fn run(&self) -> Outcome {
        let mut out = BufWriter::new(std::io::stdout().lock());
        for (index, story) in stories::stories(self.seed, self.count).enumerate() {
            if index > 0 {
                writeln!(out, "<|endoftext|>")?;
            }
            writeln!(out, "{story}")?;
        }
        Ok(out.flush()?)
    }
}
