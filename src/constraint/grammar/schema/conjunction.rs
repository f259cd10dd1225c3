//! Conjunctions of schemas that must hold for the same value, and their flattened form.

use super::super::Reason;
use serde_json::{Map, Value};

/// A conjunction: schemas that a value must all fit.
#[derive(Debug, Clone, Default)]
pub struct Conjunction<'a>(pub Vec<Conjunct<'a>>);

/// One schema of a conjunction.
#[derive(Debug, Clone, Copy)]
pub struct Conjunct<'a> {
    pub schema: &'a Value,
    pub reading: Reading,
    /// The scope whose `unevaluated…` keywords take into account what this schema says of members and items; 0 for
    /// none. See `Document::scope`.
    pub scope: usize,
}

/// How a schema is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// A value must fit it.
    Whole,
    /// A value must fit its keywords, without its references and choices, which have been followed already.
    Plain,
    /// A value must not fit it.
    Not,
    /// It applies to objects that have a certain member.
    Dependent,
}

/// Identifies a conjunction by the addresses of its schemas: equal keys mean the same schemas.
pub type Key = Vec<(usize, Reading, usize)>;

impl<'a> Conjunction<'a> {
    pub fn one(schema: &'a Value) -> Self {
        let mut all = Conjunction::default();
        all.add(schema);
        all
    }

    pub fn add(&mut self, schema: &'a Value) {
        self.push(schema, Reading::Whole, 0);
    }

    pub fn add_not(&mut self, schema: &'a Value) {
        self.push(schema, Reading::Not, 0);
    }

    /// The conjunction of the negations: a value must fit none of these.
    pub fn none_of(schemas: &'a [Value]) -> Self {
        let mut all = Conjunction::default();
        for schema in schemas {
            all.add_not(schema);
        }
        all
    }

    pub fn and(mut self, other: &Conjunction<'a>) -> Self {
        self.0.extend(&other.0);
        self
    }

    pub fn push(&mut self, schema: &'a Value, reading: Reading, scope: usize) {
        self.0.push(Conjunct {
            schema,
            reading,
            scope,
        });
    }

    /// The negation, where the conjunction is a single schema.
    pub fn negated(&self) -> Option<Self> {
        let [part] = self.0[..] else {
            return None;
        };
        let mut not = Conjunction::default();
        not.add_not(part.schema);
        (part.reading == Reading::Whole).then_some(not)
    }

    pub fn key(&self) -> Key {
        let keys = self.0.iter().map(Conjunct::key);
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Conjunct<'_> {
    pub fn key(&self) -> (usize, Reading, usize) {
        (address(self.schema), self.reading, self.scope)
    }
}

/// The address of a schema, which identifies it.
pub fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

/// A flattened conjunction, its references followed.
#[derive(Default)]
pub struct Flattened<'a> {
    pub conjuncts: Vec<Conjunct<'a>>,
    /// The keywords of each schema; all of them hold.
    pub schemas: Vec<&'a Map<String, Value>>,
    /// For each of `schemas` the addresses of the schemas whose `unevaluated…` keywords take it into account.
    pub owners: Vec<Vec<usize>>,
    pub disjunctions: Vec<Disjunction<'a>>,
}

/// Options of which at least one, or exactly one, must fit.
pub struct Disjunction<'a> {
    pub options: Vec<Conjunction<'a>>,
    pub exactly_one: bool,
}

impl<'a> Flattened<'a> {
    /// The conjunction with its choices replaced by the given options.
    pub fn with(&self, options: &[&Conjunction<'a>]) -> Conjunction<'a> {
        let plain = self.conjuncts.iter().map(|part| Conjunct {
            reading: Reading::Plain,
            ..*part
        });
        let options = options.iter().flat_map(|option| option.0.iter().copied());
        Conjunction(plain.chain(options).collect())
    }

    /// The values of a keyword in all schemas that have it.
    pub fn all(&self, keyword: &str) -> impl Iterator<Item = &'a Value> {
        self.schemas
            .iter()
            .filter_map(move |schema| schema.get(keyword))
    }

    /// The schemas of an `unevaluated…` keyword that apply to a member or item: those whose owners have no schema in
    /// their scope that says anything of it. `says` tells whether a schema does, its own `unevaluated…` aside.
    pub fn unevaluated(
        &self,
        keyword: &str,
        says: impl Fn(&'a Map<String, Value>) -> Reason<bool>,
    ) -> Reason<Vec<&'a Value>> {
        let mut rules = Vec::new();
        for owner in &self.schemas {
            let Some(rule) = owner.get(keyword) else {
                continue;
            };
            let mut is_said = false;
            for (schema, owners) in self.schemas.iter().zip(&self.owners) {
                if owners.contains(&address(*owner)) {
                    let is_other = address(*owner) != address(*schema);
                    is_said |= says(schema)? || (is_other && schema.contains_key(keyword));
                }
            }
            rules.extend((!is_said).then_some(rule));
        }
        Ok(rules)
    }
}
