//! A builder of context-free grammars: symbols with alternatives over terminals. `finish` removes what can never be
//! derived and hands the rest to llguidance.

use super::Reason;
use llguidance::api::{GrammarInit, SkipSpec};
use llguidance::derivre::{ExprRef, RegexAst};
use llguidance::earley::lexerspec::{LexemeClass, LexerSpec};
use llguidance::earley::{Grammar, ParamCond, ParamExpr, SymIdx, SymbolProps};
use std::collections::HashMap;

/// The most symbols of a grammar.
const MAX_SYMBOLS: usize = 100_000;

/// The limit of work for finding out whether a regular expression matches anything.
const EMPTINESS_FUEL: u64 = 100_000;

/// A terminal or a rule (nonterminal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol(usize);

/// One alternative of a rule.
pub struct Alternative {
    /// A condition on the parameter of the rule.
    pub condition: ParamCond,
    /// The symbols of the alternative, each with the parameter it gets.
    pub parts: Vec<(Symbol, ParamExpr)>,
    /// Symbols that are not part of the alternative, but without which it is removed: each must derive some text.
    pub needs: Vec<Symbol>,
}

impl Alternative {
    /// These symbols with these parameters, whatever the parameter of the rule is.
    pub fn new(parts: Vec<(Symbol, ParamExpr)>) -> Self {
        Alternative {
            condition: ParamCond::True,
            parts,
            needs: Vec::new(),
        }
    }

    /// This alternative, for rules whose parameter fulfils `condition` alone.
    pub fn when(self, condition: ParamCond) -> Self {
        Alternative { condition, ..self }
    }

    /// This alternative, which is left out unless each of these symbols derives some text.
    pub fn needing(self, needs: Vec<Symbol>) -> Self {
        Alternative { needs, ..self }
    }
}

/// Symbols without parameters.
impl From<Vec<Symbol>> for Alternative {
    fn from(symbols: Vec<Symbol>) -> Self {
        let parts = symbols.into_iter();
        Self::new(parts.map(|symbol| (symbol, ParamExpr::Null)).collect())
    }
}

enum Definition {
    /// A regular expression, and whether it matches anything.
    Terminal(ExprRef, bool),
    Rule {
        parametric: bool,
        alternatives: Vec<Alternative>,
    },
}

/// A grammar that is being built.
pub struct GrammarBuilder {
    lexer: LexerSpec,
    class: LexemeClass,
    symbols: Vec<Definition>,
    terminals: HashMap<ExprRef, Symbol>,
    exactly: HashMap<(Symbol, usize), Symbol>,
    at_most: HashMap<(Symbol, usize), Symbol>,
}

fn reason(error: impl ToString) -> String {
    super::plain(&error)
}

impl GrammarBuilder {
    /// An empty grammar. One match of `skip` may stand between any two terminals.
    pub fn new(skip: RegexAst) -> Reason<Self> {
        let mut lexer = LexerSpec::new().map_err(reason)?;
        let skip = SkipSpec::once(skip);
        let class = lexer.setup_lexeme_class_with_skip(skip).map_err(reason)?;
        Ok(GrammarBuilder {
            lexer,
            class,
            symbols: Vec::new(),
            terminals: HashMap::new(),
            exactly: HashMap::new(),
            at_most: HashMap::new(),
        })
    }

    /// Builds a regular expression that can be a part of others.
    pub fn regex(&mut self, ast: &RegexAst) -> Reason<ExprRef> {
        self.lexer.regex_builder.mk(ast).map_err(reason)
    }

    /// Whether the expression matches the whole of `text`.
    pub fn matches(&mut self, ast: &RegexAst, text: &str) -> Reason<bool> {
        let regex = self.regex(ast)?;
        let builder = &self.lexer.regex_builder;
        let compiled = builder.to_regex_limited(regex, EMPTINESS_FUEL);
        Ok(compiled.map_err(reason)?.is_match(text))
    }

    /// A terminal: the longest match of a regular expression.
    pub fn terminal(&mut self, ast: &RegexAst) -> Reason<Symbol> {
        let regex = self.regex(ast)?;
        if let Some(&symbol) = self.terminals.get(&regex) {
            return Ok(symbol);
        }
        let possible = !may_be_empty(ast) || {
            let builder = &self.lexer.regex_builder;
            // Where this cannot be decided within the limit, the expression is assumed to match something.
            let compiled = builder.to_regex_limited(regex, EMPTINESS_FUEL);
            compiled.map_or(true, |mut regex| !regex.always_empty())
        };
        let symbol = self.push(Definition::Terminal(regex, possible))?;
        self.terminals.insert(regex, symbol);
        Ok(symbol)
    }

    /// Whether a terminal matches anything.
    pub fn is_possible(&self, terminal: Symbol) -> bool {
        matches!(self.symbols[terminal.0], Definition::Terminal(_, true))
    }

    /// A terminal for a literal string; a rule for the empty one.
    pub fn literal(&mut self, text: &str) -> Reason<Symbol> {
        if text.is_empty() {
            let empty = self.rule(false)?;
            self.add(empty, Vec::new());
            return Ok(empty);
        }
        self.terminal(&RegexAst::Literal(text.to_owned()))
    }

    /// A new rule without alternatives. The parameter of a parametric one has 64 bits.
    pub fn rule(&mut self, parametric: bool) -> Reason<Symbol> {
        self.push(Definition::Rule {
            parametric,
            alternatives: Vec::new(),
        })
    }

    /// Adds an alternative to a rule.
    pub fn add(&mut self, rule: Symbol, alternative: impl Into<Alternative>) {
        if let Definition::Rule { alternatives, .. } = &mut self.symbols[rule.0] {
            alternatives.push(alternative.into());
        }
    }

    /// A new rule with these alternatives.
    pub fn choice(&mut self, alternatives: Vec<Vec<Symbol>>) -> Reason<Symbol> {
        let rule = self.rule(false)?;
        for alternative in alternatives {
            self.add(rule, alternative);
        }
        Ok(rule)
    }

    /// `symbol` repeated at least `least` and at most `most` times. Repetitions are built from blocks of four, so that
    /// the number of rules grows only with the logarithm of the counts.
    pub fn repeat(&mut self, symbol: Symbol, least: usize, most: Option<usize>) -> Reason<Symbol> {
        let head = self.exactly(symbol, least)?;
        let tail = match most {
            Some(most) if most < least => return self.rule(false),
            Some(most) => self.at_most(symbol, most - least)?,
            None => {
                let star = self.rule(false)?;
                self.add(star, Vec::new());
                self.add(star, vec![star, symbol]);
                star
            }
        };
        self.choice(vec![vec![head, tail]])
    }

    fn exactly(&mut self, symbol: Symbol, count: usize) -> Reason<Symbol> {
        if let Some(&known) = self.exactly.get(&(symbol, count)) {
            return Ok(known);
        }
        let parts = if count <= 4 {
            vec![symbol; count]
        } else {
            let block = self.exactly(symbol, 4)?;
            let mut parts = vec![self.exactly(block, count / 4)?];
            parts.extend(std::iter::repeat_n(symbol, count % 4));
            parts
        };
        let rule = self.choice(vec![parts])?;
        self.exactly.insert((symbol, count), rule);
        Ok(rule)
    }

    /// At most `count` times, each number of times derived in exactly one way: either fewer than all whole blocks of
    /// four and up to three more, or all blocks and up to the remainder.
    fn at_most(&mut self, symbol: Symbol, count: usize) -> Reason<Symbol> {
        if let Some(&known) = self.at_most.get(&(symbol, count)) {
            return Ok(known);
        }
        let rule = if count < 4 {
            self.choice((0..=count).map(|times| vec![symbol; times]).collect())?
        } else {
            let block = self.exactly(symbol, 4)?;
            let fewer = vec![
                self.at_most(block, count / 4 - 1)?,
                self.at_most(symbol, 3)?,
            ];
            let all = vec![
                self.exactly(block, count / 4)?,
                self.at_most(symbol, count % 4)?,
            ];
            self.choice(vec![fewer, all])?
        };
        self.at_most.insert((symbol, count), rule);
        Ok(rule)
    }

    fn push(&mut self, definition: Definition) -> Reason<Symbol> {
        if self.symbols.len() >= MAX_SYMBOLS {
            return Err("it is too large".into());
        }
        self.symbols.push(definition);
        Ok(Symbol(self.symbols.len() - 1))
    }

    /// The grammar that begins with `start`; `None` where it derives no text.
    pub fn finish(mut self, start: Symbol) -> Reason<Option<GrammarInit>> {
        let possible = self.possible();
        if !possible[start.0] {
            return Ok(None);
        }
        let reached = self.reached(start, &possible);
        let mut grammar = Grammar::new(None);
        let root = self.fresh_symbol(&mut grammar, false, true);
        let ids = self.declare(&mut grammar, &reached)?;
        self.define(&mut grammar, &ids, &possible)?;
        let first = ids[start.0].ok_or("it is empty")?;
        grammar.add_rule(root, vec![first]).map_err(reason)?;
        Ok(Some(GrammarInit::Internal(grammar, self.lexer)))
    }

    fn fresh_symbol(&self, grammar: &mut Grammar, parametric: bool, is_start: bool) -> SymIdx {
        let props = SymbolProps {
            grammar_id: self.class,
            is_start,
            parametric,
            ..Default::default()
        };
        grammar.fresh_symbol_ext("s", props)
    }

    /// Adds the symbols that are reached to `grammar`, terminals with their lexemes; returns the id of each.
    fn declare(&mut self, grammar: &mut Grammar, reached: &[bool]) -> Reason<Vec<Option<SymIdx>>> {
        let mut ids: Vec<Option<SymIdx>> = vec![None; self.symbols.len()];
        for (index, definition) in self.symbols.iter().enumerate() {
            if !reached[index] {
                continue;
            }
            let parametric = matches!(
                definition,
                Definition::Rule {
                    parametric: true,
                    ..
                }
            );
            let id = self.fresh_symbol(grammar, parametric, false);
            ids[index] = Some(id);
            if let Definition::Terminal(regex, _) = definition {
                let regex = RegexAst::ExprRef(*regex);
                let lexeme =
                    self.lexer
                        .add_greedy_lexeme(String::new(), regex, false, None, usize::MAX);
                let lexeme = lexeme.map_err(reason)?;
                grammar
                    .make_terminal(id, lexeme, &self.lexer)
                    .map_err(reason)?;
            }
        }
        Ok(ids)
    }

    /// Adds the rules of the symbols that are reached to `grammar`, but for alternatives that derive no text.
    fn define(
        &self,
        grammar: &mut Grammar,
        ids: &[Option<SymIdx>],
        possible: &[bool],
    ) -> Reason<()> {
        for (index, definition) in self.symbols.iter().enumerate() {
            let (Some(left), Definition::Rule { alternatives, .. }) = (ids[index], definition)
            else {
                continue;
            };
            for alternative in alternatives {
                let parts = alternative.parts.iter();
                let right: Option<Vec<_>> = parts
                    .map(|(part, parameter)| Some((ids[part.0]?, parameter.clone())))
                    .collect();
                if let Some(right) = right.filter(|_| alternative.is_possible(possible)) {
                    grammar
                        .add_rule_ext(left, alternative.condition.clone(), right)
                        .map_err(reason)?;
                }
            }
        }
        Ok(())
    }

    /// For each symbol whether it derives some text.
    fn possible(&self) -> Vec<bool> {
        let mut possible: Vec<bool> = vec![false; self.symbols.len()];
        // For each alternative its rule, and how many of its symbols are not yet known to be possible.
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.symbols.len()];
        let mut ready = Vec::new();
        for (index, definition) in self.symbols.iter().enumerate() {
            match definition {
                Definition::Terminal(_, possible) => ready.extend(possible.then_some(index)),
                Definition::Rule { alternatives, .. } => {
                    for alternative in alternatives {
                        let count = alternative.symbols().count();
                        for part in alternative.symbols() {
                            users[part.0].push(waiting.len());
                        }
                        waiting.push((index, count));
                        ready.extend((count == 0).then_some(index));
                    }
                }
            }
        }
        while let Some(index) = ready.pop() {
            if std::mem::replace(&mut possible[index], true) {
                continue;
            }
            for &user in &users[index] {
                let (rule, count) = &mut waiting[user];
                *count -= 1;
                ready.extend((*count == 0).then_some(*rule));
            }
        }
        possible
    }

    /// For each symbol whether it is reachable from `start`.
    fn reached(&self, start: Symbol, possible: &[bool]) -> Vec<bool> {
        let mut reached = vec![false; self.symbols.len()];
        let mut open = vec![start];
        while let Some(symbol) = open.pop() {
            if std::mem::replace(&mut reached[symbol.0], true) {
                continue;
            }
            if let Definition::Rule { alternatives, .. } = &self.symbols[symbol.0] {
                let alternatives = alternatives.iter();
                let alternatives = alternatives.filter(|one| one.is_possible(possible));
                open.extend(alternatives.flat_map(|one| one.parts.iter().map(|part| part.0)));
            }
        }
        reached
    }
}

/// The intersection of regular expressions.
pub fn and(mut parts: Vec<RegexAst>) -> RegexAst {
    match parts.len() {
        1 => parts.remove(0),
        _ => RegexAst::And(parts),
    }
}

/// Whether an expression has a form that may match nothing at all. Only those are checked, because checking takes time.
fn may_be_empty(ast: &RegexAst) -> bool {
    match ast {
        RegexAst::And(_) | RegexAst::Not(_) | RegexAst::NoMatch => true,
        RegexAst::Or(options) if options.is_empty() => true,
        ast => ast.get_args().iter().any(may_be_empty),
    }
}

impl Alternative {
    fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        let parts = self.parts.iter().map(|(symbol, _)| *symbol);
        parts.chain(self.needs.iter().copied())
    }

    fn is_possible(&self, possible: &[bool]) -> bool {
        self.symbols().all(|symbol| possible[symbol.0])
    }
}
