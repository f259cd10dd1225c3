//! What a model is fine-tuned on: sequences of tokens, some of which are targets, split into those to learn from and
//! those held out.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::corpus::Documents;
use super::network::Part;
use crate::allocation::copy;
use crate::chat;
#[cfg(feature = "chat")]
use crate::chat::{Message, Rendering, Request};
use crate::error::{check_option, invalid_option};
use crate::model::Model;
use crate::{Error, Result, TokenId};

/// One of this many conversations is held out; of fewer, the last one.
const HELD_OUT: usize = 10;

/// A sequence of tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sequence {
    pub ids: Vec<TokenId>,
    /// Whether the loss counts each token as a target. The first one never is.
    pub counts: Vec<bool>,
}

impl Sequence {
    /// All tokens but the first count.
    fn of_text(ids: Vec<TokenId>) -> Self {
        let mut counts = vec![true; ids.len()];
        counts[0] = false;
        Self { ids, counts }
    }

    /// Inputs, which are one fewer than tokens.
    pub fn rows(&self) -> usize {
        self.ids.len() - 1
    }

    /// Tokens that count as targets.
    pub fn counted(&self) -> usize {
        self.counts.iter().filter(|counts| **counts).count()
    }
}

impl Part {
    /// Appends a sequence: its inputs, and its targets, which are the inputs shifted by one.
    pub fn push(&mut self, sequence: &Sequence) {
        let first = self.inputs.len();
        let counted = (0..sequence.rows()).filter(|row| sequence.counts[row + 1]);
        self.counted.extend(counted.map(|row| first + row));
        self.lengths.push(sequence.rows());
        self.inputs.extend(&sequence.ids[..sequence.rows()]);
        self.targets.extend(&sequence.ids[1..]);
    }

    /// Empties the part, which keeps its memory.
    pub fn clear(&mut self) {
        self.lengths.clear();
        self.inputs.clear();
        self.targets.clear();
        self.counted.clear();
    }
}

/// An answer of the assistant in its conversation, as the model's chat template renders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The messages before it, and what makes the model answer them.
    pub prompt: String,
    /// The messages up to it, itself included.
    pub conversation: String,
}

/// What a model is fine-tuned on, encoded with its tokenizer.
pub struct Examples {
    /// The model whose tokens they are.
    pub(super) model: Arc<Model>,
    pub(super) training: Vec<Sequence>,
    pub(super) held_out: Vec<Sequence>,
    /// The longest sequence that was allowed, in inputs.
    pub(super) context_length: usize,
}

crate::debug::debug_in_brief!(Examples { context_length });

impl Examples {
    /// Documents, which `<|endoftext|>` separates in `text`; every token counts. Each begins as a prompt of the model
    /// does and ends with its end of text (EOS); one that is longer than the context is cut into several sequences. Every
    /// twentieth document is held out; where there are fewer than twenty, the last twentieth of each, which then has no
    /// EOS in between.
    ///
    /// # Errors
    /// [`Error::CorpusTooSmall`] where nothing is left to learn from or to hold out, [`Error::InvalidOption`] for a
    /// context of fewer than two tokens or more than the model's, [`Error::OutOfMemory`].
    pub fn from_text(model: &Arc<Model>, text: &str, context_length: usize) -> Result<Self> {
        check_context(model, context_length)?;
        let documents = Documents::split(text);
        let tokenizer = &model.tokenizer;
        let encode = |documents: &[&str], ends: bool| -> Result<Vec<Sequence>> {
            let mut sequences = Vec::new();
            for document in documents.iter().filter(|document| !document.is_empty()) {
                let mut ids = tokenizer.encode_prompt(document);
                // Some tokenizers end every prompt with it.
                ids.pop_if(|last| Some(*last) == tokenizer.eos());
                ids.extend(tokenizer.eos().filter(|_| ends));
                // The last token of a piece, which is only a target there, is the first input of the next.
                for start in (0..ids.len().saturating_sub(1)).step_by(context_length) {
                    let end = ids.len().min(start + context_length + 1);
                    sequences.push(Sequence::of_text(copy(&ids[start..end])?));
                }
            }
            Ok(sequences)
        };
        let training = encode(&documents.training, documents.whole)?;
        Self::new(
            model,
            training,
            encode(&documents.validation, true)?,
            context_length,
        )
    }

    /// Conversations, rendered with the model's chat template; only the assistant's turns count, with the token that
    /// ends each. A first turn, which answers nothing, does not. A template that writes the date writes today's. Every tenth
    /// conversation is held out; of fewer than ten, the last.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] where the model has no template or it refuses a conversation, and those of
    /// [`from_answers`](Self::from_answers).
    #[cfg(feature = "chat")]
    pub fn from_conversations(
        model: &Arc<Model>,
        conversations: &[Vec<Message>],
        context_length: usize,
    ) -> Result<Self> {
        let rendered = conversations
            .iter()
            .map(|messages| Ok(Cow::Owned(answers(model, messages)?)));
        Self::from_each(model, rendered, context_length)
    }

    /// Conversations that a chat template has rendered already, each as the assistant's answers in their order; see
    /// [`from_conversations`](Self::from_conversations).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for fewer than two conversations, for one in which the assistant answers nothing, and for a
    /// context of fewer than two tokens or more than the model's, [`Error::ConversationTooLong`] for one that is longer
    /// than the context.
    pub fn from_answers(
        model: &Arc<Model>,
        conversations: &[Vec<Answer>],
        context_length: usize,
    ) -> Result<Self> {
        let each = conversations.iter();
        Self::from_each(
            model,
            each.map(|answers| Ok(Cow::Borrowed(&answers[..]))),
            context_length,
        )
    }

    /// The same of conversations that are rendered one after the other: a template is run when its turn comes, and no
    /// more than one conversation is held.
    fn from_each<'a>(
        model: &Arc<Model>,
        conversations: impl ExactSizeIterator<Item = Result<Cow<'a, [Answer]>>>,
        context_length: usize,
    ) -> Result<Self> {
        check_context(model, context_length)?;
        let allowed = "at least two, one of which is held out";
        check_option(conversations.len() >= 2, "conversations", allowed)?;
        let (mut training, mut held_out) = (Vec::new(), Vec::new());
        let last = conversations.len() - 1;
        for (index, answers) in conversations.enumerate() {
            let is_held_out = index % HELD_OUT == HELD_OUT - 1 || index == last && last < HELD_OUT;
            let sequences = sequences(model, &answers?);
            if sequences.is_empty() {
                let name = format!("conversations[{index}]");
                return Err(invalid_option(&name, "one in which the assistant answers"));
            }
            for sequence in sequences {
                let (tokens, context) = (sequence.rows(), context_length);
                if tokens > context {
                    return Err(Error::ConversationTooLong {
                        index,
                        tokens,
                        context,
                    });
                }
                match is_held_out {
                    true => held_out.push(sequence),
                    false => training.push(sequence),
                }
            }
        }
        Self::new(model, training, held_out, context_length)
    }

    fn new(
        model: &Arc<Model>,
        training: Vec<Sequence>,
        held_out: Vec<Sequence>,
        context_length: usize,
    ) -> Result<Self> {
        if training.is_empty() || held_out.is_empty() {
            let sequences = training.iter().chain(&held_out);
            let tokens = sequences.map(|sequence| sequence.ids.len()).sum();
            let needed = MIN_TOKENS.max(tokens + 1);
            return Err(Error::CorpusTooSmall { tokens, needed });
        }
        Ok(Self {
            model: Arc::clone(model),
            training,
            held_out,
            context_length,
        })
    }

    /// The numbers of tokens that count as targets, in what is learnt from and in what is held out.
    pub fn tokens(&self) -> (usize, usize) {
        let count = |sequences: &[Sequence]| sequences.iter().map(Sequence::counted).sum();
        (count(&self.training), count(&self.held_out))
    }

    /// The numbers of sequences to learn from and held out.
    pub fn sequences(&self) -> (usize, usize) {
        (self.training.len(), self.held_out.len())
    }
}

/// The fewest tokens of a text: a twentieth is held out, and must have two, one to predict and one to predict it from.
const MIN_TOKENS: usize = 40;

fn check_context(model: &Model, context_length: usize) -> Result<()> {
    let most = model.config.context_length;
    let allowed = format!("a whole number from 2 to {most}, which the model was trained on");
    check_option(
        (2..=most).contains(&context_length),
        "context_length",
        &allowed,
    )
}

/// Renders a conversation up to each of the assistant's answers. A first turn answers nothing.
///
/// Each beginning is rendered by itself, though that takes time quadratic in the turns: a template may write a turn in
/// another way once another follows, as those do that leave out what was thought before earlier answers.
#[cfg(feature = "chat")]
fn answers(model: &Model, messages: &[Message]) -> Result<Vec<Answer>> {
    let render = |messages: &[Message], add_generation_prompt| {
        let rendering = Rendering {
            add_generation_prompt,
            ..Rendering::default()
        };
        chat::render(&Request::new(model, messages, None)?, &rendering)
    };
    let turns = messages.iter().enumerate();
    let answers = turns.filter(|(turn, message)| *turn > 0 && message.role == "assistant");
    let render = |(turn, _): (usize, &Message)| {
        Ok(Answer {
            prompt: render(&messages[..turn], true)?,
            conversation: render(&messages[..=turn], false)?,
        })
    };
    answers.map(render).collect()
}

/// A conversation as sequences in which the assistant's turns count: one sequence, or several where the template writes
/// earlier turns in another way once a later one follows, so that no sequence holds all of them as they were generated.
fn sequences(model: &Model, answers: &[Answer]) -> Vec<Sequence> {
    let mut sequences: Vec<Sequence> = Vec::new();
    for answer in answers {
        // What the model is given, and what it should make of that.
        let prompt = chat::encode(&model.tokenizer, &answer.prompt);
        let ids = chat::encode(&model.tokenizer, &answer.conversation);
        let same = prompt
            .iter()
            .zip(&ids)
            .take_while(|(one, other)| one == other);
        let start = same.count().max(1).min(ids.len());
        let is_end = |id: &TokenId| model.tokenizer.is_end_of_generation(*id);
        let answer = &ids[start..];
        let end = answer.iter().position(is_end);
        let len = end.map_or(answer.len(), |end| end + 1);
        if len == 0 {
            continue;
        }
        let mut counts = vec![false; ids.len()];
        counts[start..start + len].fill(true);
        match sequences
            .last_mut()
            .filter(|before| ids.starts_with(&before.ids))
        {
            Some(before) => {
                counts[..before.counts.len()].copy_from_slice(&before.counts);
                *before = Sequence { ids, counts };
            }
            None => sequences.push(Sequence { ids, counts }),
        }
    }
    sequences
}

/// Reads conversations as JSON lines: each line that is not empty is an object whose `messages` are an array of objects
/// with `role` and `content`. Its other keys are not read.
///
/// # Errors
/// [`Error::InvalidOption`] with the number of a line that is something else.
#[cfg(feature = "chat")]
pub fn read_conversations(text: &str) -> Result<Vec<Vec<Message>>> {
    #[derive(serde::Deserialize)]
    struct Line {
        messages: Vec<Message>,
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        let read: std::result::Result<Line, _> = serde_json::from_str(line);
        read.map(|line| line.messages).map_err(|error| {
            let name = format!("line {}", index + 1);
            let wanted = "{\"messages\": [{\"role\": …, \"content\": …}, …]}";
            invalid_option(&name, &format!("an object like {wanted} in JSON: {error}"))
        })
    };
    lines.map(read).collect()
}
