//! Any options: used or refused with a code, and the generator is as good as before.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nexttoken::generator::{Mirostat, Options, SAMPLERS};
use nexttoken_fuzz::{generator, options, three_tokens};

#[derive(Arbitrary, Debug)]
struct Asked {
    /// Which of the options are set, bit by bit.
    set: u32,
    floats: [f32; 17],
    integers: [i32; 3],
    numbers: [u32; 5],
    biases: Vec<(u16, f32)>,
    banned: Vec<u16>,
    samplers: Option<Vec<u8>>,
    words: Vec<String>,
    context_shift: bool,
    logprobs: bool,
}

impl Asked {
    fn options(self) -> Options {
        let mut options = Options {
            logprobs: self.logprobs,
            ..options()
        };
        let floats = [
            &mut options.temperature,
            &mut options.dynatemp_range,
            &mut options.dynatemp_exponent,
            &mut options.top_p,
            &mut options.min_p,
            &mut options.typical_p,
            &mut options.top_n_sigma,
            &mut options.xtc_probability,
            &mut options.xtc_threshold,
            &mut options.repetition_penalty,
            &mut options.frequency_penalty,
            &mut options.presence_penalty,
            &mut options.dry_multiplier,
            &mut options.dry_base,
            &mut options.mirostat_tau,
            &mut options.mirostat_eta,
        ];
        for (index, (to, from)) in floats.into_iter().zip(self.floats).enumerate() {
            if self.set >> index & 1 == 1 {
                // Half of them where most are allowed.
                *to = if self.set >> 31 == 1 {
                    from
                } else {
                    (from % 1.0).abs()
                };
            }
        }
        if self.set >> 16 & 1 == 1 {
            [options.penalty_last_n, options.dry_penalty_last_n, _] = self.integers;
            let [top_k, ngram, allowed, mirostat, top] = self.numbers;
            options.top_k = top_k;
            options.no_repeat_ngram_size = ngram % 8;
            options.dry_allowed_length = allowed;
            options.mirostat = Mirostat::try_from(mirostat % 3).unwrap_or_default();
            options.top_logprobs = top % 128;
            options.record = Some(top);
        }
        options.logit_bias = self
            .biases
            .into_iter()
            .map(|(id, bias)| (id.into(), bias))
            .collect();
        options.banned_tokens = self.banned.into_iter().map(u32::from).collect();
        options.samplers = self.samplers.map(|stages| {
            let name = |stage: u8| SAMPLERS[usize::from(stage) % SAMPLERS.len()];
            stages.into_iter().map(name).collect()
        });
        options.n_keep = self.integers[2] as usize % 256;
        options.context_shift = self.context_shift;
        let half = self.words.len() / 2;
        options.dry_sequence_breakers = self.words[..half].to_vec();
        options.stop = self.words[half..].to_vec();
        options
    }
}

fuzz_target!(|asked: Asked| {
    let mut generator = generator();
    generator
        .start("ON THE ON THE ON", options())
        .expect("it can be started");
    let asked = asked.options();
    let configured = generator.configure(asked.clone());
    three_tokens(&mut generator);
    let started = generator.start("ON THE ON THE ON", asked);
    assert!(configured.is_err() || started.is_ok());
    if started.is_ok() {
        three_tokens(&mut generator);
        let mut fork = generator.fork().expect("there is memory for it");
        let _ = generator.rewind(1);
        three_tokens(&mut fork);
    }
    generator
        .start("ON", options())
        .expect("an error leaves it usable");
    assert!(generator.next_token().expect("it writes").is_some());
});
