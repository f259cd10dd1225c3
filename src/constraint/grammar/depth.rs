//! A limit on how deep the rules of a grammar refer to one another.
//!
//! llguidance compiles a rule recursively, within the rule that mentions it first, and other work grows with the square
//! of such chains. So the references are walked here beforehand, without recursion, and a grammar whose chains are too
//! long is refused.

use super::Reason;

/// The longest chain of references between rules and terminals.
const MAX_DEPTH: usize = 200;

/// Refuses a grammar with too long a chain of references from one of the rules in `first`. `rules` has for each rule
/// the rules that it mentions.
pub fn check(rules: &[Vec<usize>], first: impl IntoIterator<Item = usize>) -> Reason<()> {
    let mut seen = vec![false; rules.len()];
    // The rules on the current path, each with how many of its references have been followed.
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
