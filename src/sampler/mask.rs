//! A set of tokens, one bit for each.

use crate::TokenId;

/// The tokens that may be chosen at a step, one bit each: token `i` is bit `i % 32` of word `i / 32`. Tokens beyond the
/// last word may not be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Vec<u32>);

impl Mask {
    /// The set with these words.
    pub fn new(words: Vec<u32>) -> Self {
        Mask(words)
    }

    /// The words of the set.
    pub fn words(&self) -> &[u32] {
        &self.0
    }

    /// How many tokens are in the set.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The tokens in the set, in their order.
    pub fn ids(&self) -> impl Iterator<Item = TokenId> {
        let words = (0..).zip(&self.0).filter(|(_, word)| **word != 0);
        words.flat_map(|(index, _)| (index * 32..index * 32 + 32).filter(|&id| self.allows(id)))
    }

    /// A number that two different sets hardly share.
    pub(crate) fn fingerprint(&self) -> u64 {
        let words = (1..).zip(&self.0).filter(|(_, word)| **word != 0);
        // The steps of FNV-1a (Fowler, Noll and Vo), each with a word and its place.
        let sum = words.fold(0xcbf2_9ce4_8422_2325, |sum: u64, (place, word)| {
            (sum ^ (place << 32 | u64::from(*word))).wrapping_mul(0x0100_0000_01b3)
        });
        sum ^ sum >> 32
    }

    /// Whether the token is in the set.
    pub fn allows(&self, id: TokenId) -> bool {
        let word = self.0.get(id as usize / 32);
        word.is_some_and(|word| word >> (id % 32) & 1 == 1)
    }
}
