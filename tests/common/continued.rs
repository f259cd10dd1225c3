//! However a text comes about, and whatever was there before, its bits are those of a text run at once.

use super::long::{ALL, generator, rest, resumes};
use super::pinned_options;
use super::runs::last_hidden;
use nexttoken::Inspection;
use nexttoken::generator::{CacheType, Context, Options};
use nexttoken::gguf::read_header;
use nexttoken::model::{Model, Session};
use std::sync::Arc;

/// The tokens of a [`text`].
pub const LENGTH: usize = 20;

/// Tokens below 62, other ones for each seed.
pub fn text(seed: u32) -> Vec<u32> {
    (0..LENGTH as u32)
        .map(|i| (i * i * 7 + seed * 5) % 62)
        .collect()
}

/// A session for two texts.
pub fn session(model: &Model, cache: CacheType) -> Session {
    Session::new(model, 2 * LENGTH, cache).unwrap()
}

/// The contract of the numbers: what the pinned options give from a prompt.
pub fn writes_what_is_pinned(model: &Arc<Model>, prompt: &str, ids: &[u32]) {
    let mut generator = generator(model, 64, CacheType::Q16);
    generator.start(prompt, pinned_options()).unwrap();
    let found: Vec<u32> = rest(&mut generator).iter().map(|token| token.id).collect();
    assert_eq!(found, ids);
}

/// A text may be cut after any of its tokens, and forked there.
pub fn can_be_cut_anywhere(model: &Model) {
    let (before, after) = (text(1), text(2));
    for cache in ALL {
        let mut cut = session(model, cache);
        for len in (0..LENGTH).chain([3, 0]) {
            cut.truncate(0);
            last_hidden(model, &mut cut, &before, 5);
            cut.truncate(len);
            let mut fork = cut.fork().unwrap();
            let ids = [&before[..len], &after].concat();
            let expected = last_hidden(model, &mut session(model, cache), &ids, 64);
            assert_eq!(
                last_hidden(model, &mut cut, &after, 3),
                expected,
                "{cache:?}, {len}"
            );
            // A fork is a text of its own.
            assert_eq!(last_hidden(model, &mut fork, &after, 64), expected);
        }
    }
}

/// A saved text may go on in another session, and is refused where it is not whole.
pub fn is_the_same_elsewhere(model: &Model) {
    let (before, after) = (text(1), text(2));
    for cache in ALL {
        let mut saved = session(model, cache);
        last_hidden(model, &mut saved, &before, 64);
        let expected = last_hidden(model, &mut saved.fork().unwrap(), &after, 64);
        let mut bytes = Vec::new();
        saved.save(LENGTH, &mut bytes).unwrap();
        let mut restored = saved.empty(model).unwrap();
        assert!(restored.restore(LENGTH, &bytes).unwrap());
        assert_eq!(
            last_hidden(model, &mut restored, &after, 4),
            expected,
            "{cache:?}"
        );
        // Neither less nor more than there was.
        bytes.push(0);
        assert!(!restored.restore(LENGTH, &bytes).unwrap());
        bytes.truncate(bytes.len() - 2);
        assert!(!restored.restore(LENGTH, &bytes).unwrap());
    }
}

/// The loop by hand, with a text that outgrows its context.
pub fn goes_on_as_it_would_have(model: &Arc<Model>) {
    let prompt = model.tokenizer.decode(&text(1)[..9]);
    for cache in ALL {
        let options = Options {
            seed: Some(4),
            max_tokens: Some(50),
            context_shift: true,
            banned_tokens: vec![63],
            ..Options::default()
        };
        let mut first = generator(model, 25, cache);
        first.start(&prompt, options.clone()).unwrap();
        let tokens = rest(&mut first);
        assert_eq!(tokens.len(), 50);
        resumes(&mut first, &tokens, &[1, 2, 3, 13, 40, 50], || {
            generator(model, 25, cache)
        });
        // What a text has in common with the one before is not run again.
        let within = Options {
            max_tokens: Some(5),
            ..options
        };
        first.start(&prompt, within.clone()).unwrap();
        let expected = rest(&mut first);
        let other = format!("{prompt}!");
        first.start(&other, within.clone()).unwrap();
        assert!(first.timings().reused_tokens >= 8);
        rest(&mut first);
        first.start(&prompt, within).unwrap();
        assert!(first.timings().reused_tokens >= 8);
        assert_eq!(rest(&mut first), expected);
    }
}

/// An inspection tells the memory that the weights and the cache of a file take.
pub fn takes_the_memory_that_is_told(file: &[u8]) {
    let model = Model::from_bytes(file).unwrap();
    for cache_type in ALL {
        let header = read_header(file).unwrap().unwrap();
        let context = Context {
            cache_type,
            ..Context::default()
        };
        let inspection = Inspection::new(header, 1, context, None).unwrap();
        let memory = inspection.memory.unwrap();
        assert_eq!(memory.weights, model.weight_bytes);
        let mut session = session(&model, cache_type);
        last_hidden(&model, &mut session, &text(1), 64);
        assert_eq!(memory.cache, session.cache_bytes() as u64);
    }
}
