//! Decisions: how probable each of a few answers is after a prompt, without generating text.
//!
//! An answer's probability is that of its whole token sequence: ln p(answer | prompt) = Σ ln p(token | tokens before it).
//! A softmax over these sums compares the answers. The sums are not divided by the answers' lengths: a quotient would no
//! longer be a probability, and "New" would lose to "New York" only for being short. So a longer answer starts with less,
//! as it does when a model generates; and an answer's probability is that the text goes on with it, not that it ends
//! there. Where one answer begins with another, let all of them end in the same way, as with a full stop.
//!
//! The prompt and each answer are tokenised as one text, because that is how a model has seen them. Where tokens of the
//! prompt's end would merge with an answer ("is " and "Paris" make "is" and " Paris"), those tokens count as the answer's,
//! for all answers alike. The tokens before them, which all have in common, are run once;
//! by a model with recurrent layers, from the last checkpoint of its state on.

use crate::allocation::{reserve, with_capacity};
use crate::error::check_option;
use crate::kernels::{self, CacheType};
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::{Error, Progress, Result, TokenId, chat};
use serde::Serialize;
use std::fmt;
use std::ops::Deref;

/// How probable each of the answers is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The most probable answer.
    pub best: String,
    /// All of them, in the order in which they were given.
    pub choices: Vec<Choice>,
}

impl Decision {
    /// The mean of the answers, each weighted by its probability, where all of them spell finite numbers.
    pub fn expected(&self) -> Option<f64> {
        self.expected_by(|text| text.trim().parse().ok())
    }

    /// [`expected`](Self::expected) with a function that reads the numbers. A browser has one already, so that the
    /// WebAssembly module need not bring Rust's.
    pub(crate) fn expected_by(&self, number: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let terms = self.choices.iter().map(|choice| {
            let number = number(&choice.text).filter(|number| number.is_finite())?;
            Some(number * choice.probability)
        });
        terms.sum()
    }
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// The answer as it was given.
    pub text: String,
    /// Its tokens, with those of the prompt's end that its first characters change.
    pub ids: Vec<TokenId>,
    /// ln p of all its tokens after the prompt, in nats.
    pub logprob: f64,
    /// Its share among the answers, from 0 to 1: the softmax over their `logprob`.
    pub probability: f64,
}

/// The answers of a question that names none.
pub const YES_OR_NO: [&str; 2] = ["yes", "no"];

/// Compares the answers `choices` to `prompt` in one call.
///
/// # Errors
/// See [`Decider::new`] and [`Decider::step`].
pub fn decide(model: &Model, prompt: &str, choices: &[impl AsRef<str>]) -> Result<Decision> {
    Decider::new(model, prompt, choices, CacheType::default())?.finish()
}

/// A prompt with its possible answers.
pub(crate) struct Question {
    /// The tokens of the prompt with each answer.
    texts: Vec<Vec<TokenId>>,
    /// How many tokens all of `texts` have in common with each other and with the prompt.
    shared: usize,
    /// ln p of each answer's tokens so far; empty until the shared tokens have been run.
    logprobs: Vec<f64>,
}

impl Question {
    /// Tokenises `prompt` with each of `choices`.
    ///
    /// # Errors
    /// As [`Decider::new`], but for the session's memory.
    pub fn new(model: &Model, prompt: &str, choices: &[impl AsRef<str>]) -> Result<Self> {
        let are_texts = choices.iter().all(|choice| !choice.as_ref().is_empty());
        let allowed = "at least two texts, none of them empty";
        check_option(choices.len() > 1 && are_texts, "choices", allowed)?;
        let encode = |text: &str| chat::encode(&model.tokenizer, text);
        let before = encode(prompt);
        let (mut texts, mut shared) = (with_capacity(choices.len())?, before.len());
        for choice in choices {
            let ids = encode(&format!("{prompt}{}", choice.as_ref()));
            let (tokens, context) = (ids.len(), model.config.context_length);
            if tokens > context {
                return Err(Error::PromptTooLong { tokens, context });
            }
            // Every answer has a token of its own, if only the prompt's last.
            let own = tokens.saturating_sub(1);
            shared = common_length(&before[..shared], &ids[..own]);
            texts.push(ids);
        }
        if shared == 0 {
            return Err(Error::EmptyPrompt);
        }
        Ok(Self {
            texts,
            shared,
            logprobs: with_capacity(choices.len())?,
        })
    }

    /// The tokens to run: an answer's last token is only predicted.
    fn tokens(&self) -> usize {
        let answers = self.texts.iter().map(|ids| ids.len() - 1 - self.shared);
        self.shared + answers.sum::<usize>()
    }

    /// The probability of each answer among all: the softmax over `logprobs`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where no answer has any.
    pub fn probabilities(&self) -> Result<Vec<f64>> {
        let most = self
            .logprobs
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        if !most.is_finite() {
            return Err(Error::NotFinite);
        }
        let weights = self
            .logprobs
            .iter()
            .map(|logprob| libm::exp(logprob - most));
        let mut weights: Vec<f64> = weights.collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Ok(weights)
    }
}

/// Compares answers chunk by chunk, so that a caller can show progress.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// use nexttoken::decision::Decider;
/// use nexttoken::generator::CacheType;
/// use nexttoken::model::Model;
///
/// let model = Model::open("www/stories.gguf")?;
/// let choices = [" time", " spreadsheet"];
/// let mut decider = Decider::new(&model, "Once upon a", &choices, CacheType::default())?;
/// while !decider.step()?.is_complete() {}
/// let decision = decider.finish()?;
/// assert_eq!(decision.best, " time");
/// # Ok(())
/// # }
/// ```
pub struct Decider<M: Deref<Target = Model>> {
    inner: Questions<M>,
    choices: Vec<String>,
}

impl<M: Deref<Target = Model>> fmt::Debug for Decider<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decider")
            .field("choices", &self.choices)
            .finish_non_exhaustive()
    }
}

impl<M: Deref<Target = Model>> Decider<M> {
    /// Prepares to compare the answers `choices` to `prompt` with a KV cache of the type `cache`; special tokens are
    /// parsed in all of them.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for fewer than two choices or an empty one, [`Error::EmptyPrompt`] where no token comes
    /// before the answers, [`Error::PromptTooLong`] where prompt and answer do not fit into the model's context,
    /// [`Error::OutOfMemory`].
    pub fn new(
        model: M,
        prompt: &str,
        choices: &[impl AsRef<str>],
        cache: CacheType,
    ) -> Result<Self> {
        let question = Question::new(&model, prompt, choices)?;
        Ok(Self {
            choices: choices.iter().map(|it| it.as_ref().to_owned()).collect(),
            inner: Questions::new(model, vec![question], cache)?,
        })
    }

    /// Runs the next chunk of tokens.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], after which the step may be tried again; [`Error::NotFinite`].
    pub fn step(&mut self) -> Result<Progress> {
        self.inner.step()
    }

    /// The probabilities of the answers, after the steps that are left.
    ///
    /// # Errors
    /// As [`Decider::step`]; [`Error::NotFinite`] where no answer has any probability.
    pub fn finish(self) -> Result<Decision> {
        let questions = self.inner.finish()?;
        let Question { texts, shared, .. } = &questions[0];
        let probabilities = questions[0].probabilities()?;
        let sums = questions[0].logprobs.iter().zip(probabilities);
        let choices: Vec<Choice> = self
            .choices
            .into_iter()
            .zip(texts.iter().zip(sums))
            .map(|(text, (ids, (&logprob, probability)))| Choice {
                text,
                ids: ids[*shared..].to_vec(),
                logprob,
                probability,
            })
            .collect();
        // Of equally probable ones, the first.
        let best = choices.iter().rev();
        let best = best.max_by(|a, b| a.logprob.total_cmp(&b.logprob));
        Ok(Decision {
            best: best.map(|best| best.text.clone()).unwrap_or_default(),
            choices,
        })
    }
}

/// Questions that are answered one after the other. What a prompt has in common with the one before is not run again.
pub(crate) struct Questions<M: Deref<Target = Model>> {
    model: M,
    session: Session,
    logits: Vec<f32>,
    questions: Vec<Question>,
    /// The question in work, its answer in work, and how many of the answer's tokens have been run.
    at: [usize; 3],
    progress: Progress,
}

impl<M: Deref<Target = Model>> Questions<M> {
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(model: M, questions: Vec<Question>, cache: CacheType) -> Result<Self> {
        let total = questions.iter().map(Question::tokens).sum();
        Ok(Self {
            // Of the model's own length, so that no answer depends on how long the others are: the frequencies of
            // LongRoPE follow the session's capacity. Its memory is taken as the text grows.
            session: Session::new(&model, model.config.context_length, cache)?,
            model,
            logits: Vec::new(),
            questions,
            at: [0; 3],
            progress: Progress { done: 0, total },
        })
    }

    /// Runs the next chunk of tokens.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], after which the step may be tried again; [`Error::NotFinite`].
    pub fn step(&mut self) -> Result<Progress> {
        let [at, ..] = self.at;
        let Some(question) = self.questions.get(at) else {
            return Ok(self.progress);
        };
        match question.logprobs.is_empty() {
            true => self.run_shared(at)?,
            false => self.run_answer()?,
        }
        self.pass_over_finished();
        let [at, answer, run] = self.at;
        let before = self.questions[..at].iter().map(Question::tokens);
        self.progress.done = before.sum();
        if let Some(Question {
            texts,
            shared,
            logprobs,
            ..
        }) = self.questions.get(at)
        {
            let answers = texts[..answer].iter().map(|ids| ids.len() - 1 - shared);
            self.progress.done += match logprobs.is_empty() {
                true => self.session.len().min(shared - 1),
                false => shared + answers.sum::<usize>() + run,
            };
        }
        Ok(self.progress)
    }

    /// Runs the next chunk of the tokens that all texts of the question `at` share. After the last one, the first tokens
    /// of all answers are predicted at once.
    fn run_shared(&mut self, at: usize) -> Result<()> {
        let Question { texts, shared, .. } = &self.questions[at];
        // The hidden state of the last one is needed, even where the cache has its keys and values.
        self.session.truncate(shared - 1);
        let start = self.session.len();
        let end = (*shared).min(start + PREFILL_CHUNK);
        self.model
            .forward(&texts[0][start..end], &mut self.session)?;
        if end < *shared {
            return Ok(());
        }
        self.session.keep_checkpoint();
        let firsts: Vec<TokenId> = texts.iter().map(|ids| ids[*shared]).collect();
        let logprobs = self.log_probabilities(end - 1 - start, &firsts)?;
        self.questions[at].logprobs = logprobs;
        Ok(())
    }

    /// Runs the next chunk of the tokens of an answer, and adds what they predict to its sum.
    fn run_answer(&mut self) -> Result<()> {
        let [at, answer, run] = self.at;
        let Question { texts, shared, .. } = &self.questions[at];
        let start = shared + run;
        let end = (texts[answer].len() - 1).min(start + PREFILL_CHUNK);
        let ids = &texts[answer][..=end];
        self.model
            .forward_range(ids, start..end, &mut self.session)?;
        let mut targets = Vec::new();
        reserve(&mut targets, end - start)?;
        targets.extend_from_slice(&ids[start + 1..]);
        let mut sum = 0.0;
        for (row, target) in targets.into_iter().enumerate() {
            sum += self.log_probabilities(row, &[target])?[0];
        }
        self.questions[at].logprobs[answer] += sum;
        self.at[2] += end - start;
        Ok(())
    }

    /// ln p of each of `targets` under the prediction in row `row` of the last chunk's hidden states.
    fn log_probabilities(&mut self, row: usize, targets: &[TokenId]) -> Result<Vec<f64>> {
        let hidden = self.session.hidden();
        self.model.head.logits(hidden.row(row), &mut self.logits)?;
        // Where the model has fewer logits than its tokenizer has tokens, a target may have no logit: probability 0.
        let logit = |id: &TokenId| self.logits.get(*id as usize).copied();
        let logits = targets
            .iter()
            .map(|id| logit(id).unwrap_or(f32::NEG_INFINITY));
        let logits: Vec<f32> = logits.collect();
        let log_sum_exp = kernels::softmax(&mut self.logits);
        if !log_sum_exp.is_finite() {
            return Err(Error::NotFinite);
        }
        let logprobs = logits.iter().map(|logit| f64::from(logit - log_sum_exp));
        Ok(logprobs.collect())
    }

    /// Where all tokens of the present answer have been run, goes on to the next answer that has tokens to run, of this
    /// question or of a later one.
    fn pass_over_finished(&mut self) {
        let [at, answer, run] = self.at;
        let Some(question) = self.questions.get(at) else {
            return;
        };
        let Question {
            texts,
            shared,
            logprobs,
        } = question;
        if logprobs.is_empty() || shared + run + 1 < texts[answer].len() {
            return;
        }
        let is_unfinished = |ids: &Vec<TokenId>| shared + 1 < ids.len();
        let next = texts[answer + 1..].iter().position(is_unfinished);
        self.at = match next {
            Some(further) => [at, answer + 1 + further, 0],
            None => [at + 1, 0, 0],
        };
        if let (None, Some(next)) = (next, self.questions.get(at + 1)) {
            let held = texts.iter().rev().find(|ids| is_unfinished(ids));
            let held = held.unwrap_or(&texts[0]);
            let common = common_length(held, &next.texts[0][..next.shared]);
            self.session.truncate(common);
        }
    }

    /// The questions with their sums, after the steps that are left.
    ///
    /// # Errors
    /// As [`Questions::step`].
    pub fn finish(mut self) -> Result<Vec<Question>> {
        while !self.step()?.is_complete() {}
        Ok(self.questions)
    }
}

/// How many tokens at the beginning of `a` and `b` are the same.
fn common_length(a: &[TokenId], b: &[TokenId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
