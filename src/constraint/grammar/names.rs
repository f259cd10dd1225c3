//! Names of members that came before: no object may have one twice.
//!
//! A grammar cannot remember names it does not know, so they are watched beside it: a reader of the JSON that is
//! being written, which tells of each token whether a name would come a second time with it.

use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Where in a JSON text the reader stands. Copies share the names until they change.
#[derive(Clone, Default)]
pub struct Names {
    /// The objects and arrays around, the outermost first; an array has no names.
    open: Vec<Option<Arc<HashSet<String>>>>,
    /// Whether a string that begins now is a name.
    expects_name: bool,
    /// Within a string: what it is so far, with its quote, if it is a name.
    string: Option<Option<Vec<u8>>>,
    escaped: bool,
}

impl Names {
    /// Reads on; false where a name comes twice.
    pub fn read(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| self.step(byte))
    }

    fn step(&mut self, byte: u8) -> bool {
        if self.string.is_some() {
            return self.step_in_string(byte);
        }
        match byte {
            b'"' => self.string = Some(self.expects_name.then(|| vec![byte])),
            b'{' => {
                self.open.push(Some(Arc::default()));
                self.expects_name = true;
            }
            b'[' => {
                self.open.push(None);
                self.expects_name = false;
            }
            b'}' | b']' => {
                self.open.pop();
                self.expects_name = false;
            }
            b',' => self.expects_name = matches!(self.open.last(), Some(Some(_))),
            b':' => self.expects_name = false,
            _ => {}
        }
        true
    }

    fn step_in_string(&mut self, byte: u8) -> bool {
        if let Some(Some(name)) = &mut self.string {
            name.push(byte);
        }
        if std::mem::take(&mut self.escaped) {
            return true;
        }
        if byte != b'"' {
            self.escaped = byte == b'\\';
            return true;
        }
        let name = self.string.take().flatten();
        let (Some(name), Some(Some(names))) = (name, self.open.last_mut()) else {
            return true;
        };
        match serde_json::from_slice(&name) {
            Ok(Value::String(name)) => Arc::make_mut(names).insert(name),
            _ => true,
        }
    }
}
