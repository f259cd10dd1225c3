//! What a caller may ask of a generation, and the allowed values.

use super::chain;
use crate::constraint::Constraint;
use crate::error::check_option;
use crate::kernels::CacheType;
use crate::sampler::Stage;
use crate::{Result, TokenId};

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
        check_option((1..=most).contains(&positions), "context_length", &allowed)?;
        Ok(positions)
    }
}

/// The options of one generation. [`Options::default`] samples as llama.cpp does by default: lively, yet cut
/// to the plausible. What each stage does with its options, and where it comes from, is told at
/// [`crate::sampler::Stage`].
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// 0 is greedy: always the most probable token. Under 1 sharpens the distribution, over 1 flattens it.
    /// Finite, 0 or more; 0.8 unless set.
    pub temperature: f32,
    /// How far the temperature moves with the entropy of the distribution. Finite, 0 or more; 0 unless set:
    /// not at all.
    pub dynatemp_range: f32,
    /// The power of the normalised entropy by which it moves. Finite, 0 or more; 1 unless set.
    pub dynatemp_exponent: f32,
    /// Only the `k` most probable tokens may be drawn; 0 means all. 40 unless set.
    pub top_k: u32,
    /// Only the smallest set of the most probable tokens that has at least this share of the probability may
    /// be drawn. From 0 to 1; 1 means all. 0.95 unless set.
    pub top_p: f32,
    /// Only tokens at least this many times as probable as the best may be drawn. From 0 to 1; 0 means all.
    /// 0.05 unless set.
    pub min_p: f32,
    /// Only the tokens whose surprisal is nearest to the entropy may be drawn, as many as have this share of
    /// the probability. From 0 to 1; 1 unless set, which means all.
    pub typical_p: f32,
    /// Only tokens whose logit is at most this many standard deviations under the largest may be drawn.
    /// Finite; 0 or less means all. −1 unless set.
    pub top_n_sigma: f32,
    /// How often the top choices but the last of them are excluded. From 0 to 1; 0 unless set.
    pub xtc_probability: f32,
    /// The probability that makes a token a top choice. From 0 to 1, where over 0.5 there are no two of
    /// them; 0.1 unless set.
    pub xtc_threshold: f32,
    /// Divides the logits of tokens used of late where positive, multiplies them elsewhere. Finite, more
    /// than 0; 1 unless set, which changes nothing.
    pub repetition_penalty: f32,
    /// Is subtracted from a token's logit for each time it was used of late. From −2 to 2; 0 unless set.
    pub frequency_penalty: f32,
    /// Is subtracted from the logit of a token used of late. From −2 to 2; 0 unless set.
    pub presence_penalty: f32,
    /// No sequence of so many tokens comes twice of late. 0 unless set: any may.
    pub no_repeat_ngram_size: u32,
    /// How many tokens "of late" means, the prompt's included: 0 none, −1 all. 64 unless set.
    pub penalty_last_n: i32,
    /// The penalty on continuing a repetition of `dry_allowed_length` tokens. Finite, 0 or more; 0 unless
    /// set.
    pub dry_multiplier: f32,
    /// By how much each further token of the repetition multiplies it. Finite, 1 or more; 1.75 unless set.
    pub dry_base: f32,
    /// A repetition of this many tokens is the first to be penalised. 2 unless set.
    pub dry_allowed_length: u32,
    /// How many tokens are searched for repetitions: 0 none, −1 all. −1 unless set.
    pub dry_penalty_last_n: i32,
    /// Strings across which nothing repeats, at most 64 of 1 to 64 bytes. Line break, colon, quotation mark
    /// and asterisk unless set.
    pub dry_sequence_breakers: Vec<String>,
    /// 2 turns mirostat 2.0 on, which then does the cutting: see [`Options::samplers`]. 0 unless set.
    pub mirostat: u32,
    /// The bits of surprisal mirostat aims at. From 0 to 100; 5 unless set.
    pub mirostat_tau: f32,
    /// The rate at which it learns. From 0 to 1; 0.1 unless set.
    pub mirostat_eta: f32,
    /// What to add to the logits of which tokens; of several for one token the last counts. Finite, or −∞:
    /// never drawn.
    pub logit_bias: Vec<(TokenId, f32)>,
    /// Tokens that are never drawn.
    pub banned_tokens: Vec<TokenId>,
    /// The stages in their order, each once, of [`super::SAMPLERS`]. Those left out do not run, and it is an
    /// error where their options are set. `logit_bias` comes first, named or not, and `mirostat` last. Where
    /// absent, the order of [`super::SAMPLERS`]; with mirostat only what does not cut: `penalties`, `dry`,
    /// `temperature`, `mirostat`.
    pub samplers: Option<Vec<String>>,
    /// The same seed (with the same model, prompt and options) gives the same text. Drawn at random where
    /// absent; [`super::Generator::seed`] tells which was used.
    pub seed: Option<u64>,
    /// Generation ends before the first of these strings appears in the text. None of them is empty. They may spell
    /// control tokens ("<|im_start|>"), which are no text themselves.
    pub stop: Vec<String>,
    /// Tokens to generate at most, 1 or more; where absent, as many as the context holds, or with
    /// `context_shift` any number.
    pub max_tokens: Option<usize>,
    /// Whether the text goes on where the context is full. The oldest half of its tokens is dropped then, but
    /// for the first `n_keep`, and what is left is run again: a pause now and then, in all one token more to
    /// read for each one written. False unless set: the text ends there.
    pub context_shift: bool,
    /// Tokens at the start that are never dropped, less than the context holds; 0 unless set. BOS stays
    /// anyway.
    pub n_keep: usize,
    /// Log-probabilities come with every token at no extra cost, so this is on unless set; turning it off
    /// while asking for `top_logprobs` is a contradiction and an error.
    pub logprobs: bool,
    /// How many of the most probable tokens to report with each token, 0 to 100; 0 unless set.
    pub top_logprobs: u32,
    /// Every token comes with a [`super::Record`] of its step, whose lists have this length at most (0 to
    /// 1000). Absent unless set: nothing is recorded.
    pub record: Option<u32>,
    /// What the text generated must be: only tokens that may follow are drawn, and the text ends where it is
    /// complete. Absent unless set.
    pub constraint: Option<Constraint>,
}

/// The largest [`Options::top_logprobs`].
pub const MAX_TOP_LOGPROBS: u32 = 100;

/// The largest [`Options::record`].
pub const MAX_RECORD: u32 = 1000;

/// The length of a record's lists where the caller names none.
pub const DEFAULT_RECORD: u32 = 10;

/// The most [`Options::dry_sequence_breakers`], and the longest of them in bytes.
const MAX_BREAKERS: usize = 64;

impl Default for Options {
    fn default() -> Self {
        Options {
            temperature: 0.8,
            dynatemp_range: 0.0,
            dynatemp_exponent: 1.0,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            typical_p: 1.0,
            top_n_sigma: -1.0,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            no_repeat_ngram_size: 0,
            penalty_last_n: 64,
            dry_multiplier: 0.0,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_penalty_last_n: -1,
            dry_sequence_breakers: ["\n", ":", "\"", "*"].map(String::from).to_vec(),
            mirostat: 0,
            mirostat_tau: 5.0,
            mirostat_eta: 0.1,
            logit_bias: Vec::new(),
            banned_tokens: Vec::new(),
            samplers: None,
            seed: None,
            stop: Vec::new(),
            max_tokens: None,
            context_shift: false,
            n_keep: 0,
            logprobs: true,
            top_logprobs: 0,
            record: None,
            constraint: None,
        }
    }
}

impl Options {
    /// Checks every option against its range.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) with the option's name and the allowed values.
    pub fn validate(&self) -> Result<()> {
        const SHARE: &str = "a number from 0 to 1";
        const POSITIVE: &str = "a finite number, 0 or more";
        const ANY: &str = "a finite number";
        let shares = [
            ("top_p", self.top_p),
            ("min_p", self.min_p),
            ("typical_p", self.typical_p),
            ("xtc_probability", self.xtc_probability),
            ("xtc_threshold", self.xtc_threshold),
            ("mirostat_eta", self.mirostat_eta),
        ];
        for (name, value) in shares {
            check_option((0.0..=1.0).contains(&value), name, SHARE)?;
        }
        let positive = [
            ("temperature", self.temperature),
            ("dynatemp_range", self.dynatemp_range),
            ("dynatemp_exponent", self.dynatemp_exponent),
            ("dry_multiplier", self.dry_multiplier),
        ];
        for (name, value) in positive {
            check_option(value.is_finite() && value >= 0.0, name, POSITIVE)?;
        }
        check_option(self.top_n_sigma.is_finite(), "top_n_sigma", ANY)?;
        let repetition = self.repetition_penalty;
        let allowed = "a finite number, more than 0";
        let usable = repetition.is_finite() && repetition > 0.0;
        check_option(usable, "repetition_penalty", allowed)?;
        for (name, value) in [
            ("frequency_penalty", self.frequency_penalty),
            ("presence_penalty", self.presence_penalty),
        ] {
            check_option((-2.0..=2.0).contains(&value), name, "a number from -2 to 2")?;
        }
        for (name, value) in [
            ("penalty_last_n", self.penalty_last_n),
            ("dry_penalty_last_n", self.dry_penalty_last_n),
        ] {
            check_option(value >= -1, name, "a whole number, -1 or more")?;
        }
        let base = self.dry_base.is_finite() && self.dry_base >= 1.0;
        check_option(base, "dry_base", "a finite number, 1 or more")?;
        let breakers = &self.dry_sequence_breakers;
        let usable = breakers.len() <= MAX_BREAKERS
            && (breakers.iter()).all(|breaker| (1..=MAX_BREAKERS).contains(&breaker.len()));
        let allowed = "at most 64 strings of 1 to 64 bytes";
        check_option(usable, "dry_sequence_breakers", allowed)?;
        check_option([0, 2].contains(&self.mirostat), "mirostat", "0 or 2")?;
        let tau = (0.0..=100.0).contains(&self.mirostat_tau);
        check_option(tau, "mirostat_tau", "a number from 0 to 100")?;
        let mut biases = self.logit_bias.iter().map(|pair| pair.1);
        let usable = biases.all(|bias| bias.is_finite() || bias == f32::NEG_INFINITY);
        check_option(usable, "logit_bias", "finite numbers or -Infinity")?;

        check_option(self.max_tokens != Some(0), "max_tokens", "1 or more")?;
        let used = self.context_shift || self.n_keep == 0;
        check_option(used, "n_keep", "0 unless context_shift is true")?;
        let filled = self.stop.iter().all(|stop| !stop.is_empty());
        check_option(filled, "stop", "strings that are not empty")?;
        let few = self.top_logprobs <= MAX_TOP_LOGPROBS;
        check_option(few, "top_logprobs", "a whole number from 0 to 100")?;
        let agree = self.logprobs || self.top_logprobs == 0;
        check_option(agree, "logprobs", "true where top_logprobs is given")?;
        let few = self.record.is_none_or(|top| top <= MAX_RECORD);
        check_option(few, "record", "absent, or a whole number from 0 to 1000")?;
        self.stages().map(|_| ())
    }

    /// The sampler's chain.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for `samplers` that are none.
    pub(super) fn stages(&self) -> Result<Vec<Stage>> {
        chain::stages(self)
    }

    /// Checks everything, then gives the chain for a vocabulary of so many tokens.
    #[cfg(test)]
    pub(crate) fn sampler_stages(&self, vocabulary: usize) -> Result<Vec<Stage>> {
        self.validate()?;
        self.check_tokens(vocabulary)?;
        self.stages()
    }

    /// Checks the tokens named against the vocabulary, and that not all of them are banned.
    pub(super) fn check_tokens(&self, vocabulary: usize) -> Result<()> {
        let known = |id: TokenId| (id as usize) < vocabulary;
        let allowed = format!("of tokens from 0 to {}", vocabulary.saturating_sub(1));
        let biased = self.logit_bias.iter().all(|pair| known(pair.0));
        check_option(biased, "logit_bias", &allowed)?;
        let banned = self.banned_tokens.iter().all(|&id| known(id));
        check_option(banned, "banned_tokens", &allowed)?;
        let some_left = chain::banned(self)?.len() < vocabulary;
        let allowed = "so that a token is left to draw";
        check_option(some_left, "banned_tokens", allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn refused(change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::default();
        change(&mut options);
        match options.validate() {
            Err(Error::InvalidOption { name, reason }) => {
                assert!(reason.starts_with("it must "), "{name}: {reason}");
                name
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_and_the_limits_are_allowed() {
        Options::default().validate().unwrap();
        for edge in [0.0, 1.0] {
            let options = Options {
                temperature: edge,
                dynatemp_range: edge,
                dynatemp_exponent: edge,
                top_p: edge,
                min_p: edge,
                typical_p: edge,
                top_n_sigma: edge,
                xtc_probability: edge,
                xtc_threshold: edge,
                repetition_penalty: 1e-30,
                frequency_penalty: 2.0 - 4.0 * edge,
                presence_penalty: 4.0 * edge - 2.0,
                penalty_last_n: -1,
                dry_multiplier: edge,
                dry_base: 1.0,
                dry_penalty_last_n: 0,
                dry_sequence_breakers: vec!["x".repeat(64); 64],
                mirostat_tau: edge * 100.0,
                mirostat_eta: edge,
                top_k: u32::MAX,
                max_tokens: Some(1),
                top_logprobs: MAX_TOP_LOGPROBS,
                record: Some(MAX_RECORD),
                ..Options::default()
            };
            options.validate().unwrap();
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for bad in [-0.1, f32::NAN, f32::INFINITY] {
            assert_eq!(refused(|o| o.temperature = bad), "temperature");
            assert_eq!(refused(|o| o.dynatemp_range = bad), "dynatemp_range");
            assert_eq!(refused(|o| o.dynatemp_exponent = bad), "dynatemp_exponent");
            assert_eq!(refused(|o| o.top_p = bad), "top_p");
            assert_eq!(refused(|o| o.min_p = bad), "min_p");
            assert_eq!(refused(|o| o.typical_p = bad), "typical_p");
            assert_eq!(refused(|o| o.xtc_probability = bad), "xtc_probability");
            assert_eq!(refused(|o| o.xtc_threshold = bad), "xtc_threshold");
            assert_eq!(
                refused(|o| o.repetition_penalty = bad),
                "repetition_penalty"
            );
            assert_eq!(refused(|o| o.dry_multiplier = bad), "dry_multiplier");
            assert_eq!(refused(|o| o.dry_base = bad), "dry_base");
            assert_eq!(refused(|o| o.mirostat_tau = bad), "mirostat_tau");
            assert_eq!(refused(|o| o.mirostat_eta = bad), "mirostat_eta");
        }
        for bad in [-2.1, 2.1, f32::NAN] {
            assert_eq!(refused(|o| o.frequency_penalty = bad), "frequency_penalty");
            assert_eq!(refused(|o| o.presence_penalty = bad), "presence_penalty");
        }
        for bad in [f32::NAN, f32::INFINITY] {
            assert_eq!(refused(|o| o.top_n_sigma = bad), "top_n_sigma");
            assert_eq!(refused(|o| o.logit_bias = vec![(0, bad)]), "logit_bias");
        }
        assert_eq!(refused(|o| o.top_p = 1.1), "top_p");
        assert_eq!(refused(|o| o.min_p = 1.1), "min_p");
        assert_eq!(
            refused(|o| o.repetition_penalty = 0.0),
            "repetition_penalty"
        );
        assert_eq!(refused(|o| o.penalty_last_n = -2), "penalty_last_n");
        assert_eq!(refused(|o| o.dry_penalty_last_n = -2), "dry_penalty_last_n");
        for bad in [
            vec![String::new()],
            vec!["x".repeat(65)],
            vec!["x".into(); 65],
        ] {
            let set = |o: &mut Options| o.dry_sequence_breakers = bad;
            assert_eq!(refused(set), "dry_sequence_breakers");
        }
        assert_eq!(refused(|o| o.mirostat = 1), "mirostat");
        assert_eq!(refused(|o| o.max_tokens = Some(0)), "max_tokens");
        assert_eq!(refused(|o| o.stop = vec!["a".into(), "".into()]), "stop");
        assert_eq!(refused(|o| o.top_logprobs = 101), "top_logprobs");
        let contradict = |o: &mut Options| (o.logprobs, o.top_logprobs) = (false, 1);
        assert_eq!(refused(contradict), "logprobs");
        assert_eq!(refused(|o| o.record = Some(1001)), "record");
        assert_eq!(refused(|o| o.n_keep = 1), "n_keep");
    }

    #[test]
    fn tokens_are_checked_against_the_vocabulary() {
        let refused = |options: Options| match options.check_tokens(4) {
            Err(Error::InvalidOption { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        let default = Options::default;
        let banned = |ids: &[TokenId]| Options {
            banned_tokens: ids.to_vec(),
            ..default()
        };
        banned(&[0, 1, 3, 3]).check_tokens(4).unwrap();
        assert_eq!(refused(banned(&[4])), "banned_tokens");
        assert_eq!(refused(banned(&[0, 1, 2, 3])), "banned_tokens");
        let biased = Options {
            logit_bias: vec![(4, 1.0)],
            ..default()
        };
        assert_eq!(refused(biased), "logit_bias");
        let both = Options {
            logit_bias: vec![(0, f32::NEG_INFINITY)],
            ..banned(&[1, 2, 3])
        };
        assert_eq!(refused(both), "banned_tokens");
    }
}
