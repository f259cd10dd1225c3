//! Grammars → token masks, by llguidance: an Earley parser over a lexer of regular-expression derivatives, which walks
//! the trie of the vocabulary's bytes.
//!
//! The submodules translate the sources into llguidance's grammars: `schema` JSON schemas, `gbnf` the grammars of
//! llama.cpp; `lark` checks those that llguidance reads itself.

mod depth;
mod gbnf;
mod lark;
mod names;
mod rules;
mod schema;

use super::table::END;
use super::{Constraint, Rule};
use crate::sampler::Mask;
use crate::{Error, Result, TokenId};
use llguidance::api::{GrammarInit, StopReason, TopLevelGrammar};
use llguidance::{Matcher, ParserFactory};
use names::NameTracker;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use toktrie::{ApproximateTokEnv, INVALID_TOKEN, TokEnv, TokRxInfo, TokTrie};

/// The longest source, in bytes.
const MAX_SOURCE: usize = 1 << 20;

/// The longest token that may be drawn, and the most bytes of a vocabulary: the limits of the trie.
const MAX_TOKEN: usize = 512;
const MAX_BYTES: usize = 1 << 22;

/// The most states of the lexer; each takes one to two kB.
const MAX_LEXER_STATES: usize = 50_000;

/// A result whose error is a sentence on why a source is refused.
type Reason<T> = std::result::Result<T, String>;

/// The language of a grammar's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A JSON schema.
    JsonSchema,
    /// A regular expression in the syntax of Rust's `regex`, for the whole text.
    Regex,
    /// A context-free grammar: llguidance's Lark, or llama.cpp's GBNF.
    Grammar,
}

impl Kind {
    /// The name of the option for a source of this kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::JsonSchema => "json_schema",
            Kind::Regex => "regex",
            Kind::Grammar => "grammar",
        }
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let all = [Kind::JsonSchema, Kind::Regex, Kind::Grammar];
        let found = all.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::UnknownOption(name.to_owned()))
    }
}

/// The vocabulary of a model, for which grammars are compiled.
pub struct Vocabulary(Arc<ParserFactory>);

crate::debug::debug_in_brief!(Vocabulary {});

impl Vocabulary {
    /// Reads what [`super::token_table`] writes.
    ///
    /// # Errors
    /// [`Error::Constraint`] where `table` has another format, or is too large.
    pub fn new(table: &[u8]) -> Result<Self> {
        let (words, ends) =
            read(table).ok_or_else(|| constraint_error("the vocabulary cannot be used"))?;
        let info = TokRxInfo::new(words.len() as u32, INVALID_TOKEN);
        let mut trie = TokTrie::from(&info, &words);
        if !ends.is_empty() {
            trie = trie.with_eos_tokens(&ends);
        }
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory =
            ParserFactory::new_simple(&env).map_err(|error| constraint_error(&plain(&error)))?;
        let limits = factory.quiet().limits_mut();
        limits.max_lexer_states = MAX_LEXER_STATES;
        limits.verbose_errors = false;
        Ok(Vocabulary(Arc::new(factory)))
    }

    /// Compiles the source of a grammar to a constraint.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], under the name of the kind, with what is wrong in the source.
    pub fn compile(&self, kind: Kind, source: &str) -> Result<Constraint> {
        Ok(Constraint::new(Arc::new(self.grammar(kind, source)?)))
    }

    /// Compiles the source of a grammar, as [`Vocabulary::compile`] does, to the plain [`Rule`].
    ///
    /// # Errors
    /// Those of [`Vocabulary::compile`].
    pub fn grammar(&self, kind: Kind, source: &str) -> Result<Grammar> {
        let (factory, source) = (self.0.clone(), source.to_owned());
        let state = in_time(move || compile(&factory, kind, &source));
        // The reason is a sentence of its own, not a value that the option must have.
        let state = state.map_err(|reason| Error::InvalidOption {
            name: kind.name().into(),
            reason,
        })?;
        Ok(Grammar(Mutex::new(state)))
    }
}

fn compile(factory: &ParserFactory, kind: Kind, source: &str) -> Reason<State> {
    let parsed = parse(kind, source)?;
    let parser = factory.create_parser_from_init_default(parsed.grammar);
    let fresh = Matcher::new(Ok(parser.map_err(|error| plain(&error))?));
    Ok(State {
        matcher: fresh.clone(),
        fresh,
        consumed: Vec::new(),
        name_filter: parsed
            .has_open_names
            .then(|| DuplicateNameFilter::new(factory)),
    })
}

/// Runs `work` on a thread whose stack is large enough for every source within the limits, and waits for it for a
/// limited time. A thread cannot be ended from outside: one that takes longer runs on until the library's own limits
/// end it.
#[cfg(not(target_arch = "wasm32"))]
fn in_time<T: Send + 'static>(work: impl FnOnce() -> Reason<T> + Send + 'static) -> Reason<T> {
    const STACK: usize = 64 << 20;
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let builder = std::thread::Builder::new().stack_size(STACK);
    let thread = builder.spawn(move || sender.send(work()));
    thread.map_err(|_| "there is no memory to compile it")?;
    let result = receiver.recv_timeout(PATIENCE);
    result.unwrap_or_else(|_| Err("it takes too long to compile".into()))
}

/// Runs `work` at once. In WebAssembly a stack overflow ends the module, and the caller starts a new one.
#[cfg(target_arch = "wasm32")]
fn in_time<T>(work: impl FnOnce() -> Reason<T>) -> Reason<T> {
    work()
}

/// A compiled grammar. Its state is only a cache: it makes the next call quick where that continues the last one.
pub struct Grammar(Mutex<State>);

crate::debug::debug_in_brief!(Grammar {});

impl Rule for Grammar {
    fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.stand_after(ids)?;
        state.mask()
    }
}

struct State {
    /// A matcher at the beginning of a text.
    fresh: Matcher,
    /// The matcher after the tokens in `consumed`.
    matcher: Matcher,
    consumed: Vec<TokenId>,
    /// Prevents duplicate names of members, where the grammar cannot.
    name_filter: Option<DuplicateNameFilter>,
}

struct DuplicateNameFilter {
    env: TokEnv,
    /// The tokens that contain a quote: only these can end a name.
    quotes: Arc<[TokenId]>,
    /// The state after the tokens in `read`.
    names: NameTracker,
    read: Vec<TokenId>,
}

impl DuplicateNameFilter {
    fn new(factory: &ParserFactory) -> Self {
        let env = factory.tok_env().clone();
        let trie = env.tok_trie();
        let ids = 0..trie.vocab_size() as TokenId;
        let quotes = ids.filter(|&id| trie.token(id).contains(&b'"'));
        DuplicateNameFilter {
            quotes: quotes.collect(),
            names: NameTracker::default(),
            read: Vec::new(),
            env,
        }
    }

    /// Brings the record of the objects' names to the end of `ids`. It reads only the tokens that follow those of the
    /// last call; if `ids` is another text, it begins anew.
    fn stand_after(&mut self, ids: &[TokenId]) -> Result<()> {
        if !ids.starts_with(&self.read) {
            self.names = NameTracker::default();
            self.read.clear();
        }
        for &id in &ids[self.read.len()..] {
            if !self.names.read(self.env.tok_trie().token(id)) {
                self.read.clear();
                self.names = NameTracker::default();
                return Err(constraint_error("a name comes twice in an object"));
            }
            self.read.push(id);
        }
        Ok(())
    }

    /// Removes the tokens from the mask that would complete a name for the second time in its object.
    fn narrow(&self, words: &mut [u32]) {
        for &id in &*self.quotes {
            let (word, bit) = (id as usize / 32, 1 << (id % 32));
            if words.get(word).is_some_and(|word| word & bit != 0)
                && !self.names.clone().read(self.env.tok_trie().token(id))
            {
                words[word] &= !bit;
            }
        }
    }
}

impl State {
    /// Rolls back to the common prefix of `ids` and the consumed tokens, and consumes the rest of `ids`.
    fn stand_after(&mut self, ids: &[TokenId]) -> Result<()> {
        let same = self.consumed.iter().zip(ids);
        let common = same.take_while(|(one, other)| one == other).count();
        let back = self.consumed.len() - common;
        self.consumed.truncate(common);
        // Some grammars cannot roll back, and none can after an error; they start again.
        if self.matcher.is_error() || self.matcher.rollback(back).is_err() {
            self.matcher = self.fresh.clone();
            self.consumed.clear();
        }
        for &id in &ids[self.consumed.len()..] {
            let taken = self.matcher.consume_token(id);
            taken.map_err(|error| constraint_error(&plain(&error)))?;
            self.consumed.push(id);
        }
        match &mut self.name_filter {
            Some(name_filter) => name_filter.stand_after(ids),
            None => Ok(()),
        }
    }

    fn mask(&mut self) -> Result<Option<Mask>> {
        if self.matcher.is_stopped() {
            return match self.matcher.stop_reason() {
                StopReason::NoExtension | StopReason::EndOfSentence => Ok(None),
                reason => Err(constraint_error(&format!("it takes too much ({reason})"))),
            };
        }
        let complete = matches!(self.matcher.is_accepting(), Ok(true));
        match self.matcher.compute_mask() {
            Ok(set) => {
                let mut words = set.as_slice().to_vec();
                if let Some(name_filter) = &self.name_filter {
                    name_filter.narrow(&mut words);
                    if words.iter().all(|word| *word == 0) {
                        return Err(constraint_error("no name is left that has not come before"));
                    }
                }
                Ok(Some(Mask::new(words)))
            }
            Err(error) => match plain(&error) {
                reason if reason != NOTHING_FOLLOWS => Err(constraint_error(&reason)),
                // The vocabulary has no token that ends a text.
                _ if complete => Ok(None),
                _ => Err(constraint_error(
                    "no token of the vocabulary goes on from here",
                )),
            },
        }
    }
}

/// The text of llguidance's error for an empty mask.
const NOTHING_FOLLOWS: &str = "NoExtensionBias";

fn constraint_error(reason: &str) -> Error {
    Error::Constraint(reason.to_owned())
}

/// The first line of llguidance's error, which says what is wrong and where; the rest is meant for its developers.
fn plain(error: &impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(500).collect()
}

/// Parses a table of tokens: the bytes of each token by its id, empty for one that may not be drawn, and the ids of
/// those that end a generation.
fn read(mut table: &[u8]) -> Option<(Vec<Vec<u8>>, Vec<TokenId>)> {
    let (mut words, mut ends) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    while let Some((length, rest)) = table.split_first_chunk() {
        let mut length = u32::from_le_bytes(*length);
        if length == END {
            ends.push(words.len() as TokenId);
            length = 0;
        }
        let (word, rest) = rest.split_at_checked(length as usize)?;
        table = rest;
        // The byte 0xFF occurs in no UTF-8 text, and marks special tokens in the trie.
        let usable = word.len() <= MAX_TOKEN && !word.starts_with(&[TokTrie::SPECIAL_TOKEN_MARKER]);
        let word = if usable { word } else { &[] };
        bytes += word.len() + 1;
        if bytes > MAX_BYTES {
            return None;
        }
        words.push(word.to_vec());
    }
    table.is_empty().then_some((words, ends))
}

/// A grammar in llguidance's form, and whether duplicate names must be prevented beside it.
struct Parsed {
    grammar: GrammarInit,
    has_open_names: bool,
}

/// Translates a source. An error is a sentence on what is wrong in it.
fn parse(kind: Kind, source: &str) -> Reason<Parsed> {
    if source.trim().is_empty() {
        return Err("it is empty".into());
    }
    if source.len() > MAX_SOURCE {
        return Err(format!("it is longer than {MAX_SOURCE} bytes"));
    }
    let mut has_open_names = false;
    let serialized = GrammarInit::Serialized;
    let grammar = match kind {
        Kind::JsonSchema => {
            let schema = schema::compile(source)?;
            has_open_names = schema.has_open_names;
            schema.grammar
        }
        Kind::Regex => serialized(TopLevelGrammar::from_regex(whole(source)?)),
        Kind::Grammar if gbnf::is_gbnf(source) => gbnf::compile(source)?,
        Kind::Grammar => {
            lark::check(source)?;
            serialized(TopLevelGrammar::from_lark(source.to_owned()))
        }
    };
    Ok(Parsed {
        grammar,
        has_open_names,
    })
}

/// The expression without a `^` and `$` around it, which are redundant because it must match the whole text.
fn whole(regex: &str) -> Reason<&str> {
    let escaped = |text: &str| (text.len() - text.trim_end_matches('\\').len()) % 2 == 1;
    let inner = regex.strip_prefix('^').unwrap_or(regex);
    let inner = match inner.strip_suffix('$') {
        Some(inner) if !escaped(inner) => inner,
        _ => inner,
    };
    match inner {
        "" => Err("it allows only the empty text".into()),
        inner if escaped(inner) => Err("it ends in a backslash".into()),
        inner => Ok(inner),
    }
}

#[cfg(test)]
mod tests;
