//! A vocabulary of bytes, and what a grammar makes of it.
#![allow(dead_code, reason = "every test file uses another part of it")]

#[path = "../../src/test_random.rs"]
pub mod test_random;

use nexttoken::TokenId;
use nexttoken::constraint::{Grammar, Rule, Vocabulary};

/// Ends a text.
pub const END: TokenId = 256;

/// Each byte, and a token that ends a text.
pub fn vocabulary() -> Vocabulary {
    let mut table = Vec::new();
    for byte in 0..=255u8 {
        table.extend(1u32.to_le_bytes());
        table.push(byte);
    }
    table.extend(u32::MAX.to_le_bytes());
    Vocabulary::new(&table).unwrap()
}

/// Whether the text can be written byte by byte, and end there.
pub fn accepts(grammar: &Grammar, text: &str) -> bool {
    let ids: Vec<TokenId> = text.bytes().map(TokenId::from).collect();
    for end in 0..ids.len() {
        match grammar.allowed_tokens(&ids[..end]) {
            Ok(Some(mask)) if mask.allows(ids[end]) => {}
            _ => return false,
        }
    }
    let last = grammar.allowed_tokens(&ids);
    last.is_ok_and(|mask| mask.is_none_or(|mask| mask.allows(END)))
}
