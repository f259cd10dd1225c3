//! A table of numbers by token id, of which most are 0.

use crate::allocation::{reserve_exact, resize};
use crate::{Result, TokenId};

/// Numbers by token id, most of them 0. It is as long as the vocabulary, but clearing it takes only as long as filling
/// it did.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    values: Vec<u32>,
    /// The ids whose number may differ from 0.
    touched: Vec<TokenId>,
}

impl Table {
    /// Clears the table and makes room for ids under `vocabulary` and `max_changes` changes.
    pub fn prepare(&mut self, vocabulary: usize, max_changes: usize) -> Result<()> {
        for &id in &self.touched {
            self.values[id as usize] = 0;
        }
        self.touched.clear();
        reserve_exact(&mut self.touched, max_changes)?;
        resize(&mut self.values, vocabulary, 0)
    }

    pub fn get(&self, id: TokenId) -> u32 {
        self.values.get(id as usize).copied().unwrap_or(0)
    }

    /// Changes the number of a token; does nothing for an id outside the vocabulary.
    pub fn change(&mut self, id: TokenId, change: impl FnOnce(u32) -> u32) {
        if let Some(value) = self.values.get_mut(id as usize) {
            if *value == 0 {
                self.touched.push(id);
            }
            *value = change(*value);
        }
    }

    /// Sets the numbers of all tokens to 0 except those that `keep` accepts.
    pub fn retain(&mut self, keep: impl Fn(TokenId) -> bool) {
        for &id in &self.touched {
            if !keep(id) {
                self.values[id as usize] = 0;
            }
        }
    }

    /// The tokens whose number is not 0. Each comes once, unless its number has been 0 in between.
    pub fn ids(&self) -> impl Iterator<Item = TokenId> + '_ {
        let touched = self.touched.iter().copied();
        touched.filter(|&id| self.values[id as usize] != 0)
    }

    pub fn is_empty(&self) -> bool {
        self.ids().next().is_none()
    }
}
