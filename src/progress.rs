//! The progress of running a text through the model.

use serde::Serialize;

/// How many tokens of a text have been run through the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Tokens done.
    pub done: usize,
    /// Tokens to do in all.
    pub total: usize,
}

impl Progress {
    /// Whether nothing is left to do.
    pub fn is_complete(self) -> bool {
        self.done >= self.total
    }
}
