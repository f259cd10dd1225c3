//! Snapshots: a text in progress as bytes, with its KV cache, so that it can be resumed later and elsewhere.
//!
//! The format, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `"NTKV"` |
//! | 4 | version of the format: 2 |
//! | 8 | [`Model::fingerprint`](crate::model::Model::fingerprint) |
//! | 8 | checksum of what follows: XXH64 |
//! | 4 each | words: cache type, context length, tokens in the cache, then the text as `Generation::encode_or_decode` writes it |
//! | rest | the KV cache, layer by layer, then the states of recurrent layers as f32 |
//!
//! The bytes are untrusted: every length is checked against the bytes that are there before memory is taken for it,
//! and every value against its range. The current text is replaced only once the whole snapshot has been read.

use super::generation::Generation;
use super::option_table::Value;
use super::options::Options;
use super::text::Text;
use super::{FinishReason, Generator};
use crate::allocation::{reserve, reserve_total};
use crate::error::check_option;
use crate::sampler::{Mirostat, Sampler, SamplerName, State};
use crate::{Error, Result};
use xxhash_rust::xxh64::Xxh64;

const MAGIC: [u8; 4] = *b"NTKV";
const VERSION: u32 = 2;
/// Bytes of the header, which the checksum does not cover.
const HEADER_BYTES: usize = 24;

const DAMAGED: Error = Error::Snapshot("it is damaged");

impl Generator {
    /// The text in progress as bytes: its tokens, options, the state of its sampler and its KV cache.
    /// [`Generator::restore`] resumes it, with the same model and context, as if there had been no interruption.
    ///
    /// # Errors
    /// [`Error::NotStarted`]; [`Error::Constraint`] for a text with a constraint, which a snapshot cannot hold;
    /// [`Error::InvalidOption`] for one with adapters, which it cannot hold either; [`Error::OutOfMemory`].
    pub fn snapshot(&mut self) -> Result<Vec<u8>> {
        let shape = self.shape();
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        if generation.options.constraint.is_some() {
            return Err(Error::Constraint(
                "a snapshot cannot hold a constraint".into(),
            ));
        }
        let plain = generation.options.adapters.is_empty();
        check_option(plain, "adapters", "empty where a snapshot is taken")?;
        generation.apply_shift(&mut self.session);
        // Hidden state and logits are not saved: after restoring, the last token is run again, and with recurrent layers
        // perhaps more: all since a state of theirs that is known.
        let held = self.session.len().min(generation.context_len() - 1);
        let held = self.session.savable_len(held);
        let mut codec = Codec {
            out: vec![0; HEADER_BYTES],
            input: None,
            failed: false,
        };
        for number in [shape[0], shape[1], held] {
            codec.word(number as u32);
        }
        generation.encode_or_decode(&mut codec);
        if codec.failed {
            return Err(Error::OutOfMemory(4));
        }
        let mut out = codec.out;
        self.session.save(held, &mut out)?;
        let header = self.header(&out[HEADER_BYTES..]);
        out[..HEADER_BYTES].copy_from_slice(&header);
        Ok(out)
    }

    /// Resumes the text of a [`Generator::snapshot`] that a generator with the same model file, cache type and
    /// context length has taken.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that are not a snapshot, are damaged, or come from another kind of generator;
    /// [`Error::OutOfMemory`]. The current text is then unchanged.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        let (header, body) = snapshot.split_first_chunk().ok_or(DAMAGED)?;
        self.check_header(header, body)?;
        let mut codec = Codec {
            out: Vec::new(),
            input: Some(body),
            failed: false,
        };
        let [cache_type, length, held] = [0; 3].map(|_| codec.word(0) as usize);
        let mut generation = Generation::new(
            &self.model.tokenizer,
            Vec::new(),
            Options::default(),
            None,
            0,
        )?;
        generation.encode_or_decode(&mut codec);
        if [cache_type, length] != self.shape() {
            return Err(Error::Snapshot("its context has another type or length"));
        }
        if codec.failed || !self.rebuild(&mut generation) || held >= generation.context_len() {
            return Err(DAMAGED);
        }
        generation.reused = held.min(generation.prompt_len);
        let mut session = self.session.empty(&self.model)?;
        if !session.restore(held, codec.input.unwrap_or_default())? {
            return Err(DAMAGED);
        }
        (self.session, self.generation) = (session, Some(generation));
        Ok(())
    }

    /// What must be equal in both generators besides the model: cache type and context length.
    fn shape(&self) -> [usize; 2] {
        [self.session.cache_type() as usize, self.session.capacity()]
    }

    fn header(&self, body: &[u8]) -> [u8; HEADER_BYTES] {
        let mut hasher = Xxh64::new(0);
        hasher.update(body);
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[4..8].copy_from_slice(&VERSION.to_le_bytes());
        header[8..16].copy_from_slice(&self.model.fingerprint.to_le_bytes());
        header[16..].copy_from_slice(&hasher.digest().to_le_bytes());
        header
    }

    fn check_header(&self, header: &[u8; HEADER_BYTES], body: &[u8]) -> Result<()> {
        let expected = self.header(body);
        let parts = [
            (0..4, "it is no snapshot"),
            (4..8, "it is of another version of this program"),
            (16..24, "it is damaged"),
            (8..16, "it is of another model"),
        ];
        for (at, reason) in parts {
            if header[at.clone()] != expected[at] {
                return Err(Error::Snapshot(reason));
            }
        }
        Ok(())
    }

    /// Derives the rest of a text from what was read; false where the values are not valid.
    fn rebuild(&self, generation: &mut Generation) -> bool {
        let capacity = self.session.capacity();
        generation.shift = self.shift(&generation.ids, &generation.options);
        let most = generation.shift.map_or(capacity + 1, |_| usize::MAX);
        let vocabulary = self.model.config.vocabulary_size;
        let usable = self.check_options(&generation.options).is_ok()
            && (1..=generation.ids.len().min(capacity)).contains(&generation.prompt_len)
            && generation.ids.len() <= most
            && generation.ids.iter().all(|&id| (id as usize) < vocabulary)
            && generation.states.len() == generation.generated();
        let Some(stages) = generation.options.stages().ok().filter(|_| usable) else {
            return false;
        };
        let state = generation.sampler.state();
        generation.sampler = Sampler::new(stages, generation.seed);
        generation.sampler.restore(state);
        generation.drop_oldest();
        generation.text = Text::new(&generation.options.stop, &self.model.tokenizer);
        generation.rebuild_text(&self.model.tokenizer);
        true
    }
}

/// Writes or reads the words of a snapshot, so that one function describes both directions. After a failure it only
/// remembers `failed`; the values it returns are then meaningless.
struct Codec<'a> {
    out: Vec<u8>,
    /// The bytes left to read; absent when writing to `out`.
    input: Option<&'a [u8]>,
    failed: bool,
}

/// Each method writes the value it is given, or ignores it and reads another one.
impl Codec<'_> {
    fn word(&mut self, word: u32) -> u32 {
        if let Some(input) = &mut self.input {
            let Some((first, rest)) = input.split_first_chunk() else {
                self.failed = true;
                return 0;
            };
            *input = rest;
            return u32::from_le_bytes(*first);
        }
        self.failed |= reserve(&mut self.out, 4).is_err();
        if !self.failed {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        word
    }

    fn wide(&mut self, number: u64) -> u64 {
        let low = self.word(number as u32);
        u64::from(low) | u64::from(self.word((number >> 32) as u32)) << 32
    }

    fn words(&mut self, words: &mut Vec<u32>) {
        let len = self.word(words.len() as u32) as usize;
        let most = self.input.map_or(len, |input| input.len() / 4);
        self.failed |= len > most || reserve_total(words, len).is_err();
        if !self.failed {
            words.resize(len, 0);
            words.iter_mut().for_each(|word| *word = self.word(*word));
        }
    }

    fn pairs(&mut self, pairs: impl Iterator<Item = [u32; 2]>) -> Vec<[u32; 2]> {
        let mut words = pairs.flatten().collect();
        self.words(&mut words);
        words.as_chunks().0.to_vec()
    }

    /// An option. Absent numbers are written as the largest of their type, which no option can be.
    fn option(&mut self, value: Value) {
        match value {
            Value::F32(number) => *number = f32::from_bits(self.word(number.to_bits())),
            Value::U32(number) => *number = self.word(*number),
            Value::I32(number) => *number = self.word(number.cast_unsigned()).cast_signed(),
            Value::Bool(flag) => *flag = self.word(u32::from(*flag)) != 0,
            Value::Usize(number) => *number = self.word(*number as u32) as usize,
            Value::OptionalUsize(number) => {
                let wide = self.wide(number.map_or(u64::MAX, |number| number as u64));
                *number = Some(wide as usize).filter(|_| wide != u64::MAX);
            }
            Value::OptionalU32(number) => {
                let word = self.word(number.unwrap_or(u32::MAX));
                *number = Some(word).filter(|_| word != u32::MAX);
            }
            Value::Biases(biases) => {
                let pairs = biases.drain(..).map(|(id, bias)| [id, bias.to_bits()]);
                let pairs = self.pairs(pairs).into_iter();
                biases.extend(pairs.map(|[id, bits]| (id, f32::from_bits(bits))));
            }
            Value::Tokens(tokens) => self.words(tokens),
            Value::Strings(strings) => self.strings(strings),
            Value::Mirostat(version) => {
                let read = Mirostat::try_from(self.word(version.number()));
                self.failed |= read.is_err();
                *version = read.unwrap_or_default();
            }
            Value::Samplers(names) => {
                if self.word(u32::from(names.is_some())) != 0 {
                    self.samplers(names.get_or_insert_default());
                }
            }
            Value::OptionalU64(_) | Value::Adapters(_) | Value::Constraint(_) => {}
        }
    }

    /// The names of stages as strings.
    fn samplers(&mut self, names: &mut Vec<SamplerName>) {
        let mut strings = names
            .drain(..)
            .map(|name| name.as_str().to_owned())
            .collect();
        self.strings(&mut strings);
        match SamplerName::parse_all(&strings) {
            Ok(read) => *names = read,
            Err(_) => self.failed = true,
        }
    }

    /// Strings as a list of characters, with a word after each string that is not a character.
    fn strings(&mut self, strings: &mut Vec<String>) {
        let mut words = Vec::new();
        for text in strings.drain(..) {
            words.extend(text.chars().map(u32::from));
            words.push(u32::MAX);
        }
        self.words(&mut words);
        let mut text = String::new();
        for word in words {
            match char::from_u32(word) {
                Some(char) => text.push(char),
                None => strings.push(std::mem::take(&mut text)),
            }
        }
    }
}

impl Generation {
    /// Writes or reads the parts of a text that cannot be derived from the others.
    fn encode_or_decode(&mut self, codec: &mut Codec) {
        codec.words(&mut self.ids);
        self.prompt_len = codec.word(self.prompt_len as u32) as usize;
        // NaN stands for no μ.
        self.states.push(self.sampler.state());
        let states = self.states.drain(..).map(|state| {
            let bits = state.mu.unwrap_or(f64::NAN).to_bits();
            [bits as u32, (bits >> 32) as u32]
        });
        let states = codec.pairs(states).into_iter().map(|[low, high]| {
            let mu = f64::from_bits(u64::from(low) | u64::from(high) << 32);
            let mu = Some(mu).filter(|mu| mu.is_finite());
            State { mu }
        });
        self.states.extend(states);
        self.sampler.restore(self.states.pop().unwrap_or_default());
        self.seed = codec.wide(self.seed);
        let reason = self.finish_reason.map_or(0, |reason| reason as u32 + 1);
        self.finish_reason = match codec.word(reason) {
            1 => Some(FinishReason::Stop),
            2 => Some(FinishReason::Length),
            3 => Some(FinishReason::Abort),
            _ => None,
        };
        self.options.encode_or_decode(codec);
        self.options.seed = Some(self.seed);
    }
}

impl Options {
    /// Writes or reads all options but the seed, which the text has, and constraint and adapters, which a snapshot cannot hold.
    /// They are grouped by type, each group in the order of the table of options. Left out is `speculation`, which
    /// has no effect on the text.
    fn encode_or_decode(&mut self, codec: &mut Codec) {
        for group in 0..GROUPS {
            for field in self.fields() {
                if group_of(&field.value) == Some(group) && field.name != "speculation" {
                    codec.option(field.value);
                }
            }
        }
    }
}

/// How many groups of options a snapshot has.
const GROUPS: u32 = 11;

/// The group of an option; `None` for one that is not written.
fn group_of(value: &Value) -> Option<u32> {
    Some(match value {
        Value::F32(_) => 0,
        Value::U32(_) | Value::Mirostat(_) => 1,
        Value::I32(_) => 2,
        Value::Bool(_) => 3,
        Value::Usize(_) => 4,
        Value::OptionalUsize(_) => 5,
        Value::OptionalU32(_) => 6,
        Value::Biases(_) => 7,
        Value::Tokens(_) => 8,
        Value::Strings(_) => 9,
        Value::Samplers(_) => 10,
        Value::OptionalU64(_) | Value::Adapters(_) | Value::Constraint(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of these options in a snapshot.
    fn encoded(mut options: Options) -> Vec<u8> {
        let mut codec = Codec {
            out: Vec::new(),
            input: None,
            failed: false,
        };
        options.encode_or_decode(&mut codec);
        codec.out
    }

    fn checksum(bytes: &[u8]) -> u64 {
        let mut hasher = Xxh64::new(0);
        hasher.update(bytes);
        hasher.digest()
    }

    #[test]
    fn the_bytes_of_options_are_those_of_this_version() {
        let all = Options {
            temperature: 0.25,
            dynatemp_range: 0.125,
            dynatemp_exponent: 1.5,
            top_k: 3,
            top_p: 0.875,
            min_p: 0.0625,
            typical_p: 0.75,
            top_n_sigma: 2.5,
            xtc_probability: 0.001,
            xtc_threshold: 0.4,
            repetition_penalty: 1.01,
            frequency_penalty: -0.01,
            presence_penalty: 0.02,
            no_repeat_ngram_size: 9,
            penalty_last_n: -1,
            dry_multiplier: 0.01,
            dry_base: 1.25,
            dry_allowed_length: 4,
            dry_penalty_last_n: 70,
            dry_sequence_breakers: vec!["ö".into(), "\n".into()],
            mirostat: Mirostat::V2,
            mirostat_tau: 3.0,
            mirostat_eta: 0.2,
            logit_bias: vec![(5, -1.5), (9, f32::NEG_INFINITY)],
            banned_tokens: vec![7, 8],
            samplers: Some(vec![
                SamplerName::TopK,
                SamplerName::Dry,
                SamplerName::MirostatV2,
            ]),
            adapters: Vec::new(),
            seed: Some(u64::MAX),
            stop: vec!["de".into(), "never".into()],
            max_tokens: Some(60),
            context_shift: true,
            n_keep: 2,
            speculation: false,
            logprobs: false,
            top_logprobs: 5,
            record: Some(6),
            constraint: None,
        };
        let [default, all] = [Options::default(), all].map(encoded);
        assert_eq!(default.len(), 168);
        assert_eq!(checksum(&default), 0x0c70_97b6_e05d_00e9);
        assert_eq!(all.len(), 292);
        assert_eq!(checksum(&all), 0xf2af_70a9_d760_5eb4);
    }
}
