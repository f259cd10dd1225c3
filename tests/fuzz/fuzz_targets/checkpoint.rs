#![no_main]

use libfuzzer_sys::fuzz_target;
use nexttoken_fuzz::rules::checkpoint;

fuzz_target!(|input: (Vec<(u16, u8)>, Option<u16>, Vec<u8>)| {
    let (edits, cut, more) = input;
    checkpoint(&edits, cut.map(|at| (at, &more[..])));
});
