//! Flattens schemas that hold for the same value into one set of keywords.

use super::super::Reason;
use super::conjunction::{Conjunct, Conjunction, Disjunction, Flattened, Reading};
use super::document::{Document, dependents, list};
use super::negation;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

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

impl<'a> Document<'a> {
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
