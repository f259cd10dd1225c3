//! Which schemas the items of an array must fit, and how they follow each other.

use super::super::Reason;
use super::super::rules::{Alternative, Symbol};
use super::conjunction::{Conjunction, Flattened};
use llguidance::earley::{ParamExpr, ParamValue};
use serde_json::{Map, Value};

/// The schemas of the first items, and that of the others. Before draft 2020-12 these were `items` with a list, and
/// `additionalItems`.
pub(super) fn prefix(schema: &Map<String, Value>) -> Reason<(&[Value], Option<&Value>)> {
    match (schema.get("prefixItems"), schema.get("items")) {
        (Some(Value::Array(prefix)), rest) => Ok((prefix, rest)),
        (Some(_), _) => Err("\"prefixItems\" must be a list of schemas".into()),
        (None, Some(Value::Array(prefix))) => Ok((prefix, schema.get("additionalItems"))),
        (None, rest) => Ok((&[], rest)),
    }
}

/// The schemas that the item at `index` must fit.
pub(super) fn item<'a>(flat: &Flattened<'a>, index: usize) -> Reason<Conjunction<'a>> {
    let mut all = Conjunction::default();
    for schema in &flat.schemas {
        let (prefix, rest) = prefix(schema)?;
        if let Some(schema) = prefix.get(index).or(rest) {
            all.add(schema);
        }
    }
    let rules = flat.unevaluated("unevaluatedItems", |schema| {
        let (prefix, rest) = prefix(schema)?;
        Ok(index < prefix.len() || rest.is_some())
    })?;
    for rule in rules {
        all.add(rule);
    }
    Ok(all)
}

/// An array's "[" and its items from `start` on, with a parameter of 0.
pub fn opened(open: Symbol, start: Symbol) -> Alternative {
    Alternative::new(vec![
        (open, ParamExpr::Null),
        (start, ParamExpr::Const(ParamValue(0))),
    ])
}

/// A comma and the next items, with the same parameter.
pub fn another(comma: Symbol, start: Symbol) -> Alternative {
    Alternative::new(vec![(comma, ParamExpr::Null), (start, ParamExpr::SelfRef)])
}
