//! The generation loop: encode the prompt, run the model, choose a token, append it, repeat.
//!
//! ```
//! # fn main() -> nexttoken::Result<()> {
//! # let model = std::sync::Arc::new(nexttoken::model::Model::open("www/stories.gguf")?);
//! use nexttoken::generator::{Context, Generator, Options};
//! let mut generator = Generator::new(model, Context::default())?;
//! generator.start("Once upon a time", Options { seed: Some(42), max_tokens: Some(10), ..Options::default() })?;
//! while let Some(token) = generator.next_token()? {
//!     print!("{}", token.text);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | file | part |
//! |---|---|
//! | `generation_loop` | the loop: in each step logits, choice, append |
//! | `generation` | the state of one text |
//! | `prediction` | the head's logits for the tokens that ran |
//! | `append`, `text`, `token` | the chosen token becomes text, until a stop string or the end |
//! | `options`, `option_table`, `validation`, `chain`, `seed` | what the caller asks for, and the sampler's stages that are made of it |
//! | `stepping`, `record`, `internals`, `timings` | the loop by hand, and a look at what it does |
//! | `shift`, `snapshot`, `adapters` | texts longer than the context, texts as bytes, LoRA adapters |
//! | `speculation`, `guesses`, `lookup`, `draft` | tokens that are guessed and run ahead of their turn |

mod adapters;
mod append;
mod chain;
mod draft;
mod generation;
mod generation_loop;
mod guesses;
mod internals;
mod lookup;
mod option_table;
mod options;
mod prediction;
mod record;
mod seed;
mod shift;
mod snapshot;
mod speculation;
mod stepping;
mod text;
mod timings;
mod token;
mod validation;

pub use crate::kernels::CacheType;
pub use crate::sampler::{Mirostat, SAMPLERS, SamplerName};
pub use generation_loop::Tokens;
pub use internals::Internals;
#[doc(hidden)]
pub use option_table::{Field, Value};
pub use options::{Context, DEFAULT_RECORD, MAX_RECORD, MAX_TOP_LOGPROBS, Options};
pub use record::{Chosen, Record, RecordedDraw, RecordedStage, RecordedToken, RemovedToken};
pub use timings::{Clock, Timings, system_clock};
pub use token::{Candidate, FinishReason, Token};

use crate::chat;
use crate::error::check_option;
use crate::model::{Adapter, Model, Session};
use crate::{Error, Result, TokenId};
use draft::Draft;
use generation::Generation;
use prediction::Prediction;
use shift::Shift;
use speculation::Speculation;
use std::sync::Arc;

/// Generates text with one model, one text at a time.
///
/// After any error it is still usable: repeat the call, or start another text.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// # use nexttoken::generator::{Context, Generator, Options};
/// # let model = std::sync::Arc::new(nexttoken::model::Model::open("www/stories.gguf")?);
/// let mut generator = Generator::new(model, Context::default())?;
/// generator.start("The owl said", Options { temperature: 0.0, max_tokens: Some(5), ..Options::default() })?;
/// let text: String = generator.tokens().map(|token| Ok(token?.text)).collect::<nexttoken::Result<_>>()?;
/// generator.rewind(2)?; // The last two are taken back …
/// generator.next_token()?;
/// generator.next_token()?;
/// assert_eq!(generator.text(), text); // … and come again.
/// # Ok(())
/// # }
/// ```
pub struct Generator {
    model: Arc<Model>,
    adapters: Vec<(String, Arc<Adapter>)>,
    session: Session,
    prediction: Prediction,
    speculation: Speculation,
    draft: Option<Draft>,
    clock: Clock,
    generation: Option<Generation>,
}

crate::debug::debug_in_brief!(Generator { model });

impl Generator {
    /// A generator for `model` with this context.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] unless 1 ≤ the context's length ≤ the model's; [`Error::OutOfMemory`].
    pub fn new(model: Arc<Model>, context: Context) -> Result<Self> {
        let capacity = context.positions(model.config.context_length)?;
        Ok(Generator {
            session: Session::new(&model, capacity, context.cache_type)?,
            model,
            adapters: Vec::new(),
            prediction: Prediction::default(),
            speculation: Speculation::default(),
            draft: None,
            clock: timings::system_clock,
            generation: None,
        })
    }

    /// Sets the clock for [`Generator::timings`]. WebAssembly has none of its own, so a host must give one.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
        if let Some(draft) = &mut self.draft {
            draft.set_clock(clock);
        }
    }

    /// Sets what a drafted token is taken to cost in steps, until more has been measured; see [`Options::speculation`].
    /// The same for a guess of the draft model. For tests: at 0 every guess is drafted.
    #[doc(hidden)]
    pub fn set_draft_cost(&mut self, cost: f32) {
        self.speculation.set_cost(cost);
        if let Some(draft) = &mut self.draft {
            draft.set_cost(cost);
        }
    }

    /// Starts a new text with `prompt`, in which special tokens are parsed. The model runs nothing yet.
    ///
    /// The prefix that the prompt shares with the previous text stays in the KV cache and is not run again, which does not
    /// change the result: see [`Timings::reused_tokens`]. With other adapters all of it is run, and with recurrent layers
    /// what follows the latest checkpoint of their state.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::EmptyPrompt`], [`Error::PromptTooLong`]. The previous text is then unchanged.
    pub fn start(&mut self, prompt: &str, options: Options) -> Result<()> {
        self.check_options(&options)?;
        self.begin(self.model.tokenizer.encode_prompt(prompt), options)
    }

    /// Starts a new text with a conversation that [`crate::chat::render`] has rendered, otherwise like
    /// [`Generator::start`]. BOS is not added twice, and what looks like a special token inside a message is plain
    /// text.
    ///
    /// # Errors
    /// Those of [`Generator::start`].
    pub fn start_chat(&mut self, conversation: &str, options: Options) -> Result<()> {
        self.check_options(&options)?;
        let ids = chat::encode(&self.model.tokenizer, conversation);
        self.begin(ids, options)
    }

    /// Starts the model's answer to `messages`, rendered with its chat template. To continue a conversation, append
    /// the answer and the next message and call this again: only the new tokens are run.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`], [`Error::InvalidOption`], and those of [`Generator::start`].
    #[cfg(feature = "chat")]
    pub fn chat(
        &mut self,
        messages: &[chat::Message],
        rendering: &chat::Rendering,
        options: Options,
    ) -> Result<()> {
        self.check_options(&options)?;
        let request = chat::Request::new(&self.model, messages, rendering.template.as_deref())?;
        let conversation = chat::render(&request, rendering)?;
        self.start_chat(&conversation, options)
    }

    /// Checks the options by themselves and against the model and the context.
    fn check_options(&self, options: &Options) -> Result<()> {
        options.validate()?;
        options.check_tokens(self.model.config.vocabulary_size)?;
        let capacity = self.session.capacity();
        let allowed = format!("less than {capacity}, the tokens the context holds");
        check_option(options.n_keep < capacity, "n_keep", &allowed)
    }

    /// Starts a text with the prompt `ids` and options that have been checked.
    fn begin(&mut self, ids: Vec<TokenId>, options: Options) -> Result<()> {
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if ids.len() > self.session.capacity() {
            return Err(Error::PromptTooLong {
                tokens: ids.len(),
                context: self.session.capacity(),
            });
        }
        let adapters = self.chosen_adapters(&options.adapters)?;
        let seed = options.seed.map_or_else(seed::random_seed, Ok)?;
        let shift = self.shift(&ids, &options);
        let mut generation = Generation::new(&self.model.tokenizer, ids, options, shift, seed)?;
        self.session.set_adapters(adapters);
        generation.reused = self.keep_prefix(&generation.ids);
        self.speculation.start();
        self.generation = Some(generation);
        Ok(())
    }

    /// How the context of a text with the prompt `ids` is shifted, where the options ask for it.
    fn shift(&self, ids: &[TokenId], options: &Options) -> Option<Shift> {
        // BOS always stays: models are trained on texts that begin with it.
        let has_bos = self.model.tokenizer.bos() == ids.first().copied();
        let n_keep = options.n_keep.max(usize::from(has_bos));
        let shift = Shift::new(n_keep, self.session.capacity());
        options.context_shift.then_some(shift)
    }

    /// Truncates the session to its common prefix with `ids`, or as far as it can be, and returns the length of that. It
    /// leaves out at least the last of `ids`, which has to be run: the first token is predicted from its hidden state.
    fn keep_prefix(&mut self, ids: &[TokenId]) -> usize {
        let common = self.generation.as_ref().map_or(0, |generation| {
            let held = generation.context().take(self.session.len());
            let same = held.zip(ids).take_while(|(held, id)| held == id);
            same.count().min(ids.len() - 1)
        });
        self.session.truncate(common);
        self.session.len()
    }

    /// Ends the text here: [`Generator::next_token`] returns `None` from now on. Text held back as a possible stop
    /// string is dropped.
    pub fn abort(&mut self) {
        if let Some(generation) = &mut self.generation {
            generation.finish_reason.get_or_insert(FinishReason::Abort);
        }
    }

    /// Drops the text and empties the KV cache, whose memory is kept for the next text.
    pub fn reset(&mut self) {
        self.generation = None;
        self.session.set_adapters(Vec::new());
        self.session.truncate(0);
        if let Some(draft) = &mut self.draft {
            draft.reset();
        }
    }

    /// Why the text ended, if it has.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.generation.as_ref()?.finish_reason
    }

    /// The text generated so far, without the prompt: the texts of all tokens concatenated.
    pub fn text(&self) -> &str {
        self.generation
            .as_ref()
            .map_or("", |generation| generation.text.written())
    }

    /// The prompt's tokens, BOS included where the model asks for it.
    pub fn prompt_ids(&self) -> &[TokenId] {
        self.generation
            .as_ref()
            .map_or(&[], |generation| &generation.ids[..generation.prompt_len])
    }

    /// The tokens generated so far.
    pub fn ids(&self) -> &[TokenId] {
        self.generation
            .as_ref()
            .map_or(&[], |generation| &generation.ids[generation.prompt_len..])
    }

    /// The seed in use: the one given, else the one drawn at random.
    pub fn seed(&self) -> Option<u64> {
        self.generation.as_ref().map(|generation| generation.seed)
    }

    /// Tokens in the KV cache now.
    pub fn context_used(&self) -> usize {
        self.session.len()
    }

    /// The most tokens the context can hold.
    pub fn context_length(&self) -> usize {
        self.session.capacity()
    }

    /// How long the text has taken so far.
    pub fn timings(&self) -> Timings {
        let Some(generation) = &self.generation else {
            return Timings::default();
        };
        let prefilled = match generation.steps {
            0 => self.session.len().min(generation.prompt_len),
            _ => generation.prompt_len,
        };
        let prefilled = prefilled.saturating_sub(generation.reused);
        let decoded = generation.steps.saturating_sub(1);
        Timings {
            reused_tokens: generation.reused,
            drafted: generation.drafted,
            accepted: generation.accepted,
            ..Timings::new(
                (prefilled, generation.prefill_ms),
                (decoded, generation.decode_ms),
            )
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }
}
