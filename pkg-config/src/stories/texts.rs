//! The texts of the grammar, from `pkg-config/stories/`: plots, the phrases they share, and who may act in them.
//!
//! A file is a list of entries. A line `== title` begins one, a line that begins with `#` is a comment, and an empty
//! line separates paragraphs. Other line breaks are there for the reader: they count as a space, or as nothing beside
//! the `|` between alternatives.

use std::collections::HashMap;
use std::sync::LazyLock;

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../../stories/", $name, ".txt"))
    };
}

/// Which plot has which number follows from this order, and from that within the files.
const PLOTS: [&str; 5] = [
    text!("lost"),
    text!("friends"),
    text!("kindness"),
    text!("growing"),
    text!("journeys"),
];
const LISTS: [&str; 3] = [text!("phrases"), text!("words"), text!("cast")];

/// The templates of all plots.
pub(super) fn plots() -> &'static [String] {
    static TEMPLATES: LazyLock<Vec<String>> =
        LazyLock::new(|| PLOTS.into_iter().flat_map(entries).map(|it| it.1).collect());
    &TEMPLATES
}

/// The alternatives listed under a name, with `|` between them.
pub(super) fn list(name: &str) -> Option<&'static str> {
    lists().get(name).map(String::as_str)
}

fn lists() -> &'static HashMap<&'static str, String> {
    static ALTERNATIVES: LazyLock<HashMap<&str, String>> =
        LazyLock::new(|| LISTS.into_iter().flat_map(entries).collect());
    &ALTERNATIVES
}

/// The entries of a file: title, and text.
fn entries(file: &'static str) -> Vec<(&'static str, String)> {
    let mut entries: Vec<(&str, String)> = Vec::new();
    let mut paragraph_ends = false;
    for line in file.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("== ") {
            entries.push((title, String::new()));
        } else if let Some((_, text)) = entries.last_mut().filter(|_| !line.starts_with('#')) {
            match text.as_str() {
                _ if line.is_empty() => {}
                "" => {}
                _ if paragraph_ends => text.push_str("\n\n"),
                before if before.ends_with('|') || line.starts_with('|') => {}
                _ => text.push(' '),
            }
            text.push_str(line);
        }
        paragraph_ends = line.is_empty();
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_paired() {
        for template in plots().iter().chain(lists().values()) {
            let mut open = Vec::new();
            for c in template.chars() {
                match c {
                    '[' => open.push(']'),
                    '{' => open.push('}'),
                    '<' => open.push('>'),
                    ']' | '}' | '>' => assert_eq!(open.pop(), Some(c), "{template}"),
                    _ => {}
                }
            }
            assert!(open.is_empty(), "{template}");
        }
    }

    #[test]
    fn entries_are_joined_from_their_lines() {
        let file = "# Note\n\n== first\none|\ntwo\n   |three\nand four\n\nnext\n\n# Note\n== second\nfive\n";
        let second = ("second", "five".to_owned());
        let first = ("first", "one|two|three and four\n\nnext".to_owned());
        assert_eq!(entries(file), [first, second]);
    }

    #[test]
    fn titles_are_used_once() {
        let titles: usize = LISTS.into_iter().map(|file| entries(file).len()).sum();
        assert_eq!(titles, lists().len());
    }
}
