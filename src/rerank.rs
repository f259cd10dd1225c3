//! Reranking: documents in the order in which they answer a query.
//!
//! The way of Qwen3-Reranker (Zhang et al. 2025, "Qwen3 Embedding"): the model is asked whether a document meets a
//! query's requirements, and a document's score is p(yes) / (p(yes) + p(no)) of its next token. Any generator can be
//! asked; that model was trained to answer this question, in the prompt of [`TEMPLATE`].

use crate::allocation::with_capacity;
use crate::decision::{Question, Questions, YES_OR_NO};
use crate::error::check_option;
use crate::kernels::CacheType;
use crate::model::Model;
use crate::{Progress, Result};
use serde::Serialize;
use std::fmt;
use std::ops::Deref;

/// The prompt that Qwen3-Reranker was trained with.
pub const TEMPLATE: &str = "<|im_start|>system\n\
    Judge whether the Document meets the requirements based on the Query and the Instruct provided. \
    Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n\
    <|im_start|>user\n\
    <Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}<|im_end|>\n\
    <|im_start|>assistant\n<think>\n\n</think>\n\n";

/// The instruction that Qwen3-Reranker falls back on.
pub const INSTRUCTION: &str =
    "Given a web search query, retrieve relevant passages that answer the query";

/// The question that the model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the query's documents are wanted for, in place of `{instruction}`.
    pub instruction: String,
    /// The prompt, which "yes" or "no" follows. Special tokens are parsed in it, but not in the query and the documents
    /// that stand in place of `{query}` and `{document}`. What comes before the document is run once; by a model with
    /// recurrent layers, from the last checkpoint of its state on.
    pub template: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            instruction: INSTRUCTION.into(),
            template: TEMPLATE.into(),
        }
    }
}

/// A document in its place among the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ranked {
    /// Where it was in the list of documents, from 0.
    pub index: usize,
    /// p(yes) / (p(yes) + p(no)), from 0 to 1.
    pub score: f64,
}

/// Ranks `documents` in one call, the best first.
///
/// # Errors
/// See [`Reranker::new`] and [`Reranker::step`].
pub fn rerank(
    model: &Model,
    query: &str,
    documents: &[impl AsRef<str>],
    options: &Options,
) -> Result<Vec<Ranked>> {
    Reranker::new(model, query, documents, options, CacheType::default())?.finish()
}

/// Ranks documents chunk by chunk, so that a caller can show progress.
pub struct Reranker<M: Deref<Target = Model>> {
    questions: Questions<M>,
}

impl<M: Deref<Target = Model>> fmt::Debug for Reranker<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reranker").finish_non_exhaustive()
    }
}

impl<M: Deref<Target = Model>> Reranker<M> {
    /// Prepares to rank `documents` with a KV cache of the type `cache`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a template without `{document}`,
    /// [`Error::PromptTooLong`](crate::Error::PromptTooLong) for a document that does not fit into the model's context
    /// with the query, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(
        model: M,
        query: &str,
        documents: &[impl AsRef<str>],
        options: &Options,
        cache: CacheType,
    ) -> Result<Self> {
        let has_document = options.template.contains("{document}");
        check_option(has_document, "template", "a text with {document} in it")?;
        let query = model.tokenizer.shield(query);
        let mut questions = with_capacity(documents.len())?;
        for document in documents {
            let document = model.tokenizer.shield(document.as_ref());
            let values = [
                ("{instruction}", options.instruction.as_str()),
                ("{query}", &query),
                ("{document}", &document),
            ];
            let prompt = fill(&options.template, &values);
            questions.push(Question::new(&model, &prompt, &YES_OR_NO)?);
        }
        Ok(Self {
            questions: Questions::new(model, questions, cache)?,
        })
    }

    /// Runs the next chunk of tokens; the progress counts those of all prompts.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory), after which the step may be tried again;
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn step(&mut self) -> Result<Progress> {
        self.questions.step()
    }

    /// The documents, the best first, after the steps that are left. Equally good ones keep their order.
    ///
    /// # Errors
    /// As [`Reranker::step`].
    pub fn finish(self) -> Result<Vec<Ranked>> {
        let questions = self.questions.finish()?;
        let mut ranking = with_capacity(questions.len())?;
        for (index, question) in questions.iter().enumerate() {
            let score = question.probabilities()?[0];
            // Kept sorted: a stable sort would be another instance of a large generic function.
            let place = ranking.partition_point(|before: &Ranked| before.score >= score);
            ranking.insert(place, Ranked { index, score });
        }
        Ok(ranking)
    }
}

/// `template` with each name replaced by its value. What a value spells is never replaced.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(brace) = rest.find('{') {
        let (before, after) = rest.split_at(brace);
        let found = values.iter().find(|(name, _)| after.starts_with(name));
        let (name, value) = found.copied().unwrap_or(("{", "{"));
        filled.push_str(before);
        filled.push_str(value);
        rest = &after[name.len()..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let values = [("{query}", "a {document}"), ("{document}", "{query} {")];
        let filled = fill("{x {query}: {document}} {", &values);
        assert_eq!(filled, "{x a {document}: {query} {} {");
        assert_eq!(fill("", &values), "");
    }

    #[test]
    fn the_default_prompt_has_all_its_places() {
        for name in ["{instruction}", "{query}", "{document}"] {
            assert_eq!(TEMPLATE.matches(name).count(), 1, "{name}");
        }
    }
}
