//! Logit bias: adds to the logits of some tokens, and bans others.

use crate::sampler::candidates::Candidates;
use crate::sampler::table::Table;
use crate::{Result, TokenId};

/// Adds to the logits of some tokens, and removes others.
pub(super) fn bias(
    candidates: &mut Candidates,
    logit_bias: &[(TokenId, f32)],
    banned_tokens: &[TokenId],
    table: &mut Table,
) -> Result<()> {
    table.prepare(candidates.vocabulary(), logit_bias.len())?;
    for (id, bias) in logit_bias {
        table.change(*id, |_| bias.to_bits());
    }
    candidates.adjust_logits(table, |logit, bias| logit + f32::from_bits(bias));
    table.prepare(candidates.vocabulary(), banned_tokens.len())?;
    for id in banned_tokens {
        table.change(*id, |_| 1);
    }
    candidates.remove(table);
    Ok(())
}
