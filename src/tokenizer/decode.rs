//! Decoding: token ids → text, all at once or as they arrive.

use super::{Method, Tokenizer};
use crate::TokenId;

impl Tokenizer {
    /// Ids → text, with U+FFFD for invalid UTF-8. The space that [`encode`](Self::encode) puts before a text, where the
    /// model file asks for one, is left out.
    pub fn decode(&self, ids: &[TokenId]) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .flat_map(|id| self.token_bytes(*id))
            .copied()
            .collect();
        // Only the first token can begin with that space; after a control token, a space belongs to the text.
        let first = ids.first().map_or(&[][..], |id| self.token_bytes(*id));
        let adds_space = match &self.method {
            Method::BytePairs(..) => false,
            Method::SentencePiece(pieces) => pieces.adds_space(),
        };
        let start = usize::from(adds_space && first.starts_with(b" "));
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

/// Turns the bytes of tokens into text without ever returning an incomplete character.
#[derive(Debug, Default, Clone)]
pub struct TextDecoder {
    /// The first bytes of a character that is not complete yet.
    pending: Vec<u8>,
}

impl TextDecoder {
    /// Takes bytes and returns all text that is complete. Invalid sequences become U+FFFD as soon as they are known to
    /// be invalid, as in [`String::from_utf8_lossy`].
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    rest = after;
                    let Some(invalid) = error.error_len() else {
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[invalid..];
                }
            }
        }
        let kept = rest.len();
        self.pending.drain(..self.pending.len() - kept);
        text
    }

    /// Returns U+FFFD if an incomplete character is held back; the decoder is empty afterwards.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::TestRandom;

    #[test]
    fn any_split_gives_the_text_of_the_whole() {
        let mut random = TestRandom(7);
        let mut random = move || random.next_u16();
        let pieces: [&[u8]; 7] = [
            "a".as_bytes(),
            "é".as_bytes(),
            "語".as_bytes(),
            "🦊".as_bytes(),
            b"\xff",
            b"\xe8\xaa",
            b"\xf0\x9f",
        ];
        for _ in 0..3000 {
            let bytes: Vec<u8> = (0..random() % 8)
                .flat_map(|_| pieces[random() as usize % 7])
                .copied()
                .collect();
            let mut decoder = TextDecoder::default();
            let mut text = String::new();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(1 + random() as usize % rest.len());
                text.push_str(&decoder.push(head));
                rest = tail;
            }
            text.push_str(&decoder.finish());
            assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
