//! Byte-pair encoding of one word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use super::byte_level;
use super::vocabulary::Vocabulary;
use crate::gguf::StringArray;
use crate::{Error, Result, TokenId};

/// The merges of a vocabulary.
pub(super) struct Bpe {
    /// (left, right) → (rank, merged): lower ranks merge first.
    merges: HashMap<(TokenId, TokenId), (u32, TokenId)>,
    bytes: [Option<TokenId>; 256],
    /// Whether a word that is a token is taken whole, whatever the merges say (Llama 3).
    whole_words: bool,
}

/// A piece of the word, linked to its neighbours.
struct Piece {
    id: TokenId,
    previous: usize,
    next: usize,
}

const NONE: usize = usize::MAX;

impl Bpe {
    /// Merges that name unknown tokens can never apply and are left out.
    pub fn new(vocabulary: &Vocabulary, merges: &StringArray, whole_words: bool) -> Result<Self> {
        let mut table = HashMap::new();
        let no_memory = |_| Error::OutOfMemory(16 * merges.len());
        table.try_reserve(merges.len()).map_err(no_memory)?;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (rank, merge) in merges.iter().enumerate() {
            // The first piece may itself begin with a space in odd vocabularies.
            let Some(space) = merge.iter().skip(1).position(|byte| *byte == b' ') else {
                continue;
            };
            let (first, second) = (&merge[..space + 1], &merge[space + 2..]);
            let decoded =
                byte_level::decode(first, &mut left).and(byte_level::decode(second, &mut right));
            if decoded.is_none() {
                continue;
            }
            let pair = vocabulary.find(&left).zip(vocabulary.find(&right));
            left.extend_from_slice(&right);
            if let Some((pair, merged)) = pair.zip(vocabulary.find(&left)) {
                table.entry(pair).or_insert((rank as u32, merged));
            }
        }
        let bytes = std::array::from_fn(|byte| vocabulary.find(&[byte as u8]));
        Ok(Self {
            merges: table,
            bytes,
            whole_words,
        })
    }

    /// Appends the ids of `word`. Bytes that the vocabulary lacks are passed over.
    pub fn encode(&self, vocabulary: &Vocabulary, word: &str, ids: &mut Vec<TokenId>) {
        if self.whole_words
            && let Some(id) = vocabulary.find(word.as_bytes())
        {
            ids.push(id);
            return;
        }
        let known = word
            .bytes()
            .filter_map(|byte| self.bytes[usize::from(byte)]);
        let mut pieces: Vec<Piece> = known
            .enumerate()
            .map(|(i, id)| Piece {
                id,
                previous: i.wrapping_sub(1),
                next: i + 1,
            })
            .collect();
        if let Some(last) = pieces.last_mut() {
            last.next = NONE;
        }
        self.merge(&mut pieces);
        let mut at = if pieces.is_empty() { NONE } else { 0 };
        while at != NONE {
            ids.push(pieces[at].id);
            at = pieces[at].next;
        }
    }

    /// Merges the pair of lowest rank, the leftmost of equals, until no pair can be merged. A queue
    /// keeps this at n log n, however long the word.
    fn merge(&self, pieces: &mut [Piece]) {
        let mut queue = BinaryHeap::new();
        let candidate = |pieces: &[Piece], left: usize| {
            let right = pieces[left].next;
            if right == NONE {
                return None;
            }
            let pair = (pieces[left].id, pieces[right].id);
            self.merges
                .get(&pair)
                .map(|(rank, merged)| Reverse((*rank, left, pair, *merged)))
        };
        queue.extend((0..pieces.len()).filter_map(|left| candidate(pieces, left)));
        while let Some(Reverse((_, left, pair, merged))) = queue.pop() {
            let right = pieces[left].next;
            // An entry is stale once either piece has been merged with another neighbour.
            if right == NONE
                || (pieces[left].id, pieces[right].id) != pair
                || pieces[left].previous == left
            {
                continue;
            }
            let next = pieces[right].next;
            pieces[left].id = merged;
            pieces[left].next = next;
            // A piece that is its own predecessor is gone.
            pieces[right].previous = right;
            pieces[right].next = NONE;
            if next != NONE {
                pieces[next].previous = left;
            }
            queue.extend(candidate(pieces, left));
            let previous = pieces[left].previous;
            if previous != NONE {
                queue.extend(candidate(pieces, previous));
            }
        }
    }
}
