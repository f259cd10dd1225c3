//! Two generators of which one guesses tokens.

use super::long::generator;
use nexttoken::constraint::{Constraint, Kind, Vocabulary, token_table};
use nexttoken::generator::{CacheType, Generator, Options};
use nexttoken::model::Model;
use std::sync::Arc;
use xxhash_rust::xxh64::xxh64;

/// Two generators in the same state, of which the first drafts every guess and the second none.
pub struct Pair(pub [Generator; 2]);

impl Pair {
    pub fn new(model: &Arc<Model>, length: usize, cache_type: CacheType) -> Self {
        Pair([(); 2].map(|()| {
            let mut generator = generator(model, length, cache_type);
            // Without a clock the cost stays as it is set.
            generator.set_clock(|| 0.0);
            generator.set_draft_cost(0.0);
            generator
        }))
    }

    /// The first has a draft model, too.
    pub fn with_draft(model: &Arc<Model>, draft: &Arc<Model>, length: usize) -> Self {
        let mut pair = Pair::new(model, length, CacheType::Q16);
        pair.0[0].set_draft(Some(Arc::clone(draft))).unwrap();
        pair.0[0].set_draft_cost(0.0);
        pair
    }

    /// Does the same to both, and checks that the results and all that can be seen afterwards are equal.
    pub fn both(&mut self, what: &str, mut act: impl FnMut(&mut Generator, bool) -> String) {
        let [one, other] = [0, 1].map(|index| {
            let generator = &mut self.0[index];
            let result = act(generator, index == 0);
            let logits = generator.logits().map(|logits| {
                let bits = logits
                    .iter()
                    .flat_map(|logit| logit.to_bits().to_le_bytes());
                xxh64(&bits.collect::<Vec<u8>>(), 0)
            });
            let seen = (generator.ids(), generator.text(), generator.context_used());
            let end = generator.finish_reason();
            format!("{result} {seen:?} {logits:?} {end:?}")
        });
        assert_eq!(one, other, "{what}");
    }

    pub fn start(&mut self, prompt: &str, options: &Options) {
        self.both("start", |generator, speculation| {
            let options = Options {
                speculation,
                ..options.clone()
            };
            format!("{:?}", generator.start(prompt, options))
        });
    }

    /// Writes the text to its end, token by token.
    pub fn finish(&mut self) {
        while self.0[0].finish_reason().is_none() {
            self.both("next_token", |generator, _| {
                format!("{:?}", generator.next_token())
            });
        }
    }

    /// How many tokens were drafted and accepted, of which the second generator has none.
    pub fn counts(&self) -> (usize, usize) {
        assert_eq!(self.0[1].timings().drafted, 0);
        let timings = self.0[0].timings();
        assert!(timings.accepted <= timings.drafted);
        (timings.drafted, timings.accepted)
    }
}

pub fn seeded(temperature: f32, max_tokens: usize) -> Options {
    Options {
        temperature,
        seed: Some(7),
        max_tokens: Some(max_tokens),
        top_logprobs: 2,
        record: Some(3),
        ..Options::default()
    }
}

pub fn schema(model: &Model, source: &str) -> Constraint {
    let table = token_table(&model.tokenizer).unwrap();
    let vocabulary = Vocabulary::new(&table).unwrap();
    vocabulary.compile(Kind::JsonSchema, source).unwrap()
}
