//! Top-k: keeps the k most probable tokens.

use crate::Result;
use crate::allocation::reserve_exact;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::{Bounds, SORT_LIMIT, best_of, keep_first, rank, sort};

impl Candidates {
    /// Top-k: keeps the best `count` candidates, and at least one.
    pub fn keep_best(&mut self, count: usize) -> Result<()> {
        let count = count.max(1);
        if self.is_dense && count <= SORT_LIMIT && count < self.logits.len() {
            best_of(&self.logits, count, &mut self.sparse)?;
            self.is_dense = false;
            self.weigh_items();
            return Ok(());
        }
        self.keep_if(Bounds::NONE, |_| true)?;
        if count >= self.sparse.len() {
            return Ok(());
        }
        if count <= SORT_LIMIT {
            keep_first(&mut self.sparse, count);
            sort(&mut self.sparse, &rank);
        } else {
            self.scratch.clear();
            reserve_exact(&mut self.scratch, self.sparse.len())?;
            self.scratch.extend_from_slice(&self.sparse);
            keep_first(&mut self.scratch, count);
            let worst = self.scratch[count - 1];
            self.sparse.retain(|item| rank(item, &worst).is_le());
        }
        Ok(())
    }
}
