//! GBNF, the grammar format of llama.cpp.
//!
//! GBNF has no lexer: a grammar describes a text character by character. llguidance has one. Here the parts of a
//! grammar that a lexer can find without ambiguity become its lexemes ([`lexemes`]), and the rest become rules over
//! them. That changes only the speed, not the texts that are allowed.

mod compile;
mod lexemes;
mod nodes;

use super::{Reason, depth};
use llguidance::api::GrammarInit;
use nodes::{Class, Id, Node, Nodes};
use std::collections::HashMap;

/// How deep groups may be nested, and how many repetitions may follow one another, as in `a?*`.
const MAX_DEPTH: usize = 20;

/// Alternatives, each a sequence of parts.
type Choice = Vec<Vec<Part>>;

struct Part {
    item: Item,
    /// Its repetitions, as minimum and maximum; the innermost first.
    repeats: Vec<(u32, Option<u32>)>,
}

enum Item {
    /// A literal string.
    Literal(String),
    /// One character of a class.
    Character(Class),
    Rule(usize),
    Group(Choice),
}

/// Whether the source is GBNF and not Lark: its first rule has `::=`.
pub fn is_gbnf(source: &str) -> bool {
    let lines = source.lines().map(str::trim_start);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    first
        .trim_start_matches(is_name)
        .trim_start()
        .starts_with("::=")
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Translates a grammar to llguidance's form.
pub fn compile(source: &str) -> Reason<GrammarInit> {
    let mut parser = Parser {
        source,
        at: 0,
        depth: 0,
        numbers: HashMap::new(),
        rules: Vec::new(),
    };
    parser.grammar().map_err(|reason| {
        let line = source[..parser.at].matches('\n').count() + 1;
        format!("line {line}: {reason}")
    })?;
    let Parser { numbers, rules, .. } = parser;
    let mut names = vec![""; rules.len()];
    for (name, &number) in &numbers {
        names[number] = name;
    }
    let missing = rules.iter().position(Option::is_none);
    if let Some(number) = missing {
        return Err(format!("there is no rule \"{}\"", names[number]));
    }
    let root = numbers.get("root").ok_or("there is no rule \"root\"")?;
    let mentioned: Vec<Vec<usize>> = rules.iter().flatten().map(mentioned).collect();
    depth::check(&mentioned, [*root])?;
    let mut nodes = Nodes::default();
    for rule in rules.iter().flatten() {
        let rule = choice(&mut nodes, rule)?;
        nodes.rules.push(rule);
    }
    nodes.grammar(*root)
}

/// The numbers of the rules that a rule mentions.
fn mentioned(choice: &Choice) -> Vec<usize> {
    let parts = choice.iter().flatten();
    let rules = parts.flat_map(|part| match &part.item {
        Item::Rule(number) => vec![*number],
        Item::Group(group) => mentioned(group),
        Item::Literal(_) | Item::Character(_) => Vec::new(),
    });
    rules.collect()
}

fn choice(nodes: &mut Nodes, choice: &Choice) -> Reason<Id> {
    let mut options = Vec::new();
    for sequence in choice {
        let mut parts = Vec::new();
        for part in sequence {
            parts.push(repeated(nodes, part)?);
        }
        options.push(nodes.add(Node::Sequence(parts))?);
    }
    nodes.add(Node::Choice(options))
}

fn repeated(nodes: &mut Nodes, part: &Part) -> Reason<Id> {
    let mut node = match &part.item {
        Item::Literal(text) => {
            let characters = text
                .chars()
                .map(|c| nodes.add(Node::Character(vec![(c, c)])));
            let characters: Reason<Vec<Id>> = characters.collect();
            Node::Sequence(characters?)
        }
        Item::Character(class) => Node::Character(class.clone()),
        Item::Rule(number) => Node::Rule(*number),
        Item::Group(group) => {
            let group = choice(nodes, group)?;
            Node::Sequence(vec![group])
        }
    };
    for &(least, most) in &part.repeats {
        node = Node::Repeat(nodes.add(node)?, least, most);
    }
    nodes.add(node)
}

/// The complement of a class.
fn others(mut class: Class) -> Class {
    class.sort_unstable();
    let (mut others, mut next) = (Class::new(), Some('\0'));
    for (first, last) in class {
        let Some(begin) = next else { break };
        if begin < first
            && let Some(end) = ('\0'..first).next_back()
        {
            others.push((begin, end));
        }
        next = next
            .max((last..=char::MAX).nth(1))
            .filter(|_| last < char::MAX);
    }
    others.extend(next.map(|next| (next, char::MAX)));
    others
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    /// The numbers of the rules by name, in the order of their first mention.
    numbers: HashMap<&'a str, usize>,
    rules: Vec<Option<Choice>>,
}

impl<'a> Parser<'a> {
    fn grammar(&mut self) -> Reason<()> {
        self.space(true);
        while !self.rest().is_empty() {
            let name = self.name().ok_or("the name of a rule was expected")?;
            let number = self.number(name);
            self.space(false);
            if !self.take("::=") {
                return Err(format!("\"::=\" was expected after \"{name}\""));
            }
            self.space(true);
            let rule = self.choice()?;
            if self.rules[number].replace(rule).is_some() {
                return Err(format!("the rule \"{name}\" is there twice"));
            }
            if !self.rest().is_empty() && !self.take("\n") {
                let found = self.rest().chars().next().unwrap_or_default();
                return Err(format!("\"{found}\" was not expected"));
            }
            self.space(true);
        }
        Ok(())
    }

    fn choice(&mut self) -> Reason<Choice> {
        let mut choice = vec![self.sequence()?];
        loop {
            let before = self.at;
            self.space(true);
            if !self.take("|") {
                // A line break that ends the rule is left to the caller.
                self.at = before;
                return Ok(choice);
            }
            self.space(true);
            choice.push(self.sequence()?);
        }
    }

    fn sequence(&mut self) -> Reason<Vec<Part>> {
        let mut sequence = Vec::new();
        loop {
            self.space(self.depth > 0);
            let Some(item) = self.item()? else {
                return Ok(sequence);
            };
            let mut repeats = Vec::new();
            while let Some(repeat) = self.repeat()? {
                repeats.push(repeat);
            }
            if repeats.len() > MAX_DEPTH {
                return Err("too many repetitions of repetitions".into());
            }
            sequence.push(Part { item, repeats });
        }
    }

    fn item(&mut self) -> Reason<Option<Item>> {
        Ok(Some(match self.rest().chars().next() {
            Some('"') => Item::Literal(self.literal()?),
            Some('[') => Item::Character(self.class()?),
            Some('.') => {
                self.at += 1;
                Item::Character(vec![('\0', char::MAX)])
            }
            Some('(') => {
                self.at += 1;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err("groups lie too deep in one another".into());
                }
                let choice = self.choice()?;
                self.space(true);
                self.depth -= 1;
                if !self.take(")") {
                    return Err("\")\" was expected".into());
                }
                Item::Group(choice)
            }
            Some('<' | '!') => return Err("tokens (\"<…>\") are not supported".into()),
            Some(c) if is_name(c) => {
                let name = self.name().unwrap_or_default();
                Item::Rule(self.number(name))
            }
            _ => return Ok(None),
        }))
    }

    fn literal(&mut self) -> Reason<String> {
        self.at += 1;
        let mut text = String::new();
        while !self.take("\"") {
            text.push(self.character()?);
        }
        Ok(text)
    }

    fn class(&mut self) -> Reason<Class> {
        self.at += 1;
        let negated = self.take("^");
        let mut class = Class::new();
        while !self.take("]") {
            let first = self.character()?;
            if self.rest().starts_with("-]") || !self.take("-") {
                class.push((first, first));
                continue;
            }
            let last = self.character()?;
            if last < first {
                return Err("the range of a class ends before it begins".into());
            }
            class.push((first, last));
        }
        if class.is_empty() {
            return Err("a class is empty".into());
        }
        Ok(if negated { others(class) } else { class })
    }

    /// One character of a literal or class.
    fn character(&mut self) -> Reason<char> {
        let c = self
            .next()
            .ok_or("the text ends within a literal or class")?;
        if c != '\\' {
            return Ok(c);
        }
        let digits = match self.next().ok_or("the text ends within an escape")? {
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            c @ ('\\' | '"' | '[' | ']' | '-' | '^' | '/') => return Ok(c),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => return Err(format!("there is no escape \"\\{other}\"")),
        };
        let hex = self.rest().get(..digits);
        let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let c = code.and_then(char::from_u32).ok_or_else(|| {
            format!("an escape needs {digits} hexadecimal digits that name a character")
        })?;
        self.at += digits;
        Ok(c)
    }

    fn repeat(&mut self) -> Reason<Option<(u32, Option<u32>)>> {
        for (mark, repeat) in [("*", (0, None)), ("+", (1, None)), ("?", (0, Some(1)))] {
            if self.take(mark) {
                return Ok(Some(repeat));
            }
        }
        if !self.take("{") {
            return Ok(None);
        }
        let wrong = "a repetition is {n}, {n,}, {,n} or {n,m}";
        let least = self.count();
        let most = if self.take(",") { self.count() } else { least };
        let open = most.is_none() && least.is_some();
        if !self.take("}") || (least.is_none() && most.is_none()) {
            return Err(wrong.into());
        }
        let least = least.unwrap_or(0);
        match most {
            Some(most) if most < least => Err(wrong.into()),
            _ if open => Ok(Some((least, None))),
            most => Ok(Some((least, most))),
        }
    }

    fn count(&mut self) -> Option<u32> {
        self.space(false);
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += digits;
        let count = rest[..digits].parse().ok();
        self.space(false);
        // The bound is more than llguidance accepts anyway.
        count.map(|count: u32| count.min(1_000_000))
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(is_name).len();
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    fn number(&mut self, name: &'a str) -> usize {
        let next = self.rules.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.rules.push(None);
        }
        number
    }

    /// Skips blanks and comments, and with `lines` also line breaks.
    fn space(&mut self, lines: bool) {
        loop {
            let rest = self.rest();
            let blank = |c: char| matches!(c, ' ' | '\t' | '\r') || (lines && c == '\n');
            let after = rest.trim_start_matches(blank);
            self.at += rest.len() - after.len();
            if !after.starts_with('#') {
                return;
            }
            self.at += after.find('\n').unwrap_or(after.len());
        }
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }
}
