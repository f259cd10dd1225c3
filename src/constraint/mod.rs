//! What a text may be: rules that say at each step which tokens may follow.
//!
//! The sampler chooses among the tokens a rule allows, before anything else is cut; a text whose rule is
//! fulfilled ends. The rules that matter are grammars (`Grammar`, Cargo feature `constraint`): a JSON schema,
//! a regular expression, or a context-free grammar, by the library
//! [llguidance](https://github.com/guidance-ai/llguidance). In a browser it lives in a WebAssembly module of its
//! own, because it is larger than the engine: the engine knows [`Rule`] alone.
//!
//! A rule is a function of what was generated since it began. It remembers nothing that matters, so that
//! rewinding, branching off and forcing tokens need no more than another call.

// In WebAssembly only in the module that is for it: the library would come along.
#[cfg(all(
    feature = "constraint",
    any(not(target_arch = "wasm32"), feature = "js-constraint")
))]
mod grammar;
mod table;

#[cfg(all(
    feature = "constraint",
    any(not(target_arch = "wasm32"), feature = "js-constraint")
))]
pub use grammar::{Grammar, Kind, Vocabulary};
pub use table::token_table;

use crate::sampler::Mask;
use crate::{Result, TokenId};
use std::fmt;
use std::sync::Arc;

/// Natively, what generators on several threads may share; a rule in JavaScript stays on its thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync> Shared for T {}
/// Natively, what generators on several threads may share; a rule in JavaScript stays on its thread.
#[cfg(target_arch = "wasm32")]
pub trait Shared {}
#[cfg(target_arch = "wasm32")]
impl<T> Shared for T {}

/// Says which tokens may follow.
pub trait Rule: Shared {
    /// The tokens that may follow `ids`, all that was generated since the rule began; `None` where nothing
    /// may, because the text is complete. Tokens that end a generation are among them where it may end.
    ///
    /// Errors: [`crate::Error::Constraint`] where `ids` break the rule, or it takes too much to follow.
    fn next(&self, ids: &[TokenId]) -> Result<Option<Mask>>;
}

/// A rule that texts keep to, shared by those who do.
#[derive(Clone)]
pub struct Constraint(Arc<dyn Rule>);

impl Constraint {
    /// Shares a rule.
    pub fn new(rule: Arc<dyn Rule>) -> Self {
        Constraint(rule)
    }

    /// See [`Rule::next`].
    pub fn next(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        self.0.next(ids)
    }
}

impl PartialEq for Constraint {
    /// Whether it is the same rule, not merely one that says the same.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constraint")
    }
}
