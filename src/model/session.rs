//! A session: the state of one text that the model runs.

use std::ops::Range;
use std::sync::Arc;

use ndarray::ArrayView2;

use super::architecture::Positions;
use super::cache::KvCache;
use super::recurrence::Recurrence;
use super::rope::Rope;
use super::scratch::Scratch;
use super::{Adapter, Config, Model};
use crate::error::invalid_option;
use crate::kernels::CacheType;
use crate::{Error, Result, TokenId};

/// The state of one text in progress: the KV cache of its tokens, the hidden states of the last ones, scratch memory.
pub struct Session {
    pub(super) cache: KvCache,
    pub(super) recurrence: Recurrence,
    pub(super) scratch: Scratch,
    pub(super) len: usize,
    pub(super) capacity: usize,
    hidden_size: usize,
    /// The tokens of the last [`Model::forward`], whose hidden states are at hand, from the position `scratch.first` on.
    pub(super) ran: Vec<TokenId>,
}

crate::debug::debug_in_brief!(Session { len, capacity });

impl Session {
    /// A session for `model` whose KV cache may grow to `capacity` tokens. With learned position embeddings the
    /// capacity is at most the number of those.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] for the states of recurrent layers; the cache's memory is taken by [`Model::forward`].
    pub fn new(model: &Model, capacity: usize, cache: CacheType) -> Result<Self> {
        let config = &model.config;
        let learned = config.architecture.positions == Positions::Learned;
        let most = if learned {
            config.context_length
        } else {
            usize::MAX
        };
        Ok(Self {
            cache: KvCache::new(&model.config, cache),
            recurrence: Recurrence::new(&model.config)?,
            scratch: Scratch::default(),
            len: 0,
            capacity: capacity.min(most),
            hidden_size: model.config.hidden_size,
            ran: Vec::new(),
        })
    }

    /// Tokens in the KV cache.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the KV cache holds no tokens.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tokens the KV cache may grow to.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Removes all tokens after the first `len` from the KV cache; its memory is kept. With recurrent layers, whose state
    /// cannot be taken back to every position, further tokens may be removed: [`len`](Self::len) says what is left.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
            self.roll_back();
        }
    }

    /// Takes the states of recurrent layers back to the end of the text, or to the latest checkpoint before, where the text
    /// then ends.
    pub(super) fn roll_back(&mut self) {
        if !self.recurrence.is_empty() {
            if !self.recurrence.reaches(self.len) {
                self.ran.clear();
            }
            self.len = self.recurrence.truncate(self.len);
        }
    }

    /// Gives the memory of the KV cache back, which cannot fail; no token is held then. False where it had none.
    pub(crate) fn release_cache(&mut self) -> bool {
        let held = self.cache.bytes() > 0;
        self.truncate(0);
        self.cache.release();
        held
    }

    /// Whether some of the last tokens, at most 64, can be removed without removing others with them.
    pub fn truncates_freely(&self) -> bool {
        self.recurrence.is_empty() || self.recurrence.reaches_back()
    }

    /// Makes the present end of the text one that it can be truncated at, whatever layers the model has.
    pub(crate) fn keep_checkpoint(&mut self) {
        self.recurrence.checkpoint(self.len);
    }

    /// The most tokens, at most `len`, whose state [`save`](Self::save) can write.
    pub fn savable_len(&self, len: usize) -> usize {
        match self.recurrence.is_empty() {
            true => len,
            false => self.recurrence.savable(len),
        }
    }

    /// Appends `token` without running it, where the last [`Model::forward`] ran it at this position: the text has been
    /// truncated since, and continues as it did then. False where it has to be run.
    pub fn resume(&mut self, token: TokenId) -> bool {
        let row = self.len.checked_sub(self.scratch.first);
        let is_known = row.and_then(|row| self.ran.get(row)) == Some(&token);
        self.len += usize::from(is_known);
        is_known
    }

    /// The row of [`Session::hidden`] that is the last token's, unless the text was truncated to before that.
    pub(crate) fn last_row(&self) -> Option<usize> {
        let row = self.len.checked_sub(self.scratch.first + 1);
        row.filter(|&row| row < self.ran.len())
    }

    /// Sets the adapters of the text with their scales. Where they are others than before, the KV cache is emptied: what
    /// it holds was computed with those.
    pub fn set_adapters(&mut self, adapters: Vec<(Arc<Adapter>, f32)>) {
        if self.scratch.adapters.set(adapters) {
            self.truncate(0);
            self.ran.clear();
        }
    }

    /// An independent copy with the same tokens and adapters; [`Session::hidden`] is empty until it runs more.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fork(&self) -> Result<Self> {
        Ok(Self {
            cache: self.cache.fork()?,
            recurrence: self.recurrence.fork()?,
            scratch: self.scratch.fork(),
            ran: Vec::new(),
            ..*self
        })
    }

    /// A session of the same capacity and cache type that holds no tokens.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn empty(&self, model: &Model) -> Result<Self> {
        Self::new(model, self.capacity, self.cache_type())
    }

    /// How the KV cache stores its numbers.
    pub fn cache_type(&self) -> CacheType {
        self.cache.kind()
    }

    /// Appends the bytes of the KV cache of the first `len` tokens to `out`, and the states of recurrent layers after
    /// these; `len` must be [savable](Self::savable_len), or [`restore`](Self::restore) will not take the bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn save(&mut self, len: usize, out: &mut Vec<u8>) -> Result<()> {
        // Tokens that were truncated must not show in the bytes, nor be resumed after this.
        self.ran
            .truncate(self.len.saturating_sub(self.scratch.first));
        self.cache.clear_tile(self.len);
        let len = len.min(self.len);
        self.cache.save(len, out)?;
        self.recurrence.save(len, out)
    }

    /// Takes the KV cache of `len` tokens from bytes that [`Session::save`] wrote, in a session of the same model and
    /// cache type. Returns false where the bytes do not fit; the session must then be dropped.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn restore(&mut self, len: usize, bytes: &[u8]) -> Result<bool> {
        self.len = len;
        self.ran.clear();
        let cached = bytes.len().checked_sub(self.recurrence.saved_bytes(len));
        let Some(cached) = cached.filter(|_| len <= self.capacity) else {
            return Ok(false);
        };
        let (cached, recurrent) = bytes.split_at(cached);
        Ok(self.cache.restore(len, cached)? && self.recurrence.restore(len, recurrent)?)
    }

    /// The hidden states of the tokens of the last [`Model::forward`], after the final norm: `[tokens, hidden_size]`.
    pub fn hidden(&self) -> ArrayView2<'_, f32> {
        let hidden = &self.scratch.hidden;
        let shape = (hidden.len() / self.hidden_size, self.hidden_size);
        ArrayView2::from_shape(shape, hidden)
            .unwrap_or_else(|_| ArrayView2::from_shape((0, 0), &[]).unwrap())
    }

    /// Some rows of [`Session::hidden`], one after the other.
    pub(crate) fn hidden_rows(&self, rows: Range<usize>) -> &[f32] {
        &self.scratch.hidden[rows.start * self.hidden_size..rows.end * self.hidden_size]
    }

    /// Bytes of memory that the KV cache takes now, with the states of recurrent layers and their checkpoints.
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes() + self.recurrence.bytes()
    }

    /// Checks `tokens` and takes all memory that running them needs; the text stays as it is.
    pub(super) fn prepare(
        &mut self,
        config: &Config,
        ropes: &[Rope],
        tokens: &[TokenId],
    ) -> Result<()> {
        let end = self.len.saturating_add(tokens.len());
        if end > self.capacity {
            return Err(Error::PromptTooLong {
                tokens: end,
                context: self.capacity,
            });
        }
        if let Some(token) = tokens
            .iter()
            .find(|token| **token as usize >= config.vocabulary_size)
        {
            let allowed = format!(
                "in the vocabulary of {}; {token} is not",
                config.vocabulary_size
            );
            return Err(invalid_option("token", &allowed));
        }
        self.cache.reserve(end)?;
        self.recurrence.prepare(tokens.len())?;
        self.scratch.prepare(config, ropes, tokens.len(), end)
    }
}
