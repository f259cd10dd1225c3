//! Encoding: text → token ids.

use super::sentencepiece::with_plain_spaces;
use super::{Method, Tokenizer, special};
use crate::TokenId;
use std::borrow::Cow;

impl Tokenizer {
    /// Text → ids, without BOS. With `parse_special`, the spellings of special tokens in the text become those tokens;
    /// user-defined tokens always do.
    pub fn encode(&self, text: &str, parse_special: bool) -> Vec<TokenId> {
        self.encode_parts(text, parse_special, |part| Cow::Borrowed(part))
    }

    /// Encodes `text`; `plain` maps each stretch between two special tokens to the text that is encoded for it.
    fn encode_parts(
        &self,
        text: &str,
        parse_special: bool,
        plain: impl Fn(&str) -> Cow<'_, str>,
    ) -> Vec<TokenId> {
        let mut ids = Vec::new();
        let mut at_start = true;
        let split = |part: &str, token: Option<TokenId>| {
            let part = plain(part);
            match &self.method {
                _ if part.is_empty() => {}
                Method::BytePairs(pre_tokenizer, bpe) => {
                    let part = match bpe.merges_characters() {
                        true => with_plain_spaces(&part),
                        false => Cow::Borrowed(&*part),
                    };
                    pre_tokenizer.split(&part, |word| {
                        bpe.encode(&self.vocabulary, word, &mut ids);
                    });
                }
                Method::SentencePiece(pieces) => {
                    pieces.encode(&self.vocabulary, &part, at_start, &mut ids);
                }
            }
            at_start = token.is_some();
            ids.extend(token);
        };
        self.special
            .split(&self.vocabulary, text, parse_special, split);
        ids
    }

    /// Calls `part` with each stretch of `text` between special tokens, and the special token that follows it, if any.
    pub(crate) fn split_special(&self, text: &str, part: impl FnMut(&str, Option<TokenId>)) {
        self.special.split(&self.vocabulary, text, true, part);
    }

    /// Prompt → ids: [`encode`](Self::encode) with special tokens parsed, preceded by BOS and followed by EOS where the
    /// model file asks for them.
    pub fn encode_prompt(&self, text: &str) -> Vec<TokenId> {
        self.encode_enclosed(text, true)
    }

    /// [`encode`](Self::encode), preceded by BOS and followed by EOS where the model file asks for them.
    pub(crate) fn encode_enclosed(&self, text: &str, parse_special: bool) -> Vec<TokenId> {
        let mut ids: Vec<TokenId> = self.bos.filter(|_| self.adds_bos).into_iter().collect();
        ids.extend(self.encode(text, parse_special));
        ids.extend(self.eos.filter(|_| self.adds_eos));
        ids
    }

    /// Cuts `ids`, which [`encode_prompt`](Self::encode_prompt) gave, to their first `length`. Where EOS ends a prompt, it
    /// ends this one too.
    pub(crate) fn truncate_prompt(&self, ids: &mut Vec<TokenId>, length: usize) {
        if ids.len() <= length {
            return;
        }
        ids.truncate(length);
        if let (Some(eos), Some(last)) = (self.eos.filter(|_| self.adds_eos), ids.last_mut()) {
            *last = eos;
        }
    }

    /// `text` with marks that keep [`encode_shielded`](Self::encode_shielded) from reading special tokens in it. For
    /// untrusted text that is put between special tokens, such as a message in a chat template.
    pub fn shield(&self, text: &str) -> String {
        self.special.shield(text, false)
    }

    /// The same for the model's own answers: the tokens that mark its thinking (`</think>`) are still read.
    pub fn shield_answer(&self, text: &str) -> String {
        self.special.shield(text, true)
    }

    /// [`encode`](Self::encode) with special tokens parsed, except in text that [`shield`](Self::shield) has marked.
    /// The marks add no tokens.
    pub fn encode_shielded(&self, text: &str) -> Vec<TokenId> {
        self.encode_parts(text, true, special::unshield)
    }
}
