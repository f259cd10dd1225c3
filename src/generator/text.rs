//! The text as it grows: whole characters only, and nothing that may yet turn out to be a stop string.

use crate::tokenizer::TextDecoder;

/// Bytes of tokens in, text out.
#[derive(Default, Clone)]
pub(super) struct Text {
    decoder: TextDecoder,
    stop: Vec<String>,
    /// The end of the text so far, which is also the beginning of a stop string.
    held: String,
    /// Everything given out.
    written: String,
}

impl Text {
    /// A text that ends before the first of the `stop` strings (none of them empty).
    pub fn new(stop: Vec<String>) -> Self {
        Text {
            stop,
            ..Text::default()
        }
    }

    /// Begins anew, with the same stop strings.
    pub fn clear(&mut self) {
        let stop = std::mem::take(&mut self.stop);
        *self = Text::new(stop);
    }

    /// Everything given out so far.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Takes the bytes of a token; returns the text they complete, and whether a stop string ends it.
    pub fn push(&mut self, bytes: &[u8]) -> (String, bool) {
        let new = self.decoder.push(bytes);
        self.take(&new)
    }

    /// Says that nothing follows; returns what was held back (see [`Text::push`]).
    pub fn finish(&mut self) -> String {
        let cut_off = self.decoder.finish();
        let (mut text, stopped) = self.take(&cut_off);
        if !stopped {
            self.written.push_str(&self.held);
            text.push_str(&self.held);
            self.held.clear();
        }
        text
    }

    fn take(&mut self, new: &str) -> (String, bool) {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(new);
        let end = first_stop(&text, &self.stop);
        match end {
            Some(start) => text.truncate(start),
            None => self.held = text.split_off(undecided(&text, &self.stop)),
        }
        self.written.push_str(&text);
        (text, end.is_some())
    }
}

/// Where the stop string begins that is the first to be complete (of several, the one that begins first):
/// so the pieces in which a text arrives make no difference.
fn first_stop(text: &str, stop: &[String]) -> Option<usize> {
    let found = stop.iter().filter_map(|stop| {
        let start = text.find(stop.as_str())?;
        Some((start + stop.len(), start))
    });
    found.min().map(|(_, start)| start)
}

/// Where the longest end of `text` begins that is the beginning of a stop string.
fn undecided(text: &str, stop: &[String]) -> usize {
    let longest = stop.iter().map(String::len).max().unwrap_or(0);
    let earliest = text.len().saturating_sub(longest.saturating_sub(1));
    text.char_indices()
        .map(|(index, _)| index)
        .filter(|&index| index >= earliest)
        .find(|&index| stop.iter().any(|stop| stop.starts_with(&text[index..])))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `pieces`, checks that the parts add up, and returns the text and whether it was stopped.
    fn run(stop: &[&str], pieces: &[&[u8]]) -> (String, bool) {
        let mut text = Text::new(stop.iter().map(|&stop| stop.into()).collect());
        let mut parts = String::new();
        for piece in pieces {
            let (part, stopped) = text.push(piece);
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
        let mut text = Text::new(vec!["END".into(), "<stop>".into()]);
        assert_eq!(text.push(b"so E"), ("so ".into(), false));
        assert_eq!(text.push(b"N"), ("".into(), false));
        assert_eq!(text.push(b"O"), ("ENO".into(), false));
        assert_eq!(text.push(b" <stop"), (" ".into(), false));
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
        let mut text = Text::new(vec![]);
        assert_eq!(text.push(&[0xF0, 0x9F]), ("".into(), false));
        assert_eq!(text.push(&[0x99, 0x82]), ("🙂".into(), false));
        assert_eq!(text.push(&[0xC3]), ("".into(), false));
        assert_eq!(text.finish(), "\u{FFFD}");
    }
}
