//! A vocabulary as bytes: what is handed from the engine to the module that knows grammars.

use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId};

/// Stands in the place of a length for a token that ends a generation.
pub(super) const END: u32 = u32::MAX;

/// The tokens in their order, each as the number of its bytes (`u32`, little-endian) and the bytes. Tokens
/// that stand for no text have none; those that end a generation have the number 2³² − 1 and no bytes.
///
/// Errors: [`Error::OutOfMemory`].
pub fn token_table(tokenizer: &Tokenizer) -> Result<Vec<u8>> {
    let ids = 0..tokenizer.vocabulary_size() as TokenId;
    let bytes = |id| match tokenizer.is_end_of_generation(id) {
        true => (END, &[][..]),
        false => {
            let bytes = tokenizer.token_bytes(id);
            (bytes.len() as u32, bytes)
        }
    };
    let size = ids.clone().map(|id| 4 + bytes(id).1.len()).sum();
    let mut table = Vec::new();
    table
        .try_reserve_exact(size)
        .map_err(|_| Error::OutOfMemory(size))?;
    for id in ids {
        let (length, bytes) = bytes(id);
        table.extend(length.to_le_bytes());
        table.extend(bytes);
    }
    Ok(table)
}
