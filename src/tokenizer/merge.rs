//! Merges neighbouring pieces of a text, the best pair first. Byte-pair encoding and SentencePiece share this.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::TokenId;

/// Pieces of a text, linked in order.
#[derive(Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
}

struct Piece {
    /// The bytes of the text that it covers.
    span: Range<usize>,
    /// Its token; `None` where there is none.
    id: Option<TokenId>,
    /// The index of the piece before; its own index once it has been joined to that one.
    previous: usize,
    next: usize,
}

const NONE: usize = usize::MAX;

impl Pieces {
    /// Adds a piece that begins where the last one ends.
    pub fn push(&mut self, bytes: usize, id: Option<TokenId>) {
        let index = self.pieces.len();
        let start = self.pieces.last().map_or(0, |last| last.span.end);
        if let Some(last) = self.pieces.last_mut() {
            last.next = index;
        }
        self.pieces.push(Piece {
            span: start..start + bytes,
            id,
            previous: index.checked_sub(1).unwrap_or(NONE),
            next: NONE,
        });
    }

    /// Joins the pair of lowest rank, the leftmost of equal ones, until no pair can be joined. `join` returns the rank
    /// and the token of a pair, given its two tokens and the bytes of both. With a priority queue this takes time
    /// proportional to n log n for n pieces.
    pub fn merge(
        &mut self,
        join: impl Fn(Option<TokenId>, Option<TokenId>, Range<usize>) -> Option<(u32, TokenId)>,
    ) {
        let pieces = &mut self.pieces;
        let candidate = |pieces: &[Piece], left: usize| {
            let (left_piece, right) = (pieces.get(left)?, pieces.get(left)?.next);
            let right = pieces.get(right)?;
            let span = left_piece.span.start..right.span.end;
            let end = span.end;
            let (rank, id) = join(left_piece.id, right.id, span)?;
            Some(Reverse((rank, left, end, id)))
        };
        let mut queue = BinaryHeap::new();
        queue.extend((0..pieces.len()).filter_map(|left| candidate(pieces, left)));
        while let Some(Reverse((_, left, end, id))) = queue.pop() {
            let right = pieces[left].next;
            // An entry is stale once either piece has been joined with another neighbour.
            if right == NONE || pieces[right].span.end != end || pieces[left].previous == left {
                continue;
            }
            let next = pieces[right].next;
            pieces[left].span.end = end;
            pieces[left].id = Some(id);
            pieces[left].next = next;
            pieces[right].previous = right;
            pieces[right].next = NONE;
            if next != NONE {
                pieces[next].previous = left;
            }
            queue.extend(candidate(pieces, left));
            queue.extend(candidate(pieces, pieces[left].previous));
        }
    }

    /// The pieces that are left, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Option<TokenId>, Range<usize>)> {
        let mut at = self.pieces.first();
        std::iter::from_fn(move || {
            let piece = at?;
            at = self.pieces.get(piece.next);
            Some((piece.id, piece.span.clone()))
        })
    }
}
