//! GPT-2's byte-level alphabet: a printable character for each byte, so that vocabularies can be written as text.

/// The byte that a character of a byte-level token stands for. Printable Latin-1 characters stand for themselves; the
/// other bytes, in ascending order, are spelled as the characters from U+0100 on.
fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(), // 0x00 to 0x20
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7f).ok(), // 0x7f to 0xa0
        0x143 => Some(0xad),
        _ => None,
    }
}

/// Writes the bytes of a byte-level token to `out`; `None` if it is not spelled in that alphabet.
pub(super) fn decode(token: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    for c in std::str::from_utf8(token).ok()?.chars() {
        out.push(byte_of(c)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let bytes: Vec<u8> = (0..0x200)
            .filter_map(char::from_u32)
            .filter_map(byte_of)
            .collect();
        let mut sorted = bytes.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..=255).collect::<Vec<u8>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
    }
}
