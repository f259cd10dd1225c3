//! The document of a schema: it resolves references, and flattens schemas that hold for the same value into one set of
//! keywords.

use super::super::Reason;
use super::conjunction::{Conjunct, Conjunction, Disjunction, Flattened, Reading, address};
use super::negation;
use super::number::Decimal;
use super::object::members;
use serde_json::{Map, Number, Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use typed_arena::Arena;

/// Keywords of JSON Schema that are not supported. Unknown others are annotations, as the specification says.
const UNSUPPORTED: [&str; 6] = [
    "$recursiveRef",
    "disallow",
    "divisibleBy",
    "extends",
    "propertyDependencies",
    "$data",
];

/// The most schemas that are flattened for one value, and for all values together; the latter takes seconds.
const MAX_PARTS: usize = 1000;
const MAX_TAKEN: usize = 400_000;

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
    taken: Cell<usize>,
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
    fn scope(&self, owner: &'a Map<String, Value>, around: usize) -> usize {
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

    fn owners(&self, mut scope: usize) -> Vec<usize> {
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
    fn options(
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

    /// Flattens schemas that all hold for one value: follows references, `allOf` and `not`, and collects the choices.
    /// `None` where it is evident that no value fits; it may be `Some` even if none does.
    pub fn flat(&self, all: &Conjunction<'a>) -> Reason<Option<Flattened<'a>>> {
        let mut flat = Flattened::default();
        let mut open: Vec<Conjunct> = all.0.iter().rev().copied().collect();
        let mut seen = HashSet::new();
        while let Some(part) = open.pop() {
            if !seen.insert(part.key()) {
                continue;
            }
            self.taken.set(self.taken.get() + 1);
            if seen.len() > MAX_PARTS || self.taken.get() > MAX_TAKEN {
                return Err("too many schemas are taken together".into());
            }
            let never = Value::Bool(part.reading == Reading::Not);
            let schema = match part.schema {
                Value::Bool(_) if *part.schema == never => return Ok(None),
                Value::Bool(_) => continue,
                Value::Object(schema) => schema,
                _ => return Err("a schema must be an object, true or false".into()),
            };
            if let Some(keyword) = schema
                .keys()
                .find(|key| UNSUPPORTED.contains(&key.as_str()))
            {
                return Err(format!("the keyword \"{keyword}\" is not supported"));
            }
            self.check_numbers(schema)?;
            if part.reading == Reading::Not {
                let make = || negation::options(self, schema);
                let mut options = self.options(part.schema, Reading::Not, make)?;
                match options.len() {
                    0 => return Ok(None),
                    1 => open.extend(options.remove(0).0),
                    _ => flat.disjunctions.push(Disjunction {
                        options,
                        exactly_one: false,
                    }),
                }
                continue;
            }
            let scope = self.scope(schema, part.scope);
            flat.conjuncts.push(Conjunct { scope, ..part });
            flat.schemas.push(schema);
            flat.owners.push(self.owners(scope));
            if part.reading == Reading::Whole {
                self.apply(schema, scope, &mut open, &mut flat.disjunctions)?;
            }
        }
        Ok(Some(flat))
    }

    /// Adds what a schema refers to, to `open`, and the choices that it has.
    fn apply(
        &self,
        schema: &'a Map<String, Value>,
        scope: usize,
        open: &mut Vec<Conjunct<'a>>,
        choices: &mut Vec<Disjunction<'a>>,
    ) -> Reason<()> {
        let mut all = Conjunction::default();
        for schema in list(schema, "allOf")?.iter().rev() {
            all.push(schema, Reading::Whole, scope);
        }
        for target in self.references(schema)? {
            all.push(target, Reading::Whole, scope);
        }
        if let Some(schema) = schema.get("not") {
            all.add_not(schema);
        }
        open.extend(all.0);
        for (keyword, exactly_one) in [("anyOf", false), ("oneOf", true)] {
            if schema.contains_key(keyword) {
                let options = list(schema, keyword)?.iter().map(|schema| {
                    let mut option = Conjunction::default();
                    option.push(schema, Reading::Whole, scope);
                    option
                });
                choices.push(Disjunction {
                    options: options.collect(),
                    exactly_one,
                });
            }
        }
        let mut either = |options| {
            choices.push(Disjunction {
                options,
                exactly_one: false,
            });
        };
        if let Some(options) = conditional(schema, scope) {
            either(options);
        }
        for (name, rule) in dependents(schema)? {
            either(self.dependent(name, rule, scope)?);
        }
        Ok(())
    }

    /// The two options where a member `name` asks for others, or for a schema: objects without it, and those with it
    /// that fit `rule`.
    fn dependent(&self, name: &str, rule: &'a Value, scope: usize) -> Reason<Vec<Conjunction<'a>>> {
        let make = || {
            let without = json!({ "properties": { name: false } });
            let mut with = json!({ "type": "object", "required": [name] });
            if let Value::Array(names) = rule {
                with["required"] = names.iter().cloned().chain([name.into()]).collect();
            }
            let (without, with) = (self.make(without), self.make(with));
            Ok(vec![Conjunction::one(without), Conjunction::one(with)])
        };
        let mut options = self.options(rule, Reading::Dependent, make)?;
        if !rule.is_array() {
            options[1].push(rule, Reading::Whole, scope);
        }
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
    fn check_numbers(&self, schema: &Map<String, Value>) -> Reason<()> {
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

/// The two options of `if`: the condition with `then`, or its negation with `else`; `None` where they do not matter.
fn conditional<'a>(schema: &'a Map<String, Value>, scope: usize) -> Option<Vec<Conjunction<'a>>> {
    let condition = schema.get("if")?;
    let (mut yes, mut no) = (Conjunction::default(), Conjunction::default());
    yes.push(condition, Reading::Whole, scope);
    no.add_not(condition);
    let outcomes = [(&mut yes, "then"), (&mut no, "else")];
    let mut matters = scope != 0;
    for (all, keyword) in outcomes {
        if let Some(outcome) = schema.get(keyword) {
            all.push(outcome, Reading::Whole, scope);
            matters = true;
        }
    }
    matters.then(|| vec![yes, no])
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
