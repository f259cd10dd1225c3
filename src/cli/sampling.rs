//! The options of the sampler as arguments.

use clap::Args;
use nexttoken::TokenId;
use nexttoken::generator::{Options, SAMPLERS};

/// One argument for each option, spelled with hyphens.
#[derive(Args)]
#[command(next_help_heading = "Sampling")]
pub struct Sampling {
    /// 0 is greedy; under 1 sharpens the distribution, over 1 flattens it
    #[arg(long, default_value_t = Options::default().temperature, allow_negative_numbers = true)]
    temperature: f32,
    /// How far the temperature moves with the entropy
    #[arg(long, default_value_t = Options::default().dynatemp_range, allow_negative_numbers = true)]
    dynatemp_range: f32,
    /// The power of the normalised entropy by which it moves
    #[arg(long, default_value_t = Options::default().dynatemp_exponent, allow_negative_numbers = true)]
    dynatemp_exponent: f32,
    /// Only the K most probable tokens may be drawn; 0 means all
    #[arg(long, default_value_t = Options::default().top_k)]
    top_k: u32,
    /// Only the smallest set of the most probable tokens with this share of the probability may be drawn
    #[arg(long, default_value_t = Options::default().top_p, allow_negative_numbers = true)]
    top_p: f32,
    /// Only tokens at least this many times as probable as the best may be drawn; 0 means all
    #[arg(long, default_value_t = Options::default().min_p, allow_negative_numbers = true)]
    min_p: f32,
    /// Only the tokens nearest to the expected surprisal may be drawn, with this share of the probability
    #[arg(long, default_value_t = Options::default().typical_p, allow_negative_numbers = true)]
    typical_p: f32,
    /// Only logits at most this many standard deviations under the largest; 0 or less means all
    #[arg(long, default_value_t = Options::default().top_n_sigma, allow_negative_numbers = true)]
    top_n_sigma: f32,
    /// How often the top choices but the last of them are excluded
    #[arg(long, default_value_t = Options::default().xtc_probability, allow_negative_numbers = true)]
    xtc_probability: f32,
    /// The probability that makes a token a top choice
    #[arg(long, default_value_t = Options::default().xtc_threshold, allow_negative_numbers = true)]
    xtc_threshold: f32,
    /// Makes tokens used of late less probable; 1 changes nothing
    #[arg(long, default_value_t = Options::default().repetition_penalty, allow_negative_numbers = true)]
    repetition_penalty: f32,
    /// Is subtracted from a token's logit for each time it was used of late
    #[arg(long, default_value_t = Options::default().frequency_penalty, allow_negative_numbers = true)]
    frequency_penalty: f32,
    /// Is subtracted from the logit of a token used of late
    #[arg(long, default_value_t = Options::default().presence_penalty, allow_negative_numbers = true)]
    presence_penalty: f32,
    /// No sequence of so many tokens comes twice of late; 0 means any may
    #[arg(long, default_value_t = Options::default().no_repeat_ngram_size)]
    no_repeat_ngram_size: u32,
    /// How many tokens "of late" means; -1 means all
    #[arg(long, default_value_t = Options::default().penalty_last_n, allow_negative_numbers = true)]
    penalty_last_n: i32,
    /// The penalty on continuing a repetition (DRY)
    #[arg(long, default_value_t = Options::default().dry_multiplier, allow_negative_numbers = true)]
    dry_multiplier: f32,
    /// By how much each further token of the repetition multiplies it
    #[arg(long, default_value_t = Options::default().dry_base, allow_negative_numbers = true)]
    dry_base: f32,
    /// A repetition of this many tokens is the first to be penalised
    #[arg(long, default_value_t = Options::default().dry_allowed_length)]
    dry_allowed_length: u32,
    /// How many tokens are searched for repetitions; -1 means all
    #[arg(long, default_value_t = Options::default().dry_penalty_last_n, allow_negative_numbers = true)]
    dry_penalty_last_n: i32,
    /// A string across which nothing repeats; may be given more than once [default: line break, colon,
    /// quotation mark, asterisk]
    #[arg(long, allow_hyphen_values = true)]
    dry_sequence_breaker: Vec<String>,
    /// 2 turns mirostat on, which then does the cutting
    #[arg(long, default_value_t = Options::default().mirostat)]
    mirostat: u32,
    /// The bits of surprisal mirostat aims at
    #[arg(long, default_value_t = Options::default().mirostat_tau, allow_negative_numbers = true)]
    mirostat_tau: f32,
    /// The rate at which it learns
    #[arg(long, default_value_t = Options::default().mirostat_eta, allow_negative_numbers = true)]
    mirostat_eta: f32,
    /// Add to the logit of a token; may be given more than once
    #[arg(long, value_name = "ID=BIAS", value_parser = bias, allow_hyphen_values = true)]
    logit_bias: Vec<(TokenId, f32)>,
    /// Never draw this token; may be given more than once
    #[arg(long, value_name = "ID")]
    ban_token: Vec<TokenId>,
    /// The stages in their order, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', long_help = stages())]
    samplers: Option<Vec<String>>,
}

impl Sampling {
    /// These options, and the defaults of all others.
    pub fn options(&self) -> Options {
        let mut breakers = self.dry_sequence_breaker.clone();
        if breakers.is_empty() {
            breakers = Options::default().dry_sequence_breakers;
        }
        Options {
            temperature: self.temperature,
            dynatemp_range: self.dynatemp_range,
            dynatemp_exponent: self.dynatemp_exponent,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            top_n_sigma: self.top_n_sigma,
            xtc_probability: self.xtc_probability,
            xtc_threshold: self.xtc_threshold,
            repetition_penalty: self.repetition_penalty,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            no_repeat_ngram_size: self.no_repeat_ngram_size,
            penalty_last_n: self.penalty_last_n,
            dry_multiplier: self.dry_multiplier,
            dry_base: self.dry_base,
            dry_allowed_length: self.dry_allowed_length,
            dry_penalty_last_n: self.dry_penalty_last_n,
            dry_sequence_breakers: breakers,
            mirostat: self.mirostat,
            mirostat_tau: self.mirostat_tau,
            mirostat_eta: self.mirostat_eta,
            logit_bias: self.logit_bias.clone(),
            banned_tokens: self.ban_token.clone(),
            samplers: self.samplers.clone(),
            ..Options::default()
        }
    }
}

fn bias(text: &str) -> Result<(TokenId, f32), String> {
    let wrong = || "expected a token's id, \"=\" and a number".to_owned();
    let (id, bias) = text.split_once('=').ok_or_else(wrong)?;
    let id = id.parse().map_err(|_| wrong())?;
    Ok((id, bias.parse().map_err(|_| wrong())?))
}

fn stages() -> String {
    let names = SAMPLERS.join(",");
    format!(
        "The stages in their order, separated by commas; those left out do not run. All: {names}"
    )
}
