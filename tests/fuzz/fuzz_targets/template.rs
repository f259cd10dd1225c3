#![no_main]

use libfuzzer_sys::fuzz_target;
use nexttoken_fuzz::rules::template;

fuzz_target!(|input: &str| {
    template(input);
});
