//! A vocabulary serialized as bytes: the engine passes it to the module for grammars, which in WebAssembly has a memory
//! of its own.

use crate::allocation::with_capacity;
use crate::tokenizer::Tokenizer;
use crate::{Result, TokenId};

/// The value of the length field of a token that ends a generation.
pub(super) const END: u32 = u32::MAX;

/// The tokens in the order of their ids. Each is the number of its bytes (`u32`, little-endian) and then its bytes. A
/// token without text has no bytes; one that ends a generation has the number 2³² − 1 and no bytes.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where there is no memory for the table.
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
    let mut table = with_capacity(size)?;
    for id in ids {
        let (length, bytes) = bytes(id);
        table.extend(length.to_le_bytes());
        table.extend(bytes);
    }
    Ok(table)
}
