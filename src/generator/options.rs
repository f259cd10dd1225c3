//! What a caller may ask of a generation, and the allowed values.

use crate::kernels::CacheType;
use crate::sampler::Stage;
use crate::{Error, Result};

/// The memory of a generator's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// Tokens it holds, from 1 to the model's own number; that number where absent.
    pub length: Option<usize>,
    /// How the KV cache keeps its numbers.
    pub cache_type: CacheType,
}

impl Context {
    /// Tokens it holds with a model whose own number is `most`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] unless 1 ≤ its length ≤ `most`.
    pub(crate) fn positions(self, most: usize) -> Result<usize> {
        let positions = self.length.unwrap_or(most);
        let allowed = format!("a whole number from 1 to {most}, the model's own");
        check((1..=most).contains(&positions), "context_length", &allowed)?;
        Ok(positions)
    }
}

/// The options of one generation. [`Options::default`] samples as llama.cpp does by default: lively, yet cut
/// to the plausible.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// 0 is greedy: always the most probable token. Under 1 sharpens the distribution, over 1 flattens it.
    /// Finite, 0 or more; 0.8 unless set.
    pub temperature: f32,
    /// Only the `k` most probable tokens may be drawn; 0 means all. 40 unless set.
    pub top_k: u32,
    /// Only the smallest set of the most probable tokens that has at least this share of the probability may
    /// be drawn. From 0 to 1; 1 means all. 0.95 unless set.
    pub top_p: f32,
    /// Only tokens at least this many times as probable as the best may be drawn. From 0 to 1; 0 means all.
    /// 0.05 unless set.
    pub min_p: f32,
    /// The same seed (with the same model, prompt and options) gives the same text. Drawn at random where
    /// absent; [`super::Generator::seed`] tells which was used.
    pub seed: Option<u64>,
    /// Generation ends before the first of these strings appears in the text. None of them is empty.
    pub stop: Vec<String>,
    /// Tokens to generate at most, 1 or more; where absent, as many as the context holds.
    pub max_tokens: Option<usize>,
    /// Log-probabilities come with every token at no extra cost, so this is on unless set; turning it off
    /// while asking for `top_logprobs` is a contradiction and an error.
    pub logprobs: bool,
    /// How many of the most probable tokens to report with each token, 0 to 100; 0 unless set.
    pub top_logprobs: u32,
}

/// The largest [`Options::top_logprobs`].
pub const MAX_TOP_LOGPROBS: u32 = 100;

impl Default for Options {
    fn default() -> Self {
        Options {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            seed: None,
            stop: Vec::new(),
            max_tokens: None,
            logprobs: true,
            top_logprobs: 0,
        }
    }
}

impl Options {
    /// Checks every option against its range. Error: [`Error::InvalidOption`] with the option's name.
    pub fn validate(&self) -> Result<()> {
        let share = |value: f32| (0.0..=1.0).contains(&value);
        let positive = self.temperature.is_finite() && self.temperature >= 0.0;
        check(positive, "temperature", "a finite number, 0 or more")?;
        check(share(self.top_p), "top_p", "a number from 0 to 1")?;
        check(share(self.min_p), "min_p", "a number from 0 to 1")?;
        check(self.max_tokens != Some(0), "max_tokens", "1 or more")?;
        let filled = self.stop.iter().all(|stop| !stop.is_empty());
        check(filled, "stop", "strings that are not empty")?;
        let few = self.top_logprobs <= MAX_TOP_LOGPROBS;
        check(few, "top_logprobs", "a whole number from 0 to 100")?;
        let agree = self.logprobs || self.top_logprobs == 0;
        check(agree, "logprobs", "true where top_logprobs is given")
    }

    /// The sampler's chain, in llama.cpp's order.
    pub(super) fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::TopK(self.top_k),
            Stage::TopP(self.top_p),
            Stage::MinP(self.min_p),
            Stage::Temperature(self.temperature.abs()),
        ]
    }
}

fn check(holds: bool, name: &str, allowed: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::InvalidOption {
        name: name.into(),
        reason: format!("it must be {allowed}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::default();
        change(&mut options);
        match options.validate() {
            Err(Error::InvalidOption { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_and_the_limits_are_allowed() {
        Options::default().validate().unwrap();
        for edge in [0.0, 1.0] {
            let options = Options {
                temperature: edge,
                top_p: edge,
                min_p: edge,
                top_k: u32::MAX,
                max_tokens: Some(1),
                top_logprobs: MAX_TOP_LOGPROBS,
                ..Options::default()
            };
            options.validate().unwrap();
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for bad in [-0.1, f32::NAN, f32::INFINITY] {
            assert_eq!(refused(|o| o.temperature = bad), "temperature");
            assert_eq!(refused(|o| o.top_p = bad), "top_p");
            assert_eq!(refused(|o| o.min_p = bad), "min_p");
        }
        assert_eq!(refused(|o| o.top_p = 1.1), "top_p");
        assert_eq!(refused(|o| o.min_p = 1.1), "min_p");
        assert_eq!(refused(|o| o.max_tokens = Some(0)), "max_tokens");
        assert_eq!(refused(|o| o.stop = vec!["a".into(), "".into()]), "stop");
        assert_eq!(refused(|o| o.top_logprobs = 101), "top_logprobs");
        let contradict = |o: &mut Options| (o.logprobs, o.top_logprobs) = (false, 1);
        assert_eq!(refused(contradict), "logprobs");
    }
}
