//! The options of a generation and the allowed values of each.

use super::option_table::{Allowed, Field, Value, option_table};
use crate::constraint::Constraint;
use crate::error::check_option;
use crate::kernels::CacheType;
use crate::sampler::{Mirostat, SamplerName, Stage};
use crate::{Result, TokenId};

/// The context of a generator: how many tokens its KV cache holds, and in what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// How many tokens it holds, from 1 to the model's context length, which is also the default.
    pub length: Option<usize>,
    /// How the KV cache stores its numbers.
    pub cache_type: CacheType,
}

impl Context {
    /// How many tokens it holds with a model whose own context length is `most`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) unless 1 ≤ the length ≤ `most`.
    pub(crate) fn positions(self, most: usize) -> Result<usize> {
        let positions = self.length.unwrap_or(most);
        let allowed = format!("a whole number from 1 to {most}, the model's own");
        check_option((1..=most).contains(&positions), "context_length", &allowed)?;
        Ok(positions)
    }
}

option_table! {
    /// The options of one generation. [`Options::default`] has the sampling defaults of llama.cpp. What each stage does
    /// with its options, and the source of its formula, is documented at [`crate::sampler::Stage`].

    Temperature {
        /// 0 is greedy: always the most probable token. A temperature under 1 sharpens the distribution, one over 1
        /// flattens it. Finite, 0 or more; default 0.8.
        temperature: f32 = 0.8, NOT_NEGATIVE;
        /// How far the temperature moves with the entropy of the distribution. Finite, 0 or more; default 0, which means
        /// that it does not.
        dynatemp_range: f32 = 0.0, NOT_NEGATIVE;
        /// The exponent of the normalised entropy by which it moves. Finite, 0 or more; default 1.
        dynatemp_exponent: f32 = 1.0, NOT_NEGATIVE;
    }
    TopK {
        /// Only this many of the most probable tokens stay candidates; 0 means all. Default 40.
        top_k: u32 = 40;
    }
    TopP {
        /// Only the smallest set of the most probable tokens whose probabilities sum to at least this stays. From 0 to 1;
        /// 1 means all. Default 0.95.
        top_p: f32 = 0.95, SHARE;
    }
    MinP {
        /// Only tokens with at least this share of the best token's probability stay. From 0 to 1; 0 means all. Default
        /// 0.05.
        min_p: f32 = 0.05, SHARE;
    }
    TypicalP {
        /// Only the tokens whose surprisal is nearest to the entropy stay, as many as have this probability together.
        /// From 0 to 1; default 1, which means all.
        typical_p: f32 = 1.0, SHARE;
    }
    TopNSigma {
        /// Only tokens whose logit is at most this many standard deviations below the largest stay. Finite; 0 or less
        /// means all. Default −1.
        top_n_sigma: f32 = -1.0, FINITE;
    }
    Xtc {
        /// The probability with which a step excludes the top choices except the least probable of them. From 0 to 1;
        /// default 0.
        xtc_probability: f32 = 0.0, SHARE;
        /// The probability from which a token is a top choice. From 0 to 1; over 0.5 nothing is ever excluded, because
        /// only one token can be as probable. Default 0.1.
        xtc_threshold: f32 = 0.1, SHARE;
    }
    Penalties {
        /// Divides the logit of each recently used token where it is positive, and multiplies it otherwise. Finite, more
        /// than 0; default 1, which changes nothing.
        repetition_penalty: f32 = 1.0, POSITIVE;
        /// Subtracted from a token's logit for each recent use of it. From −2 to 2; default 0.
        frequency_penalty: f32 = 0.0, PENALTY;
        /// Subtracted once from the logit of a recently used token. From −2 to 2; default 0.
        presence_penalty: f32 = 0.0, PENALTY;
        /// No sequence of this many recent tokens may occur a second time. Default 0: any may.
        no_repeat_ngram_size: u32 = 0;
        /// How many of the last tokens count as recent, including those of the prompt: 0 none, −1 all. Default 64.
        penalty_last_n: i32 = 64, LAST_N;
    }
    Dry {
        /// The penalty on continuing a repetition of `dry_allowed_length` tokens. Finite, 0 or more; default 0.
        dry_multiplier: f32 = 0.0, NOT_NEGATIVE;
        /// The factor by which each further token of the repetition multiplies the penalty. Finite, 1 or more; default
        /// 1.75.
        dry_base: f32 = 1.75, AT_LEAST_ONE;
        /// The length in tokens of the shortest repetition that is penalised. Default 2.
        dry_allowed_length: u32 = 2;
        /// How many of the last tokens are searched for repetitions: 0 none, −1 all. Default −1.
        dry_penalty_last_n: i32 = -1, LAST_N;
        /// Strings that end a repetition, at most 64 of 1 to 64 bytes each. Default: line break, colon, quotation mark
        /// and asterisk.
        dry_sequence_breakers: Vec<String> = ["\n", ":", "\"", "*"].map(String::from).to_vec(), BREAKERS;
    }
    {
        /// [`Mirostat::V2`], 2 elsewhere, takes the place of the stages that cut candidates. Default 0: it is off.
        mirostat: Mirostat = Mirostat::Off;
    }
    MirostatV2 {
        /// Mirostat's target surprisal in bits. From 0 to 100; default 5.
        mirostat_tau: f32 = 5.0, BITS;
        /// Mirostat's learning rate. From 0 to 1; default 0.1.
        mirostat_eta: f32 = 0.1, SHARE;
    }
    {
        /// Tokens and what to add to their logits. Where a token has several, the last counts. Finite, or −∞, which bans
        /// the token.
        logit_bias: Vec<(TokenId, f32)> = Vec::new(), BIASES;
        /// Tokens that are never sampled.
        banned_tokens: Vec<TokenId> = Vec::new();
        /// The names of the stages to run in their order, each once; [`super::SAMPLERS`] lists them. Those left out do
        /// not run, and it is an error to set their options. `logit_bias` is always first, named or not, and `mirostat`
        /// must be last. Default: the order of [`super::SAMPLERS`]; with mirostat `logit_bias`, `penalties`, `dry`,
        /// `temperature`, `mirostat`.
        samplers: Option<Vec<SamplerName>> = None;
        /// The names of the LoRA adapters of the text, each with its scale, see [`super::Generator::add_adapter`]. They
        /// are added in this order; another order may round differently. Finite numbers; default: none.
        adapters: Vec<(String, f32)> = Vec::new(), SCALES;
        /// The same seed with the same model, prompt and options gives the same text. Where absent it is drawn at random,
        /// and [`super::Generator::seed`] returns it.
        seed: Option<u64> = None;
        /// The text ends before the first of these strings that appears in it. None may be empty. They may contain
        /// control tokens ("<|im_start|>"), although these are not part of the text.
        stop: Vec<String> = Vec::new(), NOT_EMPTY;
        /// The most tokens to generate, 1 or more. Where absent, as many as the context holds, or with `context_shift`
        /// any number.
        max_tokens: Option<usize> = None, NOT_ZERO;
        /// Whether the text continues when the context is full. The oldest half of its tokens is then dropped, except for
        /// the first `n_keep`, and the rest is run again at its new positions. That is a pause now and then; on average,
        /// one token is run again for each token generated. Default false: the text ends there.
        context_shift: bool = false;
        /// How many tokens at the start of the text are never dropped; less than the context holds, and 0 without
        /// `context_shift`. BOS is never dropped. Default 0.
        n_keep: usize = 0;
        /// Whether tokens that can be guessed, because they followed the same ones before, a constraint leaves few others,
        /// or a draft model expects them ([`Generator::set_draft`](super::Generator::set_draft)), are run together. That
        /// changes no text, only the time it takes. It is done where it pays, by how many guesses were right and what
        /// they took, and never with recurrent layers (Qwen3.5, Granite 4.0 H, Mamba-2), whose state cannot be taken
        /// back. Default true.
        speculation: bool = true;
        /// Whether log-probabilities are wanted. Default true, because they come with every token at no extra cost; false
        /// together with `top_logprobs` is an error.
        logprobs: bool = true;
        /// How many of the most probable tokens to report with each token, 0 to 100; default 0.
        top_logprobs: u32 = 0, TOP_LENGTH;
        /// With a number from 0 to 1000, every token comes with a [`super::Record`] of its step, whose lists have at most
        /// this length. Default: absent, and nothing is recorded.
        record: Option<u32> = None, RECORD_LENGTH;
        /// Constrains the generated text: only tokens that the constraint allows are sampled, and the text ends where the
        /// constraint says that it is complete. Default: absent.
        constraint: Option<Constraint> = None;
    }
}

/// The largest [`Options::top_logprobs`].
pub const MAX_TOP_LOGPROBS: u32 = 100;

/// The largest [`Options::record`].
pub const MAX_RECORD: u32 = 1000;

/// The length of a record's lists where the caller gives none.
pub const DEFAULT_RECORD: u32 = 10;

/// The largest number of [`Options::dry_sequence_breakers`], and the largest length of one in bytes.
const MAX_BREAKERS: usize = 64;

const SHARE: Allowed<f32> = Allowed("a number from 0 to 1", |share| (0.0..=1.0).contains(share));
const BITS: Allowed<f32> = Allowed("a number from 0 to 100", |bits| {
    (0.0..=100.0).contains(bits)
});
const PENALTY: Allowed<f32> = Allowed("a number from -2 to 2", |penalty| {
    (-2.0..=2.0).contains(penalty)
});
const FINITE: Allowed<f32> = Allowed("a finite number", |number| number.is_finite());
const NOT_NEGATIVE: Allowed<f32> = Allowed("a finite number, 0 or more", |number| {
    number.is_finite() && *number >= 0.0
});
const POSITIVE: Allowed<f32> = Allowed("a finite number, more than 0", |number| {
    number.is_finite() && *number > 0.0
});
const AT_LEAST_ONE: Allowed<f32> = Allowed("a finite number, 1 or more", |number| {
    number.is_finite() && *number >= 1.0
});
const LAST_N: Allowed<i32> = Allowed("a whole number, -1 or more", |&count| count >= -1);
const BREAKERS: Allowed<Vec<String>> = Allowed("at most 64 strings of 1 to 64 bytes", |breakers| {
    let sizes = 1..=MAX_BREAKERS;
    breakers.len() <= MAX_BREAKERS && breakers.iter().all(|one| sizes.contains(&one.len()))
});
const BIASES: Allowed<Vec<(TokenId, f32)>> = Allowed("finite numbers or -Infinity", |biases| {
    let mut values = biases.iter().map(|pair| pair.1);
    values.all(|bias| bias.is_finite() || bias == f32::NEG_INFINITY)
});
const SCALES: Allowed<Vec<(String, f32)>> = Allowed("names with finite numbers", |adapters| {
    adapters.iter().all(|(_, scale)| scale.is_finite())
});
const NOT_ZERO: Allowed<Option<usize>> = Allowed("1 or more", |most| *most != Some(0));
const NOT_EMPTY: Allowed<Vec<String>> = Allowed("strings that are not empty", |strings| {
    strings.iter().all(|string| !string.is_empty())
});
const TOP_LENGTH: Allowed<u32> = Allowed("a whole number from 0 to 100", |&top| {
    top <= MAX_TOP_LOGPROBS
});
const RECORD_LENGTH: Allowed<Option<u32>> =
    Allowed("absent, or a whole number from 0 to 1000", |record| {
        record.is_none_or(|top| top <= MAX_RECORD)
    });
