//! Checks of grammars in Lark syntax before llguidance reads them: it refuses `%json`, and chains of rules that are too
//! long.

use super::{Reason, depth};
use std::collections::HashMap;

/// Refuses too long chains of rules, and embedded schemas: the library's own translation of a schema lets through texts
/// that the schema does not allow.
pub fn check(source: &str) -> Reason<()> {
    if source.contains("%json") {
        return Err("%json is not supported (\"json_schema\" takes a schema)".into());
    }
    let rules = mentions(source);
    let numbers: HashMap<&str, usize> = rules
        .iter()
        .enumerate()
        .map(|(number, (name, _))| (*name, number))
        .collect();
    let edges: Vec<Vec<usize>> = rules
        .iter()
        .map(|(_, mentioned)| {
            let known = mentioned.iter().filter_map(|name| numbers.get(name));
            known.copied().collect()
        })
        .collect();
    // Terminals of `%ignore` are compiled before `start`, so that their references count as well.
    let is_first = |number: &usize| matches!(rules[*number].0, "" | "start");
    depth::check(&edges, (0..rules.len()).filter(is_first))
}

/// The rules and terminals, each with the names that are mentioned before the next one. Statements (`%…`), and what
/// comes before the first rule, have an empty name.
fn mentions(source: &str) -> Vec<(&str, Vec<&str>)> {
    let mut rules = vec![("", Vec::new())];
    let (mut rest, mut begins_line) = (source, true);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => quoted(rest, '"'),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' => quoted(rest, '/'),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if is_name(c) => {
                let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
                if begins_line && is_defined(&rest[name.len()..]) {
                    rules.push((name, Vec::new()));
                } else if let Some((_, mentioned)) = rules.last_mut() {
                    mentioned.push(name);
                }
                name.len()
            }
            '%' if begins_line => {
                rules.push(("", Vec::new()));
                1
            }
            c => c.len_utf8(),
        };
        // These may come before a name that is being defined.
        let is_before = c.is_whitespace() || matches!(c, '!' | '?');
        begins_line = c == '\n' || (begins_line && is_before);
        rest = &rest[length..];
    }
    rules
}

/// Whether the name before `after` is being defined: a colon follows, or a priority, parameter or attribute in between.
fn is_defined(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t']);
    after.starts_with([':', '[', '.', '{'])
}

/// The length of the literal that begins at `text` and ends with the next `quote`.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            // Neither strings nor expressions go beyond the end of a line.
            '\n' => return at,
            _ => {}
        }
    }
    text.len()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
