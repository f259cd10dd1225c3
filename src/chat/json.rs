//! JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{Error, Result, Write};

/// Bytes of one text: values can hold one another many times over.
const MAX_BYTES: usize = 4 << 20;
/// Arrays and objects within each other.
const MAX_DEPTH: usize = 64;

/// `value` on one line, or with each level indented by so many spaces; `None` where it is too large, too
/// deep, or no JSON at all.
pub(super) fn write(value: &impl Serialize, indent: Option<usize>) -> Option<String> {
    let mut out = Limited(Vec::new());
    let layout = Layout {
        indent,
        depth: 0,
        filled: false,
    };
    let mut serializer = Serializer::with_formatter(&mut out, layout);
    value.serialize(&mut serializer).ok()?;
    String::from_utf8(out.0).ok()
}

/// Takes no more than [`MAX_BYTES`].
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(Error::other("too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Python's separators: a space after each colon, and after each comma that ends no line.
struct Layout {
    indent: Option<usize>,
    depth: usize,
    /// Whether the innermost array or object has an item.
    filled: bool,
}

impl Layout {
    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> Result<()> {
        self.depth += 1;
        self.filled = false;
        if self.depth > MAX_DEPTH {
            return Err(Error::other("too deep"));
        }
        out.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.filled = true;
        match (self.indent, first) {
            (None, true) => Ok(()),
            (None, false) => out.write_all(b", "),
            (Some(_), true) => self.line(out),
            (Some(_), false) => out.write_all(b",").and_then(|()| self.line(out)),
        }
    }

    fn line<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        out.write_all(b"\n")?;
        let spaces = self.indent.unwrap_or(0).saturating_mul(self.depth);
        (0..spaces).try_for_each(|_| out.write_all(b" "))
    }

    /// Python writes nothing between the brackets of what is empty.
    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> Result<()> {
        self.depth -= 1;
        // What it is in has an item: itself.
        if std::mem::replace(&mut self.filled, true) && self.indent.is_some() {
            self.line(out)?;
        }
        out.write_all(bracket)
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.item(out, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> Result<()> {
        out.write_all(b": ")
    }
}
