//! Bytes of tokens → text, as it grows: whole characters only, and nothing that may turn out to begin a stop string.

use crate::TokenId;
use crate::tokenizer::{TextDecoder, Tokenizer};

/// A character; or, from [`CONTROL`] on, a control token, which adds no text but can be part of a stop string. The
/// control tokens that mark a model's thinking do add text and are represented by its characters.
type Symbol = u32;

/// One more than the largest character. The symbol of a control token is this plus its id.
const CONTROL: Symbol = 0x11_0000;

/// The text of a generation: turns the bytes of tokens into text and ends it at stop strings.
#[derive(Default, Clone)]
pub(super) struct Text {
    decoder: TextDecoder,
    stop: Vec<Vec<Symbol>>,
    /// The end of the text so far that is held back, because it may begin a stop string.
    pending: Vec<Symbol>,
    /// Everything given out.
    written: String,
}

impl Text {
    /// A text that ends before the first of the `stop` strings, none of which is empty. Each is matched both as plain
    /// text and with the control tokens that it spells.
    pub fn new(stop: &[String], tokenizer: &Tokenizer) -> Self {
        let mut all = Vec::new();
        for stop in stop {
            let mut spelled = Vec::new();
            tokenizer.split_special(stop, |part, token| {
                spelled.extend(part.chars().map(Symbol::from));
                if let Some(id) = token {
                    match tokenizer.token_bytes(id) {
                        [] => spelled.push(CONTROL.saturating_add(id)),
                        bytes => spelled.extend(symbols(&String::from_utf8_lossy(bytes))),
                    }
                }
            });
            let plain: Vec<_> = symbols(stop).collect();
            if spelled != plain {
                all.push(spelled);
            }
            all.push(plain);
        }
        Self::ending(all)
    }

    fn ending(stop: Vec<Vec<Symbol>>) -> Self {
        Text {
            stop,
            ..Text::default()
        }
    }

    /// Clears the text; the stop strings stay.
    pub fn clear(&mut self) {
        let stop = std::mem::take(&mut self.stop);
        *self = Text::ending(stop);
    }

    /// Everything given out so far.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Takes a token and its bytes; a control token has none, unless it marks a model's thinking. Returns the text
    /// that they complete, and whether a stop string ends the text.
    pub fn push(&mut self, id: TokenId, bytes: &[u8]) -> (String, bool) {
        if !bytes.is_empty() {
            let new = self.decoder.push(bytes);
            return self.advance(&new);
        }
        self.pending.push(CONTROL.saturating_add(id));
        self.advance("")
    }

    /// Ends the text: returns what was held back (see [`Text::push`]).
    pub fn finish(&mut self) -> String {
        let cut_off = self.decoder.finish();
        let (mut text, stopped) = self.advance(&cut_off);
        if !stopped {
            text.push_str(&self.emit(self.pending.len()));
        }
        text
    }

    /// Takes more characters; returns what is now certain, and whether a stop string ends the text.
    fn advance(&mut self, new: &str) -> (String, bool) {
        self.pending.extend(symbols(new));
        let end = self.first_stop();
        let text = self.emit(end.unwrap_or_else(|| self.start_of_partial_match()));
        if end.is_some() {
            self.pending.clear();
        }
        (text, end.is_some())
    }

    /// Adds the first `count` of the pending symbols to the text and returns their characters.
    fn emit(&mut self, count: usize) -> String {
        let text: String = self
            .pending
            .drain(..count)
            .filter_map(char::from_u32)
            .collect();
        self.written.push_str(&text);
        text
    }

    /// The start of the stop string that is complete first (of several complete at once, the one that starts first).
    /// That way the result does not depend on the pieces in which a text arrives.
    fn first_stop(&self) -> Option<usize> {
        let found = self.stop.iter().filter_map(|stop| {
            (0..self.pending.len()).find_map(|start| {
                match match_prefix(stop, &self.pending[start..]) {
                    Some((matched, 0)) => Some((start + matched, start)),
                    _ => None,
                }
            })
        });
        found.min().map(|(_, start)| start)
    }

    /// Where the longest suffix of the pending symbols starts that may begin a stop string.
    fn start_of_partial_match(&self) -> usize {
        let begins = |at: &usize| {
            let pending = &self.pending[*at..];
            self.stop
                .iter()
                .any(|stop| match_prefix(stop, pending).is_some())
        };
        (0..self.pending.len())
            .find(begins)
            .unwrap_or(self.pending.len())
    }
}

/// Matches a stop string against `pending` from its first symbol on. Returns how many symbols match and how many of the
/// stop string are still missing; `None` where they differ. A control token that the stop string does not contain is
/// skipped.
fn match_prefix(stop: &[Symbol], pending: &[Symbol]) -> Option<(usize, usize)> {
    let (mut matched, mut left) = (0, stop);
    for symbol in pending {
        match left {
            [] => break,
            [next, others @ ..] if next == symbol => left = others,
            _ if matched > 0 && *symbol >= CONTROL && !stop.contains(symbol) => {}
            _ => return None,
        }
        matched += 1;
    }
    Some((matched, left.len()))
}

fn symbols(text: &str) -> impl Iterator<Item = Symbol> {
    text.chars().map(Symbol::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(stop: &[&str]) -> Text {
        Text::ending(stop.iter().map(|stop| symbols(stop).collect()).collect())
    }

    /// Pushes `pieces`, checks that the parts add up, and returns the text and whether it was stopped.
    fn run(stop: &[&str], pieces: &[&[u8]]) -> (String, bool) {
        let mut text = ending(stop);
        let mut parts = String::new();
        for piece in pieces {
            let (part, stopped) = text.push(0, piece);
            parts.push_str(&part);
            if stopped {
                assert_eq!(text.written(), parts);
                return (parts, true);
            }
        }
        parts.push_str(&text.finish());
        assert_eq!(text.written(), parts);
        (parts, false)
    }

    #[test]
    fn a_stop_string_ends_the_text_before_it() {
        assert_eq!(run(&["END"], &[b"one END two"]), ("one ".into(), true));
        assert_eq!(run(&["\n\n"], &[b"a\n", b"\nb"]), ("a".into(), true));
        assert_eq!(run(&["x"], &[b"x"]), ("".into(), true));
    }

    #[test]
    fn what_may_begin_a_stop_string_waits() {
        let mut text = ending(&["END", "<stop>"]);
        assert_eq!(text.push(0, b"so E"), ("so ".into(), false));
        assert_eq!(text.push(0, b"N"), ("".into(), false));
        assert_eq!(text.push(0, b"O"), ("ENO".into(), false));
        assert_eq!(text.push(0, b" <stop"), (" ".into(), false));
        assert_eq!(text.finish(), "<stop");
        assert_eq!(text.written(), "so ENO <stop");
    }

    #[test]
    fn a_false_start_can_hide_a_true_one() {
        assert_eq!(run(&["aab"], &[b"a", b"a", b"a", b"b"]), ("a".into(), true));
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = "abcabd äöü🙂 abcd x".as_bytes();
        for stop in [
            &["abcd", "bc"][..],
            &["abd"],
            &["ö"],
            &["🙂 a"],
            &["d x", " x"],
            &["none"],
            &[],
        ] {
            let whole = run(stop, &[text]);
            for size in 1..text.len() {
                let pieces: Vec<&[u8]> = text.chunks(size).collect();
                assert_eq!(run(stop, &pieces), whole, "{stop:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn half_a_character_waits_and_a_broken_one_is_marked() {
        let mut text = ending(&[]);
        assert_eq!(text.push(0, &[0xF0, 0x9F]), ("".into(), false));
        assert_eq!(text.push(0, &[0x99, 0x82]), ("🙂".into(), false));
        assert_eq!(text.push(0, &[0xC3]), ("".into(), false));
        assert_eq!(text.finish(), "\u{FFFD}");
    }

    /// Stop strings of text and the control token 7, which the text does not show.
    #[test]
    fn control_tokens_stand_in_stop_strings() {
        let control = CONTROL + 7;
        let turn: Vec<_> = symbols("\n")
            .chain([control])
            .chain(symbols("user"))
            .collect();
        let mut text = Text::ending(vec![turn, symbols("END").collect()]);
        let mut push = |id, bytes: &[u8]| text.push(id, bytes);
        assert_eq!(push(0, b"so\n"), ("so".into(), false));
        assert_eq!(push(7, b""), ("".into(), false));
        assert_eq!(push(0, b"use"), ("".into(), false));
        // It was no stop string after all; the control token adds no text.
        assert_eq!(push(0, b"less\n"), ("\nuseless".into(), false));
        assert_eq!(push(8, b""), ("".into(), false));
        assert_eq!(push(0, b"E"), ("\n".into(), false));
        // A control token that no stop string contains does not interrupt a match.
        assert_eq!(push(7, b""), ("".into(), false));
        assert_eq!(push(0, b"N\n"), ("EN".into(), false));
        assert_eq!(push(7, b""), ("".into(), false));
        assert_eq!(push(0, b"users"), ("".into(), true));
        assert_eq!(text.written(), "so\nuseless\nEN");
    }

    /// A control token that is part of one stop string does not keep another from matching the text around it.
    #[test]
    fn a_control_token_of_one_stop_string_is_none_of_another() {
        let spelled = |control| -> Vec<Symbol> {
            let around = symbols("E").chain([CONTROL + control]);
            around.chain(symbols("X")).collect()
        };
        let stop = vec![spelled(7), spelled(8), symbols("END").collect()];
        for controls in [&[7][..], &[8, 7], &[7, 7, 9], &[9]] {
            let mut text = Text::ending(stop.clone());
            assert_eq!(text.push(0, b"so E"), ("so ".into(), false));
            for control in controls {
                assert_eq!(text.push(*control, b""), ("".into(), false));
            }
            let mut other = text.clone();
            assert_eq!(text.push(0, b"N"), ("".into(), false));
            assert_eq!(text.push(7, b""), ("".into(), false));
            assert_eq!(text.push(0, b"D"), ("".into(), true));
            assert_eq!(text.written(), "so ");
            assert_eq!(other.push(0, b"NO"), ("ENO".into(), false));
        }
        for controls in [&[7][..], &[8], &[9, 8], &[7, 8]] {
            let mut text = Text::ending(stop.clone());
            text.push(0, b"E");
            for control in controls {
                text.push(*control, b"");
            }
            assert_eq!(text.push(0, b"X"), ("".into(), true), "{controls:?}");
        }
    }
}
