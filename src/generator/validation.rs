//! Checks the options of a generation: each by itself, together, and against the vocabulary.

use super::{Options, chain};
use crate::error::check_option;
#[cfg(test)]
use crate::sampler::Stage;
use crate::{Result, TokenId};

impl Options {
    /// Checks every option against its range.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) with the option's name and the allowed values.
    pub fn validate(&self) -> Result<()> {
        self.check_ranges()?;
        let used = self.context_shift || self.n_keep == 0;
        check_option(used, "n_keep", "0 unless context_shift is true")?;
        let agree = self.logprobs || self.top_logprobs == 0;
        check_option(agree, "logprobs", "true where top_logprobs is given")?;
        self.stages().map(|_| ())
    }

    /// Checks all options, then returns the chain for a vocabulary of this size.
    #[cfg(test)]
    pub(crate) fn sampler_stages(&self, vocabulary: usize) -> Result<Vec<Stage>> {
        self.validate()?;
        self.check_tokens(vocabulary)?;
        self.stages()
    }

    /// Checks that all tokens named are in the vocabulary and that not all of it is banned.
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
    use super::super::{MAX_RECORD, MAX_TOP_LOGPROBS, Mirostat};
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
        let scale = |o: &mut Options| o.adapters = vec![(String::new(), f32::NAN)];
        assert_eq!(refused(scale), "adapters");
        assert!(matches!(
            Mirostat::try_from(1),
            Err(Error::InvalidOption { name, .. }) if name == "mirostat"
        ));
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
