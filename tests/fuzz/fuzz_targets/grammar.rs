#![no_main]

use libfuzzer_sys::fuzz_target;
use nexttoken_fuzz::rules::grammar;

fuzz_target!(|input: &str| {
    grammar(input);
});
