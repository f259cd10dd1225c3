//! The translation of the nodes of a grammar to a grammar of llguidance.

use super::super::Reason;
use super::super::rules::{GrammarBuilder, Symbol};
use super::lexemes;
use super::nodes::{Id, Node, Nodes};
use llguidance::api::GrammarInit;
use llguidance::derivre::{ExprRef, RegexAst};
use std::fmt::Write;

impl Nodes {
    /// The grammar that begins with the rule `root`.
    pub fn grammar(&self, root: usize) -> Reason<GrammarInit> {
        let (regular, lexemes) = lexemes::choose(self, self.rules[root]);
        let mut rules = GrammarBuilder::new(RegexAst::NoMatch)?;
        let mut regexes: Vec<Option<ExprRef>> = vec![None; self.list.len()];
        for id in regular {
            regexes[id] = Some(rules.regex(&self.regex(id, &regexes))?);
        }
        let mut symbols: Vec<Option<Symbol>> = vec![None; self.list.len()];
        let mut open = Vec::new();
        let start = symbol(self.rules[root], &mut symbols, &mut open, &mut rules)?;
        while let Some((id, rule)) = open.pop() {
            if let Some(regex) = regexes[id].filter(|_| lexemes[id]) {
                let terminal = rules.terminal(&RegexAst::ExprRef(regex))?;
                rules.add(rule, vec![terminal]);
                continue;
            }
            let mut parts = Vec::new();
            for &part in self.within(id) {
                parts.push(symbol(part, &mut symbols, &mut open, &mut rules)?);
            }
            match &self.list[id] {
                Node::Choice(_) => {
                    for part in parts {
                        rules.add(rule, vec![part]);
                    }
                }
                Node::Repeat(_, least, most) => {
                    let most = most.map(|most| most as usize);
                    let repeated = rules.repeat(parts[0], *least as usize, most)?;
                    rules.add(rule, vec![repeated]);
                }
                _ => rules.add(rule, parts),
            }
        }
        let grammar = rules.finish(start)?;
        grammar.ok_or_else(|| "it allows no text that ends".into())
    }

    /// The regular expression of a node, made of those of its parts.
    fn regex(&self, id: Id, regexes: &[Option<ExprRef>]) -> RegexAst {
        let known = |id: &Id| regexes[*id].map_or(RegexAst::NoMatch, RegexAst::ExprRef);
        match &self.list[id] {
            Node::Character(class) if class.is_empty() => RegexAst::NoMatch,
            Node::Character(class) => {
                let mut regex = String::from("[");
                for (first, last) in class {
                    let (first, last) = (u32::from(*first), u32::from(*last));
                    let _ = write!(regex, "\\x{{{first:x}}}-\\x{{{last:x}}}");
                }
                RegexAst::Regex(regex + "]")
            }
            Node::Sequence(parts) => RegexAst::Concat(parts.iter().map(known).collect()),
            Node::Choice(parts) => RegexAst::Or(parts.iter().map(known).collect()),
            Node::Repeat(part, least, most) => {
                let part = Box::new(known(part));
                RegexAst::Repeat(part, *least, most.unwrap_or(u32::MAX))
            }
            Node::Rule(rule) => known(&self.rules[*rule]),
        }
    }
}

/// The symbol of a node; a new one is put on the list `open` of those to be defined.
fn symbol(
    id: Id,
    symbols: &mut [Option<Symbol>],
    open: &mut Vec<(Id, Symbol)>,
    rules: &mut GrammarBuilder,
) -> Reason<Symbol> {
    if let Some(symbol) = symbols[id] {
        return Ok(symbol);
    }
    let symbol = rules.rule(false)?;
    symbols[id] = Some(symbol);
    open.push((id, symbol));
    Ok(symbol)
}
