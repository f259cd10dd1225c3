//! The document of a schema: it resolves references, and owns the schemas that are generated from others.

use super::super::Reason;
use super::conjunction::{Conjunction, Reading, address};
use super::number::Decimal;
use super::object::members;
use serde_json::{Map, Number, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use typed_arena::Arena;

/// A document, with the schemas in it by name.
pub struct Document<'a> {
    root: &'a Value,
    id: &'a str,
    anchors: HashMap<&'a str, &'a Value>,
    /// How many schemas each `$dynamicAnchor` names.
    dynamic: HashMap<&'a str, usize>,
    /// Owns the schemas that are generated from others.
    made: &'a Arena<Value>,
    /// A cache of the options generated from a schema, by the schema's address and how it was read.
    known: RefCell<HashMap<(usize, Reading), Vec<Conjunction<'a>>>>,
    /// Scopes: the chains of schemas with an `unevaluated…` keyword that enclose a part. Each entry is the address of
    /// such a schema and the index of the scope around it; entry 0 is the empty scope.
    scopes: RefCell<Vec<(usize, usize)>>,
    /// How many schemas have been flattened so far.
    pub taken: Cell<usize>,
    /// A keyword whose negation cannot be expressed, so that options were left out.
    pub left_out: RefCell<Option<String>>,
    /// Numbers of the document that parsing has rounded, as they are after it.
    inexact: Vec<String>,
}

impl<'a> Document<'a> {
    pub fn new(root: &'a Value, source: &str, made: &'a Arena<Value>) -> Reason<Self> {
        let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        let mut document = Document {
            root,
            id: id.split('#').next().unwrap_or_default(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            made,
            known: RefCell::default(),
            scopes: RefCell::new(vec![(0, 0)]),
            taken: Cell::new(0),
            left_out: RefCell::default(),
            inexact: inexact(source),
        };
        document.find_names()?;
        Ok(document)
    }

    /// Collects the anchors of all schemas in the document.
    fn find_names(&mut self) -> Reason<()> {
        let mut open = vec![self.root];
        while let Some(value) = open.pop() {
            let Value::Object(schema) = value else {
                continue;
            };
            for (keyword, inner) in schema {
                match (keyword.as_str(), inner) {
                    ("$id", Value::String(_)) if !std::ptr::eq(value, self.root) => {
                        return Err("\"$id\" below the root is not supported".into());
                    }
                    ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                        self.anchors.insert(name, value);
                        if keyword == "$dynamicAnchor" {
                            *self.dynamic.entry(name).or_default() += 1;
                        }
                    }
                    (
                        "$defs" | "definitions" | "properties" | "patternProperties"
                        | "dependentSchemas" | "dependencies",
                        Value::Object(schemas),
                    ) => open.extend(schemas.values()),
                    ("const" | "enum" | "default" | "examples", _) => {}
                    (_, Value::Array(schemas)) => open.extend(schemas),
                    (_, inner) => open.push(inner),
                }
            }
        }
        Ok(())
    }

    /// The schema that a reference means, by a JSON pointer or an anchor in this document.
    fn target(&self, reference: &str) -> Reason<&'a Value> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !address.is_empty() && !self.is_own(address) {
            return Err(format!("\"{reference}\" is another document"));
        }
        let fragment = decoded(fragment).ok_or("a \"$ref\" has a wrong escape")?;
        let target = match fragment.is_empty() || fragment.starts_with('/') {
            true => self.root.pointer(&fragment),
            false => self.anchors.get(fragment.as_str()).copied(),
        };
        target.ok_or_else(|| format!("\"{reference}\" leads nowhere"))
    }

    /// Whether an address is the document's own: the same as its `$id`, or relative to it.
    fn is_own(&self, address: &str) -> bool {
        let folder = self.id.rfind('/').map_or(0, |slash| slash + 1);
        let host = self.id.find("://").and_then(|scheme| {
            let path = self.id[scheme + 3..].find('/')?;
            Some(scheme + 3 + path)
        });
        address == self.id
            || (!address.starts_with('/') && self.id[folder..] == *address)
            || host.is_some_and(|path| self.id[path..] == *address)
    }

    /// The scope of a schema within the scope `around`: a new one where the schema has an `unevaluated…` keyword.
    pub fn scope(&self, owner: &'a Map<String, Value>, around: usize) -> usize {
        let has = |keyword| owner.contains_key(keyword);
        if !has("unevaluatedProperties") && !has("unevaluatedItems") {
            return around;
        }
        let owner = address(owner);
        if self.owners(around).contains(&owner) {
            return around;
        }
        let mut scopes = self.scopes.borrow_mut();
        let known = scopes.iter().position(|scope| *scope == (owner, around));
        known.unwrap_or_else(|| {
            scopes.push((owner, around));
            scopes.len() - 1
        })
    }

    pub fn owners(&self, mut scope: usize) -> Vec<usize> {
        let scopes = self.scopes.borrow();
        let mut owners = Vec::new();
        while scope != 0 {
            let (owner, around) = scopes[scope];
            owners.push(owner);
            scope = around;
        }
        owners
    }

    /// Stores a generated schema.
    pub fn make(&self, schema: Value) -> &'a Value {
        self.made.alloc(schema)
    }

    /// The options that `make` generates from a schema. They are generated once, so that the same schema always has the
    /// same options, at the same addresses.
    pub fn options(
        &self,
        schema: &'a Value,
        how: Reading,
        make: impl FnOnce() -> Reason<Vec<Conjunction<'a>>>,
    ) -> Reason<Vec<Conjunction<'a>>> {
        let key = (address(schema), how);
        if let Some(known) = self.known.borrow().get(&key) {
            return Ok(known.clone());
        }
        let options = make()?;
        self.known.borrow_mut().insert(key, options.clone());
        Ok(options)
    }

    /// The schemas that `$ref` and `$dynamicRef` of a schema refer to.
    pub fn references(&self, schema: &'a Map<String, Value>) -> Reason<Vec<&'a Value>> {
        let mut targets = Vec::new();
        for keyword in ["$ref", "$dynamicRef"] {
            let Some(reference) = schema.get(keyword) else {
                continue;
            };
            let reference = reference
                .as_str()
                .ok_or_else(|| format!("\"{keyword}\" must be a string"))?;
            let name = reference.trim_start_matches('#');
            if keyword == "$dynamicRef" && self.dynamic.get(name).is_some_and(|count| *count > 1) {
                return Err(format!(
                    "\"{reference}\" has more than one \"$dynamicAnchor\""
                ));
            }
            targets.push(self.target(reference)?);
        }
        Ok(targets)
    }

    /// Refuses numbers that parsing has rounded, in keywords where they matter.
    pub fn check_numbers(&self, schema: &Map<String, Value>) -> Reason<()> {
        const NUMBERS: [&str; 7] = [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "const",
            "enum",
        ];
        if self.inexact.is_empty() {
            return Ok(());
        }
        let mut open: Vec<&Value> = NUMBERS
            .iter()
            .filter_map(|name| schema.get(*name))
            .collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Number(number) if self.inexact.contains(&number.to_string()) => {
                    return Err(format!("the number near {number} has too many digits"));
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The numbers of a JSON text that parsing rounds, as they are after it.
fn inexact(source: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    // Every second part of the text is within quotes, once escaped quotes are removed.
    let unescaped = source.replace("\\\\", "").replace("\\\"", "");
    for part in unescaped.split('"').step_by(2) {
        let literals = part.split(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        // Up to 15 digits a float is exact.
        for literal in literals.filter(|literal| literal.len() > 15) {
            let Ok(kept) = serde_json::from_str::<Number>(literal) else {
                continue;
            };
            let (written, kept) = (Decimal::read(literal), kept.to_string());
            if !matches!((written, Decimal::read(&kept)), (Ok(written), Ok(kept)) if written == kept)
            {
                numbers.push(kept);
            }
        }
    }
    numbers
}

/// The rules for objects that have a certain member: the names of others that are then required, or a schema.
pub fn dependents(schema: &Map<String, Value>) -> Reason<Vec<(&str, &Value)>> {
    let mut all = Vec::new();
    // Before draft 2019-09 both were the keyword `dependencies`.
    for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
        for (name, rule) in members(schema, keyword)? {
            let is_right = match (keyword, rule) {
                ("dependentSchemas", Value::Array(_)) => false,
                ("dependentRequired", rule) | (_, rule @ Value::Array(_)) => rule
                    .as_array()
                    .is_some_and(|names| names.iter().all(Value::is_string)),
                _ => true,
            };
            if !is_right {
                return Err(format!("\"{keyword}\" must have lists of names or schemas"));
            }
            all.push((name, rule));
        }
    }
    Ok(all)
}

/// The value of a keyword that is a list of schemas.
pub fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> Reason<&'a [Value]> {
    match schema.get(keyword) {
        None => Ok(&[]),
        Some(Value::Array(schemas)) if !schemas.is_empty() => Ok(schemas),
        Some(_) => Err(format!("\"{keyword}\" must be a list of schemas")),
    }
}

/// A fragment with its percent-encoding of RFC 3986 decoded.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
