//! How deep the rules of a grammar lead into one another.
//!
//! llguidance compiles a rule within the rule that mentions it first, on the stack of the machine, and other work
//! grows with the square of such chains. So the way is walked here beforehand, without a stack, and a grammar that
//! leads too deep is refused.

use super::Reason;

/// How deep rules and terminals may lead into one another.
const MAX_DEPTH: usize = 200;

/// Refuses what would lead too deep from one of the rules in `first`. `rules` has for each the rules it mentions.
pub fn check(rules: &[Vec<usize>], first: impl IntoIterator<Item = usize>) -> Reason<()> {
    let mut seen = vec![false; rules.len()];
    // The rules that are open, each with how many of its mentions have been looked at.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for begin in first {
        if std::mem::replace(&mut seen[begin], true) {
            continue;
        }
        open.push((begin, 0));
        while let Some((number, at)) = open.last_mut() {
            let Some(&next) = rules[*number].get(*at) else {
                open.pop();
                continue;
            };
            *at += 1;
            if !std::mem::replace(&mut seen[next], true) {
                open.push((next, 0));
            }
            if open.len() > MAX_DEPTH {
                return Err(format!("more than {MAX_DEPTH} rules lead into one another"));
            }
        }
    }
    Ok(())
}
