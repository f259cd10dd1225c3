//! Finds the tokens that end a generation, and the kinds of some others, by their spelling, for model files that do not
//! say what their special tokens are for.
//!
//! The lists are llama.cpp's (`llama_vocab::impl::load`), so that generation ends where it does there.

use super::vocabulary::Kind;
use crate::TokenId;
use crate::gguf::StringArray;

/// Tokens that end a text, a turn or a message.
const EOG: [&str; 22] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
];

/// Tokens that end a generation in models that fill in the middle of code (FIM): the end of a file, or padding. For
/// each role the metadata key that names the token, and the spellings; without the key, the first token with one of
/// these spellings counts.
const FIM_EOG: [(&str, &[&str]); 3] = [
    (
        "fim_pad",
        &["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
    ),
    (
        "fim_rep",
        &[
            "<|fim_repo|>",
            "<|repo_name|>",
            "<fim-repo>",
            "<REPO>",
            "<reponame>",
        ],
    ),
    ("fim_sep", &["<|file_sep|>"]),
];

/// Tokens that ask a model to fill in the middle of code: control tokens that do not end a generation.
const FIM: [&str; 24] = [
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<｜fim▁begin｜>",
    "<PRE>",
    "▁<PRE>",
    "<|code_prefix|>",
    "<|prefix|>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<｜fim▁hole｜>",
    "<SUF>",
    "▁<SUF>",
    "<|code_suffix|>",
    "<|suffix|>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<｜fim▁end｜>",
    "<MID>",
    "▁<MID>",
    "<|code_middle|>",
    "<|middle|>",
];

/// Tokens that begin the parts of a message; their spelling is shown as text.
const SHOWN: [&str; 4] = ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"];

/// Finds the tokens that end a generation by their spelling, some more than once, and corrects the kinds of control
/// tokens that a file declares as text. `named` returns the token that the metadata names for a role.
pub(super) fn tokens_by_spelling(
    tokens: &StringArray,
    kinds: &mut [Kind],
    named: impl Fn(&str) -> Option<TokenId>,
) -> Vec<TokenId> {
    let mut ends = Vec::new();
    let mut fim_eog = FIM_EOG.map(|(role, _)| named(role));
    let mut harmony = [None; 5];
    let mut gemma4 = [None; 2];
    for (index, token) in tokens.iter().enumerate() {
        // The first byte rules out most tokens.
        if !matches!(token.first(), Some(b'<' | b'[' | b'_' | 0xe2)) {
            continue;
        }
        let Ok(token) = std::str::from_utf8(token) else {
            continue;
        };
        let id = index as TokenId;
        if EOG.contains(&token) {
            ends.push(id);
            kinds[index] = Kind::Control;
        }
        for ((_, names), end) in FIM_EOG.iter().zip(&mut fim_eog) {
            if end.is_none() && names.contains(&token) {
                *end = Some(id);
                kinds[index] = Kind::Control;
            }
        }
        if FIM.contains(&token) {
            kinds[index] = Kind::Control;
        }
        if SHOWN.contains(&token) {
            kinds[index] = Kind::UserDefined;
        }
        let names = [
            "<|end|>",
            "<|return|>",
            "<|call|>",
            "<|calls|>",
            "<|flush|>",
            "<|tool_response>",
            "</s>",
        ];
        for (name, place) in names.iter().zip(harmony.iter_mut().chain(&mut gemma4)) {
            if *name == token {
                *place = Some(id);
            }
        }
    }
    ends.extend(fim_eog.into_iter().flatten());
    // In the Harmony format, `<|end|>` follows each part of a message and does not end the generation.
    if let [Some(end), result, call, calls, flush] = harmony
        && (call.or(calls).is_some() && result.or(flush).is_some())
    {
        ends.retain(|id| *id != end);
        kinds[end as usize] = Kind::UserDefined;
    }
    // Gemma 4's vocabulary has HTML's end of struck text, which is the end of a text elsewhere.
    if let [Some(_), Some(strike)] = gemma4 {
        ends.retain(|id| *id != strike);
        kinds[strike as usize] = Kind::Normal;
    }
    ends
}
