//! Templates, grammars and checkpoints that nobody meant: true ones with random edits. Each is used or refused, without a
//! panic; of each kind there are some of either.
//!
//! `cargo pkg fuzz` looks further, led by which code an input reaches; what is done with an input is the same there.

#[path = "common/languages.rs"]
#[allow(dead_code, reason = "their sentences are for other tests")]
mod languages;
#[path = "fuzz/src/rules.rs"]
mod rules;
#[allow(dead_code, reason = "other targets use more of it")]
#[path = "fuzz/src/small.rs"]
mod small;

use std::fs;
use std::path::{Path, PathBuf};

use languages::LANGUAGES;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
}

/// The files of a folder whose names end so.
fn seeds(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(tests(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The words of a dictionary of libFuzzer, whose lines are strings with the escapes of C.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(tests(dictionary)).unwrap();
    let quoted = text.lines().filter_map(|line| {
        let line = line.strip_prefix('"')?.strip_suffix('"')?;
        Some(
            line.replace("\\x00", "\0")
                .replace("\\\"", "\"")
                .replace("\\\\", "\\"),
        )
    });
    quoted.map(String::into_bytes).collect()
}

/// A place between two bytes.
fn place(bytes: &[u8], random: &mut impl Rng) -> usize {
    random.random_range(0..=bytes.len())
}

/// A part of up to 64 bytes.
fn part<'a>(bytes: &'a [u8], random: &mut impl Rng) -> &'a [u8] {
    let start = place(bytes, random);
    let rest = &bytes[start..];
    &rest[..random.random_range(0..=rest.len().min(64))]
}

/// One of the seeds after one to three edits: parts are left out, put in from a seed or from itself, words are put in,
/// bytes are changed.
fn edited(seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut impl Rng) -> String {
    let any = |all: &'_ [Vec<u8>], random: &mut _| all.choose(random).cloned().unwrap_or_default();
    let mut bytes = any(seeds, random);
    for _ in 0..random.random_range(1..=3) {
        let at = place(&bytes, random);
        let put_in = match random.random_range(0..5) {
            0 => {
                let end = bytes.len().min(at + random.random_range(0..=64));
                bytes.drain(at..end);
                continue;
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.random_range(0..128);
                }
                continue;
            }
            2 => any(words, random),
            3 => part(&any(seeds, random), random).to_vec(),
            _ => part(&bytes, random).to_vec(),
        };
        bytes.splice(at..at, put_in);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Does something with an input, which is printed if that panics.
fn told(input: &str, run: fn(&str) -> bool) -> bool {
    struct Told<'a>(&'a str);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the input was {:?}", self.0);
            }
        }
    }
    let _told = Told(input);
    run(input)
}

/// Tries inputs, and fails where fewer than one in a hundred is used, or refused.
fn some_of_either(inputs: usize, mut is_used: impl FnMut() -> bool) {
    let used = (0..inputs).filter(|_| is_used()).count();
    println!("{used} of {inputs} are used");
    assert!(
        used.min(inputs - used) * 100 >= inputs,
        "{used} of {inputs} are used"
    );
}

#[test]
fn templates_with_edits_are_rendered_or_refused() {
    let (seeds, words) = (seeds("data/chat", ".jinja"), words("fuzz/template.dict"));
    let mut random = ChaCha8Rng::seed_from_u64(1);
    some_of_either(10_000, || {
        told(&edited(&seeds, &words, &mut random), rules::template)
    });
}

#[test]
fn grammars_with_edits_are_followed_or_refused() {
    let mut seeds = seeds("fuzz/seeds/grammar", "");
    seeds.extend(LANGUAGES.map(|language| language.source.as_bytes().to_vec()));
    let words = words("fuzz/grammar.dict");
    let mut random = ChaCha8Rng::seed_from_u64(2);
    some_of_either(2_000, || {
        told(&edited(&seeds, &words, &mut random), rules::grammar)
    });
}

#[test]
fn checkpoints_with_edits_are_gone_on_with_or_refused() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    some_of_either(2_000, || {
        let edits: Vec<_> = (0..random.random_range(0..8))
            .map(|_| random.random())
            .collect();
        let more: [u8; 16] = random.random();
        let cut = random
            .random_ratio(1, 4)
            .then(|| (random.random(), &more[..]));
        rules::checkpoint(&edits, cut)
    });
}
