//! GBNF, the grammars of llama.cpp → llguidance's Lark.
//!
//! The two differ in spelling, and in that Lark has terminals, which a lexer finds: of two that match at a
//! place it takes the longer. Rules that do not recur become terminals, the others stay rules over them. So an
//! ambiguous grammar may allow less than it does in llama.cpp, and never more.

use std::collections::HashMap;
use std::fmt::Write;

/// How deep groups may lie in one another.
const MAX_DEPTH: usize = 20;

/// The largest terminal, in parts, with what it refers to written out; larger ones stay rules.
const MAX_TERMINAL: usize = 2000;

/// Why a text is no grammar, and where.
type Result<T> = std::result::Result<T, String>;

/// Alternatives, each of parts in their order.
type Choice = Vec<Vec<Part>>;

struct Part {
    item: Item,
    /// How often, at least and at most; the innermost first.
    repeats: Vec<(u32, Option<u32>)>,
}

enum Item {
    /// A text as it is.
    Literal(String),
    /// One character, as a regular expression.
    Character(String),
    Rule(usize),
    Group(Choice),
}

/// Whether the text is written as GBNF: its first rule has `::=`.
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

/// The same grammar in Lark.
pub fn to_lark(source: &str) -> Result<String> {
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
    let rules: Vec<Choice> = rules.into_iter().flatten().collect();
    let terminal = terminals(&rules);
    let mut lark = format!("start: {}\n", name(*root, &terminal));
    for (number, rule) in rules.iter().enumerate() {
        let _ = write!(lark, "{}: ", name(number, &terminal));
        write_choice(&mut lark, rule, &terminal);
        lark.push('\n');
    }
    Ok(lark)
}

/// Which rules are terminals: those that do not come back to themselves and are small when written out.
fn terminals(rules: &[Choice]) -> Vec<bool> {
    // A rule has a size once all it refers to has one; what recurs never gets there.
    let mut sizes: Vec<Option<usize>> = vec![None; rules.len()];
    loop {
        let mut changed = false;
        for (number, rule) in rules.iter().enumerate() {
            if sizes[number].is_none() {
                let size = size(rule, &sizes).filter(|&size| size <= MAX_TERMINAL);
                changed |= size.is_some();
                sizes[number] = size;
            }
        }
        if !changed {
            return sizes.iter().map(Option::is_some).collect();
        }
    }
}

fn size(choice: &Choice, sizes: &[Option<usize>]) -> Option<usize> {
    let mut sum = 1usize;
    for part in choice.iter().flatten() {
        let mut size = match &part.item {
            Item::Literal(_) | Item::Character(_) => 1,
            Item::Rule(number) => sizes[*number]?,
            Item::Group(choice) => size(choice, sizes)?,
        };
        for &(least, most) in &part.repeats {
            size = size.saturating_mul(most.unwrap_or(least).max(1) as usize);
        }
        sum = sum.saturating_add(size);
    }
    Some(sum)
}

fn name(number: usize, terminal: &[bool]) -> String {
    let letter = if terminal[number] { 'T' } else { 'r' };
    format!("{letter}{number}")
}

fn write_choice(lark: &mut String, choice: &Choice, terminal: &[bool]) {
    for (index, sequence) in choice.iter().enumerate() {
        lark.push_str(if index > 0 { " | " } else { "" });
        if sequence.is_empty() {
            lark.push_str("\"\"");
        }
        for (index, part) in sequence.iter().enumerate() {
            lark.push_str(if index > 0 { " " } else { "" });
            write_part(lark, part, terminal);
        }
    }
}

fn write_part(lark: &mut String, part: &Part, terminal: &[bool]) {
    if part.repeats.iter().any(|repeat| repeat.1 == Some(0)) {
        lark.push_str("\"\"");
        return;
    }
    lark.extend(std::iter::repeat_n('(', part.repeats.len()));
    match &part.item {
        Item::Literal(text) => {
            let json = serde_json::Value::from(text.as_str()).to_string();
            // JSON allows it as it is, Lark does not.
            lark.push_str(&json.replace('\x7f', "\\u007f"));
        }
        Item::Character(regex) => {
            let _ = write!(lark, "/{regex}/");
        }
        Item::Rule(number) => lark.push_str(&name(*number, terminal)),
        Item::Group(choice) => {
            lark.push('(');
            write_choice(lark, choice, terminal);
            lark.push(')');
        }
    }
    for repeat in &part.repeats {
        let _ = match repeat {
            (0, None) => write!(lark, "*)"),
            (1, None) => write!(lark, "+)"),
            (0, Some(1)) => write!(lark, "?)"),
            (least, None) => write!(lark, "{{{least},}})"),
            (least, Some(most)) => write!(lark, "{{{least},{most}}})"),
        };
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    /// The numbers of rules by name, given at their first mention.
    numbers: HashMap<&'a str, usize>,
    rules: Vec<Option<Choice>>,
}

impl<'a> Parser<'a> {
    fn grammar(&mut self) -> Result<()> {
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

    fn choice(&mut self) -> Result<Choice> {
        let mut choice = vec![self.sequence()?];
        loop {
            let before = self.at;
            self.space(true);
            if !self.take("|") {
                // A line break that ends the rule is not for this to take.
                self.at = before;
                return Ok(choice);
            }
            self.space(true);
            choice.push(self.sequence()?);
        }
    }

    fn sequence(&mut self) -> Result<Vec<Part>> {
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

    fn item(&mut self) -> Result<Option<Item>> {
        Ok(Some(match self.rest().chars().next() {
            Some('"') => Item::Literal(self.literal()?),
            Some('[') => Item::Character(self.class()?),
            Some('.') => {
                self.at += 1;
                Item::Character("(?s:.)".into())
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

    fn literal(&mut self) -> Result<String> {
        self.at += 1;
        let mut text = String::new();
        while !self.take("\"") {
            text.push(self.character()?);
        }
        Ok(text)
    }

    /// `[…]` as a class of regular expressions.
    fn class(&mut self) -> Result<String> {
        self.at += 1;
        let mut class = String::from(if self.take("^") { "[^" } else { "[" });
        while !self.take("]") {
            let first = self.character()?;
            let _ = write!(class, "\\x{{{:x}}}", u32::from(first));
            if self.rest().starts_with("-]") || !self.take("-") {
                continue;
            }
            let last = self.character()?;
            if last < first {
                return Err("the range of a class ends before it begins".into());
            }
            let _ = write!(class, "-\\x{{{:x}}}", u32::from(last));
        }
        if class.ends_with(['[', '^']) {
            return Err("a class is empty".into());
        }
        class.push(']');
        Ok(class)
    }

    /// One character of a literal or class.
    fn character(&mut self) -> Result<char> {
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

    fn repeat(&mut self) -> Result<Option<(u32, Option<u32>)>> {
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
        // More than llguidance takes anyway.
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

    /// Skips blanks and comments, and line breaks where they mean nothing.
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
