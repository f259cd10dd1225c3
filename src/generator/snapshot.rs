//! A text in progress as bytes, with its KV cache, so that it can go on later and elsewhere.
//!
//! Little-endian, in order:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `"NTKV"` |
//! | 4 | version of the format: 1 |
//! | 8 | [`Model::fingerprint`](crate::model::Model::fingerprint) |
//! | 8 | checksum of what follows: FNV-1a, 64 bits |
//! | 8 each | numbers: cache type, length of the context, tokens in the cache, and the text as [`Run::fields`] has it |
//! | rest | the cache, head by head |
//!
//! The bytes are untrusted: every length is checked against what is there before memory is taken for it, and
//! every value against its range. A text is replaced only by a whole one.

use super::options::Options;
use super::{FinishReason, Generator, Run, Text};
use crate::kernels::CacheType;
use crate::sampler::{Sampler, State};
use crate::{Error, Result};
use fnv::FnvHasher;
use std::hash::Hasher;

const MAGIC: [u8; 4] = *b"NTKV";
const VERSION: u32 = 1;
/// Bytes before those the checksum is of.
const HEAD: usize = 24;

impl Generator {
    /// The text in progress as bytes: its tokens, options, the state of its sampler and its KV cache. With the
    /// same model and context [`Generator::restore`] goes on from it as if nothing had been.
    ///
    /// Errors: [`Error::NotStarted`], [`Error::OutOfMemory`].
    pub fn snapshot(&self) -> Result<Vec<u8>> {
        let mut run = self.run.as_ref().ok_or(Error::NotStarted)?.fork()?;
        // Neither the hidden state nor the logits are kept: the last token is run again. What a shift is about
        // to move need not be kept either.
        let held = self.session.len().min(run.drop_oldest());
        let mut held = held.min(run.context_len() - 1);
        let mut coder = Coder {
            out: vec![0; HEAD],
            input: None,
        };
        self.shape()
            .iter_mut()
            .try_for_each(|n| n.code(&mut coder))?;
        held.code(&mut coder)?;
        run.fields(&mut coder)?;
        let mut out = coder.out;
        self.session.save(held, &mut out)?;
        let head = self.head(&out[HEAD..]);
        out[..HEAD].copy_from_slice(&head);
        Ok(out)
    }

    /// Goes on from a [`Generator::snapshot`] of a generator with the same model file, cache type and length
    /// of the context.
    ///
    /// Errors leave the text before as it was: [`Error::Snapshot`] for bytes that are none, damaged, or of
    /// another generator; [`Error::OutOfMemory`].
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        self.check_head(snapshot)?;
        let mut coder = Coder {
            out: Vec::new(),
            input: Some(&snapshot[HEAD..]),
        };
        for (mine, what) in self.shape().iter_mut().zip(["cache type", "length"]) {
            let own = *mine;
            mine.code(&mut coder)?;
            if *mine != own {
                return refuse(&format!("its context is of another {what}"));
            }
        }
        let mut held = 0;
        held.code(&mut coder)?;
        let mut run = Run::new(Vec::new(), Options::default(), None, 0)?;
        run.fields(&mut coder)?;
        self.revive(&mut run)?;
        if held >= run.context_len() {
            return damaged();
        }
        run.reused = held.min(run.prompt_len);
        let mut session = self.session.empty(&self.model)?;
        if !session.restore(held, coder.input.unwrap_or_default())? {
            return damaged();
        }
        (self.session, self.run) = (session, Some(run));
        Ok(())
    }

    /// What both generators have in common besides the model.
    fn shape(&self) -> [usize; 2] {
        let cache_type = match self.session.cache_type() {
            CacheType::F32 => 0,
            CacheType::Q16 => 1,
            CacheType::Q8 => 2,
        };
        [cache_type, self.session.capacity()]
    }

    fn head(&self, body: &[u8]) -> [u8; HEAD] {
        let mut hasher = FnvHasher::default();
        hasher.write(body);
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4..8].copy_from_slice(&VERSION.to_le_bytes());
        head[8..16].copy_from_slice(&self.model.fingerprint.to_le_bytes());
        head[16..].copy_from_slice(&hasher.finish().to_le_bytes());
        head
    }

    fn check_head(&self, snapshot: &[u8]) -> Result<()> {
        let Some((head, body)) = snapshot.split_first_chunk::<HEAD>() else {
            return damaged();
        };
        let expected = self.head(body);
        let same = |at: std::ops::Range<usize>| head[at.clone()] == expected[at];
        if !same(0..4) {
            refuse("it is none")
        } else if !same(4..8) {
            refuse("it is of another version of this program")
        } else if !same(16..24) {
            damaged()
        } else if !same(8..16) {
            refuse("it is of another model")
        } else {
            Ok(())
        }
    }

    /// Checks what was read of a text, and makes the rest of it.
    fn revive(&self, run: &mut Run) -> Result<()> {
        let capacity = self.session.capacity();
        run.shift = self.shift(&run.ids, &run.options);
        let most = run.shift.map_or(capacity + 1, |_| usize::MAX);
        let vocabulary = self.model.config.vocabulary_size;
        let usable = self.check_options(&run.options).is_ok()
            && (1..=run.ids.len().min(capacity)).contains(&run.prompt_len)
            && run.ids.len() <= most
            && run.ids.iter().all(|&id| (id as usize) < vocabulary)
            && run.states.len() == run.generated();
        if !usable {
            return damaged();
        }
        let mut sampler = Sampler::new(run.options.stages()?, run.seed);
        sampler.restore(run.sampler.state());
        run.sampler = sampler;
        run.drop_oldest();
        run.text = Text::new(run.options.stop.clone());
        run.retell(&self.model.tokenizer);
        Ok(())
    }
}

impl Run {
    /// What of a text cannot be made from the rest.
    fn fields(&mut self, coder: &mut Coder) -> Result<()> {
        self.ids.code(coder)?;
        self.prompt_len.code(coder)?;
        self.states.code(coder)?;
        let mut state = self.sampler.state();
        state.code(coder)?;
        self.sampler.restore(state);
        self.seed.code(coder)?;
        let mut reason = self.finish_reason.map_or(0, |reason| reason as u8 + 1);
        reason.code(coder)?;
        self.finish_reason = match reason {
            0 => None,
            1 => Some(FinishReason::Stop),
            2 => Some(FinishReason::Length),
            3 => Some(FinishReason::Abort),
            _ => return damaged(),
        };
        self.options.code(coder)
    }
}

/// Numbers on their way out, or in.
struct Coder<'a> {
    out: Vec<u8>,
    /// What is to be read; absent where `out` is written.
    input: Option<&'a [u8]>,
}

impl Coder<'_> {
    /// Writes `number`, or reads one instead.
    fn number(&mut self, number: u64) -> Result<u64> {
        let Some(input) = &mut self.input else {
            self.out.try_reserve(8).map_err(|_| Error::OutOfMemory(8))?;
            self.out.extend_from_slice(&number.to_le_bytes());
            return Ok(number);
        };
        let Some((first, rest)) = input.split_first_chunk() else {
            return damaged();
        };
        *input = rest;
        Ok(u64::from_le_bytes(*first))
    }

    /// How many numbers can still be read.
    fn room(&self) -> usize {
        self.input.map_or(usize::MAX, |input| input.len() / 8)
    }
}

/// What a coder writes and reads, by one description: a number, or several.
trait Field {
    fn code(&mut self, coder: &mut Coder) -> Result<()>;
}

macro_rules! whole {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            fn code(&mut self, coder: &mut Coder) -> Result<()> {
                let read = coder.number(*self as u64)?;
                *self = <$kind>::try_from(read).or_else(|_| damaged())?;
                Ok(())
            }
        }
    )*};
}
whole!(u8, u32, u64, usize);

impl Field for i32 {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mut bits = self.cast_unsigned();
        bits.code(coder)?;
        *self = bits.cast_signed();
        Ok(())
    }
}

impl Field for f32 {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mut bits = self.to_bits();
        bits.code(coder)?;
        *self = f32::from_bits(bits);
        Ok(())
    }
}

impl Field for bool {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        *self = coder.number(u64::from(*self))? != 0;
        Ok(())
    }
}

/// Mirostat's μ, NaN where there is none.
impl Field for State {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mu = f64::from_bits(coder.number(self.mu.unwrap_or(f64::NAN).to_bits())?);
        self.mu = mu.is_finite().then_some(mu);
        Ok(())
    }
}

impl<T: Field + Default> Field for Option<T> {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mut is_some = self.is_some();
        is_some.code(coder)?;
        if is_some {
            self.get_or_insert_default().code(coder)
        } else {
            *self = None;
            Ok(())
        }
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        self.0.code(coder)?;
        self.1.code(coder)
    }
}

impl<T: Field + Default> Field for Vec<T> {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mut len = self.len();
        len.code(coder)?;
        // Each has a number at least.
        if len > coder.room() {
            return damaged();
        }
        let missing = len.saturating_sub(self.len());
        self.try_reserve_exact(missing)
            .map_err(|_| Error::OutOfMemory(missing.saturating_mul(size_of::<T>())))?;
        self.resize_with(len, T::default);
        self.iter_mut().try_for_each(|item| item.code(coder))
    }
}

impl Field for String {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        let mut bytes = std::mem::take(self).into_bytes();
        bytes.code(coder)?;
        *self = String::from_utf8(bytes).or_else(|_| damaged())?;
        Ok(())
    }
}

impl Field for Options {
    fn code(&mut self, coder: &mut Coder) -> Result<()> {
        // By name, so that none is forgotten.
        let Options {
            temperature,
            dynatemp_range,
            dynatemp_exponent,
            top_k,
            top_p,
            min_p,
            typical_p,
            top_n_sigma,
            xtc_probability,
            xtc_threshold,
            repetition_penalty,
            frequency_penalty,
            presence_penalty,
            no_repeat_ngram_size,
            penalty_last_n,
            dry_multiplier,
            dry_base,
            dry_allowed_length,
            dry_penalty_last_n,
            dry_sequence_breakers,
            mirostat,
            mirostat_tau,
            mirostat_eta,
            logit_bias,
            banned_tokens,
            samplers,
            seed,
            stop,
            max_tokens,
            context_shift,
            n_keep,
            logprobs,
            top_logprobs,
            record,
        } = self;
        let fields: [&mut dyn Field; 34] = [
            temperature,
            dynatemp_range,
            dynatemp_exponent,
            top_k,
            top_p,
            min_p,
            typical_p,
            top_n_sigma,
            xtc_probability,
            xtc_threshold,
            repetition_penalty,
            frequency_penalty,
            presence_penalty,
            no_repeat_ngram_size,
            penalty_last_n,
            dry_multiplier,
            dry_base,
            dry_allowed_length,
            dry_penalty_last_n,
            dry_sequence_breakers,
            mirostat,
            mirostat_tau,
            mirostat_eta,
            logit_bias,
            banned_tokens,
            samplers,
            seed,
            stop,
            max_tokens,
            context_shift,
            n_keep,
            logprobs,
            top_logprobs,
            record,
        ];
        fields.into_iter().try_for_each(|field| field.code(coder))
    }
}

fn refuse<T>(reason: &str) -> Result<T> {
    Err(Error::Snapshot(reason.into()))
}

fn damaged<T>() -> Result<T> {
    refuse("it is damaged")
}
