//! The document a schema stands in: what its references mean, and what of it is taken together.

use super::super::Reason;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The keywords of JSON Schema that are not supported; others unknown are remarks, as the specification says.
const UNSUPPORTED: [&str; 19] = [
    "$dynamicRef",
    "$recursiveRef",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "disallow",
    "divisibleBy",
    "else",
    "extends",
    "if",
    "maxContains",
    "minContains",
    "not",
    "propertyDependencies",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$data",
];

/// The most schemas that are taken together in one place.
const MAX_PARTS: usize = 1000;

/// Schemas by name, and what they are in.
pub struct Document<'a> {
    root: &'a Value,
    id: &'a str,
    anchors: HashMap<&'a str, &'a Value>,
}

/// Schemas a value must fit, all of them.
#[derive(Debug, Clone, Default)]
pub struct All<'a>(Vec<Part<'a>>);

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    schema: &'a Value,
    /// Without what it refers to and chooses from, because that has been seen to.
    plain: bool,
}

/// Schemas by where they stand in the document: equal for the same ones.
pub type Key = Vec<(usize, bool)>;

impl<'a> All<'a> {
    pub fn one(schema: &'a Value) -> Self {
        let mut all = All::default();
        all.add(schema);
        all
    }

    pub fn add(&mut self, schema: &'a Value) {
        self.0.push(Part {
            schema,
            plain: false,
        });
    }

    pub fn key(&self) -> Key {
        let keys = self.0.iter().map(Part::key);
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Part<'_> {
    fn key(&self) -> (usize, bool) {
        (std::ptr::from_ref(self.schema) as usize, self.plain)
    }
}

/// What schemas say together, their references followed.
#[derive(Default)]
pub struct Flat<'a> {
    values: Vec<&'a Value>,
    /// Objects of keywords, all of which hold.
    pub schemas: Vec<&'a Map<String, Value>>,
    pub choices: Vec<Choice<'a>>,
}

/// Schemas of which one must fit, or exactly one.
pub struct Choice<'a> {
    pub options: &'a [Value],
    pub exactly_one: bool,
}

impl<'a> Flat<'a> {
    /// The same without its choices, but with one option of each.
    pub fn with(&self, options: &[&'a Value]) -> All<'a> {
        let schemas = self.values.iter().map(|schema| Part {
            schema,
            plain: true,
        });
        let options = options.iter().map(|schema| Part {
            schema,
            plain: false,
        });
        All(schemas.chain(options).collect())
    }

    /// The values of a keyword.
    pub fn all(&self, keyword: &str) -> impl Iterator<Item = &'a Value> {
        self.schemas
            .iter()
            .filter_map(move |schema| schema.get(keyword))
    }
}

impl<'a> Document<'a> {
    pub fn new(root: &'a Value) -> Reason<Self> {
        let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        let mut document = Document {
            root,
            id: id.split('#').next().unwrap_or_default(),
            anchors: HashMap::new(),
        };
        document.find_names()?;
        Ok(document)
    }

    /// Goes through all schemas below the root for the names they give themselves.
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
                    }
                    (
                        "$defs" | "definitions" | "properties" | "patternProperties",
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

    /// What a reference means: a JSON pointer or an anchor in this document.
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

    /// Whether an address, as it stands or beside the document's own, is that of the document.
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

    /// Takes schemas together; `None` where one of them is `false`.
    pub fn flat(&self, all: &All<'a>) -> Reason<Option<Flat<'a>>> {
        let mut flat = Flat::default();
        let mut open: Vec<Part> = all.0.iter().rev().copied().collect();
        let mut seen = HashSet::new();
        while let Some(part) = open.pop() {
            if !seen.insert(part.key()) {
                continue;
            }
            if seen.len() > MAX_PARTS {
                return Err("too many schemas are taken together".into());
            }
            let schema = match part.schema {
                Value::Bool(true) => continue,
                Value::Bool(false) => return Ok(None),
                Value::Object(schema) => schema,
                _ => return Err("a schema must be an object, true or false".into()),
            };
            if let Some(keyword) = schema
                .keys()
                .find(|key| UNSUPPORTED.contains(&key.as_str()))
            {
                return Err(format!("the keyword \"{keyword}\" is not supported"));
            }
            flat.values.push(part.schema);
            flat.schemas.push(schema);
            if part.plain {
                continue;
            }
            let mut add = |schema| {
                open.push(Part {
                    schema,
                    plain: false,
                });
            };
            for schema in list(schema, "allOf")?.iter().rev() {
                add(schema);
            }
            if let Some(reference) = schema.get("$ref") {
                let reference = reference.as_str().ok_or("\"$ref\" must be a string")?;
                add(self.target(reference)?);
            }
            for (keyword, exactly_one) in [("anyOf", false), ("oneOf", true)] {
                if schema.contains_key(keyword) {
                    flat.choices.push(Choice {
                        options: list(schema, keyword)?,
                        exactly_one,
                    });
                }
            }
        }
        Ok(Some(flat))
    }
}

/// The schemas of a keyword that has a list of them.
fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> Reason<&'a [Value]> {
    match schema.get(keyword) {
        None => Ok(&[]),
        Some(Value::Array(schemas)) if !schemas.is_empty() => Ok(schemas),
        Some(_) => Err(format!("\"{keyword}\" must be a list of schemas")),
    }
}

/// Percent signs read as RFC 3986 has them.
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
