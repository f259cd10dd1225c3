//! The head's output for the last tokens that the model ran.

use crate::allocation::copy;
use crate::model::{Model, Session};
use crate::{Error, Result};
use std::ops::Range;

/// The logits of some of the tokens of the last forward pass, and which of them are the current ones.
#[derive(Default)]
pub(super) struct Prediction {
    /// `[row][vocabulary_size]`.
    logits: Vec<f32>,
    /// The rows of [`Session::hidden`] that they were predicted from; none once other tokens have been run.
    rows: Range<usize>,
    current: Range<usize>,
}

impl Prediction {
    /// The current logits, `[vocabulary_size]`.
    pub fn logits(&self) -> &[f32] {
        &self.logits[self.current.clone()]
    }

    /// To be called before the model runs other tokens. The current logits stay.
    pub fn forget_rows(&mut self) {
        self.rows = 0..0;
    }

    /// Makes the logits after the session's last token the current ones. Where they have to be computed, so are those
    /// after the `ahead` tokens that were run after it.
    pub fn predict(&mut self, model: &Model, session: &Session, ahead: usize) -> Result<()> {
        let row = session.last_row().ok_or(Error::NotStarted)?;
        if !self.rows.contains(&row) {
            let rows = row..row + 1 + ahead;
            self.forget_rows();
            model
                .head
                .predict(session.hidden_rows(rows.clone()), &mut self.logits)?;
            self.rows = rows;
        }
        let size = self.logits.len() / self.rows.len();
        let start = (row - self.rows.start) * size;
        self.current = start..start + size;
        Ok(())
    }

    /// A copy of the current logits alone.
    pub fn fork(&self) -> Result<Self> {
        let logits = copy(self.logits())?;
        Ok(Prediction {
            current: 0..logits.len(),
            logits,
            rows: 0..0,
        })
    }
}
