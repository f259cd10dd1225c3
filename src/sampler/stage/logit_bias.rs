//! Logit bias: adds to the logits of some tokens, and bans others.

use super::{Apply, Parameter, StageContext, parameters};
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::{Result, TokenId};

/// Adds to the logits of some tokens and removes others.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitBias {
    /// Tokens and what to add to their logits; each token once.
    pub logit_bias: Vec<(TokenId, f32)>,
    /// Tokens that are removed.
    pub banned_tokens: Vec<TokenId>,
}

impl Apply for LogitBias {
    parameters!(logit_bias, banned_tokens);

    fn is_neutral(&self) -> bool {
        self.logit_bias.iter().all(|pair| pair.1 == 0.0) && self.banned_tokens.is_empty()
    }

    fn apply(
        &self,
        candidates: &mut Candidates,
        _: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let (vocabulary, table) = (candidates.vocabulary(), &mut context.table);
        table.prepare(vocabulary, self.logit_bias.len())?;
        for (id, bias) in &self.logit_bias {
            table.change(*id, |_| bias.to_bits());
        }
        candidates.adjust_logits(table, |logit, bias| logit + f32::from_bits(bias));
        table.prepare(vocabulary, self.banned_tokens.len())?;
        for id in &self.banned_tokens {
            table.change(*id, |_| 1);
        }
        candidates.remove(table);
        Ok(())
    }
}
