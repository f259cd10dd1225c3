//! Pooling: the hidden states of a text's tokens → one vector.

use crate::allocation::resize;
use crate::error::invalid_option;
use crate::gguf::Metadata;
use crate::{Error, Result};
use serde::Serialize;
use std::str::FromStr;

/// How one vector is made of the hidden states of a text's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token: the classification token `[CLS]` of an encoder. In a causal model it has seen nothing but itself.
    Cls,
    /// The last token, the only one of a causal model that has seen the whole text.
    Last,
}

impl Pooling {
    /// What the metadata key `ARCHITECTURE.pooling_type` asks for, by llama.cpp's numbers: 0 none, 1 mean, 2 cls, 3 last,
    /// 4 rank. `None` where the key is absent or asks for no pooling or a classifier's.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] for another value.
    pub fn from_metadata(metadata: &Metadata, architecture: &str) -> Result<Option<Self>> {
        let key = format!("{architecture}.pooling_type");
        match metadata.optional_u32(&key)? {
            None | Some(0 | 4) => Ok(None),
            Some(1) => Ok(Some(Self::Mean)),
            Some(2) => Ok(Some(Self::Cls)),
            Some(3) => Ok(Some(Self::Last)),
            Some(number) => Err(Error::BadMetadata {
                key,
                reason: format!("no pooling has the number {number}"),
            }),
        }
    }
}

impl FromStr for Pooling {
    type Err = Error;

    /// The pooling of this name: "mean", "cls" or "last".
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "mean" => Ok(Self::Mean),
            "cls" => Ok(Self::Cls),
            "last" => Ok(Self::Last),
            _ => Err(invalid_option("pooling", "\"mean\", \"cls\" or \"last\"")),
        }
    }
}

/// How the vectors of texts are made, by a causal model or by an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The pooling; `None`: the one that the model's file names. Where it names none, a causal model takes the last
    /// token's hidden state, because that token alone has seen the whole text; for an encoder there is no such choice, and
    /// it is an error.
    pub pooling: Option<Pooling>,
    /// Whether each vector is divided by its Euclidean length, so that a dot product is the cosine similarity; the default.
    pub normalize: bool,
    /// Whether a text of more tokens than the model's context holds is cut to its first ones; by default it is an error. A
    /// token that ends every text (EOS, `[SEP]`) ends this one too.
    pub truncate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pooling: None,
            normalize: true,
            truncate: false,
        }
    }
}

/// The pooled hidden states of the tokens so far.
#[derive(Debug)]
pub(crate) struct Pool {
    pooling: Pooling,
    /// The chosen state, or the sum of all: `[hidden_size]`. In f64, so that a long text's mean loses nothing.
    state: Vec<f64>,
    tokens: usize,
}

impl Pool {
    /// A pool of no tokens yet.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(pooling: Pooling, hidden_size: usize) -> Result<Self> {
        let mut state = Vec::new();
        resize(&mut state, hidden_size, 0.0)?;
        Ok(Self {
            pooling,
            state,
            tokens: 0,
        })
    }

    /// The number of tokens so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Adds the hidden states of further tokens: `hidden[tokens][hidden_size]`.
    pub fn push(&mut self, hidden: &[f32]) {
        for hidden in hidden.chunks_exact(self.state.len()) {
            let is_first = self.tokens == 0;
            self.tokens += 1;
            for (state, &x) in self.state.iter_mut().zip(hidden) {
                match self.pooling {
                    Pooling::Mean => *state += f64::from(x),
                    Pooling::Cls if !is_first => {}
                    Pooling::Cls | Pooling::Last => *state = f64::from(x),
                }
            }
        }
    }

    /// The vector of these tokens, divided by its Euclidean length with `normalize`; the pool is empty afterwards. A
    /// vector of zeros has no direction, and stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::OutOfMemory`].
    pub fn take(&mut self, normalize: bool) -> Result<Vec<f32>> {
        let mut divisor = match self.pooling {
            Pooling::Mean => self.tokens.max(1) as f64,
            Pooling::Cls | Pooling::Last => 1.0,
        };
        let length = libm::sqrt(self.state.iter().map(|x| x * x).sum());
        if !length.is_finite() {
            return Err(Error::NotFinite);
        }
        if normalize && length > 0.0 {
            divisor = length;
        }
        let mut vector = Vec::new();
        resize(&mut vector, self.state.len(), 0.0)?;
        for (x, state) in vector.iter_mut().zip(&mut self.state) {
            *x = (*state / divisor) as f32;
            *state = 0.0;
        }
        self.tokens = 0;
        Ok(vector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{Value, Writer, read_header};

    const STATES: [f32; 6] = [1.0, 0.0, 3.0, 2.0, 2.0, 4.0];

    fn pooled(pooling: Pooling, chunk: usize, normalize: bool) -> Vec<f32> {
        let mut pool = Pool::new(pooling, 2).unwrap();
        for chunk in STATES.chunks(2 * chunk) {
            pool.push(chunk);
        }
        assert_eq!(pool.tokens(), 3);
        pool.take(normalize).unwrap()
    }

    #[test]
    fn pools_by_chunks_of_any_size() {
        for chunk in 1..=3 {
            assert_eq!(pooled(Pooling::Mean, chunk, false), [2.0, 2.0]);
            assert_eq!(pooled(Pooling::Cls, chunk, false), [1.0, 0.0]);
            assert_eq!(pooled(Pooling::Last, chunk, false), [2.0, 4.0]);
        }
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert_eq!(pooled(Pooling::Mean, 2, true), [half, half]);
    }

    #[test]
    fn a_pool_is_used_again_for_the_next_text() {
        let mut pool = Pool::new(Pooling::Mean, 1).unwrap();
        pool.push(&[5.0, 7.0]);
        assert_eq!(pool.take(false).unwrap(), [6.0]);
        assert_eq!(pool.tokens(), 0);
        pool.push(&[1.0]);
        assert_eq!(pool.take(false).unwrap(), [1.0]);
    }

    #[test]
    fn zeros_stay_and_what_is_not_finite_is_an_error() {
        let mut pool = Pool::new(Pooling::Last, 2).unwrap();
        pool.push(&[0.0, 0.0]);
        assert_eq!(pool.take(true).unwrap(), [0.0, 0.0]);
        for bad in [f32::NAN, f32::INFINITY] {
            pool.push(&[1.0, bad]);
            assert_eq!(pool.take(false), Err(Error::NotFinite));
        }
    }

    #[test]
    fn metadata_names_the_pooling_by_number() {
        let of = |number: Option<u32>| {
            let mut writer = Writer::new();
            if let Some(number) = number {
                writer
                    .metadata("qwen3.pooling_type", Value::U32(number))
                    .unwrap();
            }
            let file = writer.to_vec().unwrap();
            let metadata = read_header(&file).unwrap().unwrap().metadata;
            Pooling::from_metadata(&metadata, "qwen3")
        };
        assert_eq!(of(None), Ok(None));
        assert_eq!(of(Some(0)), Ok(None));
        assert_eq!(of(Some(1)), Ok(Some(Pooling::Mean)));
        assert_eq!(of(Some(2)), Ok(Some(Pooling::Cls)));
        assert_eq!(of(Some(3)), Ok(Some(Pooling::Last)));
        assert_eq!(of(Some(4)), Ok(None));
        assert_eq!(of(Some(5)).unwrap_err().code(), "bad_metadata");
    }

    #[test]
    fn names_are_read() {
        assert_eq!("cls".parse(), Ok(Pooling::Cls));
        let error = "rank".parse::<Pooling>().unwrap_err();
        assert_eq!(error.code(), "invalid_option");
    }
}
