//! Texts that go on and on.

use super::END;
use nexttoken::generator::{CacheType, Context, Generator, Mirostat, Options, SamplerName, Token};
use nexttoken::model::Model;
use std::sync::Arc;

pub const ALL: [CacheType; 3] = [CacheType::Q16, CacheType::Q8, CacheType::F32];

pub fn generator(model: &Arc<Model>, length: usize, cache_type: CacheType) -> Generator {
    let context = Context {
        length: Some(length),
        cache_type,
    };
    Generator::new(Arc::clone(model), context).unwrap()
}

/// The stages of these names.
pub fn named(names: &[&str]) -> Vec<SamplerName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Options with which the whole of a text counts, and that do not end it.
pub fn endless(n_keep: usize, max_tokens: usize) -> Options {
    Options {
        temperature: 1.1,
        frequency_penalty: 0.2,
        no_repeat_ngram_size: 4,
        penalty_last_n: -1,
        dry_multiplier: 0.5,
        mirostat: Mirostat::V2,
        samplers: Some(named(&["penalties", "dry", "temperature", "mirostat"])),
        seed: Some(3),
        max_tokens: Some(max_tokens),
        top_logprobs: 2,
        banned_tokens: vec![END],
        context_shift: true,
        n_keep,
        ..Options::default()
    }
}

pub fn rest(generator: &mut Generator) -> Vec<Token> {
    generator.tokens().collect::<Result<_, _>>().unwrap()
}

/// Checks that a text that was written to its end, `tokens`, is written again after so many of them were taken back: by
/// the same generator, by a fork of it, and by another that restores its snapshot.
pub fn resumes(
    first: &mut Generator,
    tokens: &[Token],
    counts: &[usize],
    fresh: impl Fn() -> Generator,
) {
    for &count in counts {
        first.rewind(count).unwrap();
        let mut fork = first.fork().unwrap();
        let snapshot = first.snapshot().unwrap();
        let mut second = fresh();
        second.restore(&snapshot).unwrap();
        for generator in [&mut *first, &mut fork, &mut second] {
            // A look at the next step changes nothing.
            assert!(generator.peek(1).unwrap().is_some());
            assert_eq!(rest(generator), tokens[tokens.len() - count..], "{count}");
        }
    }
}
