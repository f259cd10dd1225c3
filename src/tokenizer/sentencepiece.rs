//! SentencePiece's BPE with scores, as in Llama 2 and Gemma (Kudo and Richardson 2018).
//!
//! The text is not split into words: it is merged as a whole, the pair first that makes the token of highest score. A
//! space is a character like others, spelled U+2581 in vocabularies. Characters that are not tokens are encoded as
//! tokens for single bytes.

use std::borrow::Cow;

use super::merge::Pieces;
use super::vocabulary::{SPACE, Vocabulary};
use crate::TokenId;

/// The text with plain spaces in place of U+2581, as [`Vocabulary::find`] expects them.
pub(super) fn with_plain_spaces(text: &str) -> Cow<'_, str> {
    match text.contains(SPACE) {
        true => Cow::Owned(text.replace(SPACE, " ")),
        false => Cow::Borrowed(text),
    }
}

/// The encoder: what it needs besides the vocabulary.
pub(super) struct SentencePiece {
    /// The score of each token; empty where all are equal.
    scores: Vec<f32>,
    /// The token for each byte, for characters that are not tokens.
    bytes: [Option<TokenId>; 256],
    /// Whether a space goes before the text and after each special token.
    adds_space: bool,
}

impl SentencePiece {
    pub fn new(
        vocabulary: &Vocabulary,
        scores: Vec<f32>,
        unknown: Option<TokenId>,
        adds_space: bool,
    ) -> Self {
        let mut bytes = vocabulary.byte_tokens();
        for (byte, id) in bytes.iter_mut().enumerate() {
            *id = id.or_else(|| vocabulary.find(&[byte as u8])).or(unknown);
        }
        Self {
            scores,
            bytes,
            adds_space,
        }
    }

    pub fn adds_space(&self) -> bool {
        self.adds_space
    }

    /// Appends the ids of `text`. `at_start` says that nothing, or a special token, comes before it.
    pub fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        at_start: bool,
        ids: &mut Vec<TokenId>,
    ) {
        let text = self.normalized(text, at_start);
        let mut pieces = Pieces::default();
        let mut buffer = [0; 4];
        for c in text.chars() {
            let c = c.encode_utf8(&mut buffer);
            pieces.push(c.len(), vocabulary.find(c.as_bytes()));
        }
        pieces.merge(|_, _, span| {
            let id = vocabulary.find(&text.as_bytes()[span])?;
            Some((self.rank(id), id))
        });
        for (id, span) in pieces.iter() {
            match (id, &text[span]) {
                (Some(id), _) => ids.push(id),
                (None, piece) => self.byte_fallback(if piece == " " { SPACE } else { piece }, ids),
            }
        }
    }

    /// The text with plain spaces, as [`Vocabulary::find`] expects them, and with the space added in front where asked
    /// for.
    fn normalized<'a>(&self, text: &'a str, at_start: bool) -> Cow<'a, str> {
        let prefix = if self.adds_space && at_start { " " } else { "" };
        match prefix {
            "" => with_plain_spaces(text),
            _ => Cow::Owned(format!("{prefix}{}", with_plain_spaces(text))),
        }
    }

    fn byte_fallback(&self, piece: &str, ids: &mut Vec<TokenId>) {
        ids.extend(
            piece
                .bytes()
                .filter_map(|byte| self.bytes[usize::from(byte)]),
        );
    }

    /// An integer that is lower for higher scores.
    fn rank(&self, id: TokenId) -> u32 {
        // Adding zero makes −0 equal to 0.
        let score = self.scores.get(id as usize).copied().unwrap_or_default() + 0.0;
        let bits = score.to_bits();
        if score.is_sign_negative() {
            bits
        } else {
            0x7fff_ffff - bits
        }
    }
}
