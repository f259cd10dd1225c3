//! Duplicate names: no JSON object may have two members of the same name.
//!
//! A context-free grammar cannot remember names that it does not know in advance. So this small reader follows the JSON
//! text as it is being written, and tells of each token whether it would complete a name for the second time.

use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// The state of the reader. Clones share the sets of names until they change.
#[derive(Clone, Default)]
pub struct NameTracker {
    /// The names so far of each open object, the outermost first; an open array is `None`.
    open: Vec<Option<Arc<HashSet<String>>>>,
    /// Whether a string that begins here is the name of a member.
    expects_name: bool,
    /// Set within a string; for a name with its bytes so far, the opening quote included.
    string: Option<Option<Vec<u8>>>,
    escaped: bool,
}

impl NameTracker {
    /// Reads more of the text; false where a name is complete for the second time.
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
