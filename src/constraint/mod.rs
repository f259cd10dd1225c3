//! Constraints on the generated text: rules that say at each step which tokens may follow.
//!
//! The sampler removes all other tokens before its own stages run, and a text whose rule is complete ends. The rules in
//! use are grammars (`Grammar`, Cargo feature `constraint`): a JSON schema, a regular expression, or a context-free
//! grammar, evaluated by the library [llguidance](https://github.com/guidance-ai/llguidance). In a browser that lives
//! in a WebAssembly module of its own, because it is larger than the engine; the engine knows only [`Rule`].
//!
//! A rule is a function of the tokens generated since it began. It has no other state that affects its answers, so that
//! rewinding, forking and forcing tokens only need another call.

// In WebAssembly it is compiled only into the module for grammars: the engine would carry the library along.
#[cfg(all(
    feature = "constraint",
    any(not(target_arch = "wasm32"), feature = "wasm-constraint")
))]
mod grammar;
mod table;

#[cfg(all(
    feature = "constraint",
    any(not(target_arch = "wasm32"), feature = "wasm-constraint")
))]
pub use grammar::{Grammar, Kind, Vocabulary};
pub use table::token_table;

use crate::sampler::Mask;
use crate::{Result, TokenId};
use std::fmt;
use std::sync::Arc;

/// The bounds of a [`Rule`]. In native builds generators on several threads may share one; in WebAssembly a rule may be
/// a JavaScript function, which stays on its thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSendSync: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync> MaybeSendSync for T {}
/// The bounds of a [`Rule`]. In native builds generators on several threads may share one; in WebAssembly a rule may be
/// a JavaScript function, which stays on its thread.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSendSync {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSendSync for T {}

/// Says which tokens may follow at each step.
pub trait Rule: MaybeSendSync {
    /// The tokens that may follow `ids`, which are all tokens generated since the rule began. `None` where none may,
    /// because the text is complete. Where the text may end but need not, the tokens that end a generation are in the
    /// mask.
    ///
    /// # Errors
    /// [`crate::Error::Constraint`] where `ids` break the rule, or following it exceeds a limit.
    fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>>;
}

/// A shared [`Rule`]: copies refer to the same one.
#[derive(Clone)]
pub struct Constraint(Arc<dyn Rule>);

impl Constraint {
    /// Wraps a rule.
    pub fn new(rule: Arc<dyn Rule>) -> Self {
        Constraint(rule)
    }

    /// See [`Rule::allowed_tokens`].
    ///
    /// # Errors
    /// Those of [`Rule::allowed_tokens`].
    pub fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        self.0.allowed_tokens(ids)
    }
}

impl PartialEq for Constraint {
    /// Whether both are the same rule object; equal sources do not count.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constraint")
    }
}
