//! The bytes of a snapshot, with a true checksum: restored or refused, and the text goes on.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nexttoken_fuzz::{generator, options, three_tokens};
use xxhash_rust::xxh64::xxh64;

/// A true one.
static SNAPSHOT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut generator = generator();
    generator
        .start("ON THE", options())
        .expect("it can be started");
    three_tokens(&mut generator);
    generator.snapshot().expect("there is memory for it")
});

/// Bytes before those the checksum is of, and where it lies.
const HEAD: usize = 24;

fuzz_target!(|edits: (Vec<(u16, u8)>, Option<u16>, Vec<u8>)| {
    let (edits, cut, more) = edits;
    let mut bytes = SNAPSHOT.clone();
    // Early bytes are numbers and lengths, later ones the cache.
    let near = bytes.len().min(1024);
    for (at, byte) in edits {
        let at = HEAD + usize::from(at) % (near - HEAD);
        bytes[at] = byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(HEAD.max(usize::from(cut)));
    }
    bytes.extend(more);
    let sum = xxh64(&bytes[HEAD..], 0);
    bytes[16..HEAD].copy_from_slice(&sum.to_le_bytes());
    let mut generator = generator();
    if generator.restore(&bytes).is_ok() {
        three_tokens(&mut generator);
        let again = generator.snapshot().expect("it was restored");
        generator
            .restore(&again)
            .expect("it is a snapshot of its own");
    }
    generator
        .start("ON", options())
        .expect("an error leaves it usable");
    three_tokens(&mut generator);
});
