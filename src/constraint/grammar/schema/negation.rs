//! `not`: the negation of a schema as a choice of other schemas.
//!
//! A value does not fit a schema if at least one of its keywords does not hold, so that each keyword gives options of
//! its own. Where the negation of a keyword cannot be expressed, its options are left out: fewer values can be written
//! then, but all of them are valid.

use super::super::Reason;
use super::conjunction::Conjunction;
use super::document::{Document, dependents, list};
use serde_json::{Map, Value, json};

/// Keywords of generated schemas. Their names begin with NUL, so that they do not collide with keywords of a document.
/// Each only narrows what is allowed.
pub const EXCEPT: &str = "\0except";
pub const FRACTION: &str = "\0fraction";
pub const NOT_MULTIPLE_OF: &str = "\0not multipleOf";
pub const NOT_PATTERN: &str = "\0not pattern";

/// The options of which one must fit if a schema of these keywords is not to fit.
pub fn options<'a>(
    document: &Document<'a>,
    schema: &'a Map<String, Value>,
) -> Reason<Vec<Conjunction<'a>>> {
    let mut options = Vec::new();
    let mut left_out = None;
    for (keyword, rule) in schema {
        let made = made(keyword, rule)?;
        options.extend(
            made.into_iter()
                .map(|made| Conjunction::one(document.make(made))),
        );
        match keyword.as_str() {
            "allOf" => {
                for schema in list(schema, keyword)? {
                    options.push(Conjunction::none_of(std::slice::from_ref(schema)));
                }
            }
            "anyOf" => options.push(Conjunction::none_of(list(schema, keyword)?)),
            "oneOf" => options.extend(none_or_two_of(list(schema, keyword)?)),
            "not" => options.push(Conjunction::one(rule)),
            "if" => options.extend(condition_not_kept(schema, rule)),
            keyword if cannot_be_negated(keyword, rule, schema) => left_out = Some(keyword),
            "items" => {
                let item = json!({ "type": "array", "contains": { "not": rule } });
                options.push(Conjunction::one(document.make(item)));
            }
            "contains" => {
                let items = json!({ "type": "array", "items": { "not": rule } });
                options.push(Conjunction::one(document.make(items)));
            }
            _ => {}
        }
    }
    for target in document.references(schema)? {
        options.push(Conjunction::none_of(std::slice::from_ref(target)));
    }
    options.extend(dependents_not_kept(document, schema)?);
    if let Some(keyword) = left_out {
        let left_out = &mut *document.left_out.borrow_mut();
        left_out.get_or_insert_with(|| keyword.to_owned());
    }
    Ok(options)
}

/// Whether no schema expresses that the rule of this keyword does not hold.
fn cannot_be_negated(keyword: &str, rule: &Value, schema: &Map<String, Value>) -> bool {
    match keyword {
        "additionalProperties"
        | "patternProperties"
        | "propertyNames"
        | "format"
        | "uniqueItems"
        | "additionalItems"
        | "unevaluatedProperties"
        | "unevaluatedItems" => true,
        "items" => rule.is_array() || schema.contains_key("prefixItems"),
        "contains" => schema.contains_key("minContains") || schema.contains_key("maxContains"),
        _ => false,
    }
}

/// The negation of `oneOf`: none of the schemas, or two of them.
fn none_or_two_of(schemas: &[Value]) -> Vec<Conjunction<'_>> {
    let mut options = vec![Conjunction::none_of(schemas)];
    for (index, one) in schemas.iter().enumerate() {
        let others = schemas[index + 1..].iter();
        options.extend(others.map(|other| Conjunction::one(one).and(&Conjunction::one(other))));
    }
    options
}

/// The negation of `if`: the condition without what `then` asks for, or neither the condition nor what `else` asks for.
fn condition_not_kept<'a>(
    schema: &'a Map<String, Value>,
    condition: &'a Value,
) -> Vec<Conjunction<'a>> {
    let mut options = Vec::new();
    if let Some(then) = schema.get("then") {
        let mut all = Conjunction::one(condition);
        all.add_not(then);
        options.push(all);
    }
    if let Some(other) = schema.get("else") {
        let mut all = Conjunction::default();
        all.add_not(condition);
        all.add_not(other);
        options.push(all);
    }
    options
}

/// The options for objects that have a member but not what its presence asks for.
fn dependents_not_kept<'a>(
    document: &Document<'a>,
    schema: &'a Map<String, Value>,
) -> Reason<Vec<Conjunction<'a>>> {
    let mut options = Vec::new();
    for (name, rule) in dependents(schema)? {
        let has = json!({ "type": "object", "required": [name] });
        let has = Conjunction::one(document.make(has));
        match rule {
            Value::Array(names) => {
                for other in names.iter().filter_map(Value::as_str) {
                    let without = json!({ "properties": { other: false } });
                    options.push(has.clone().and(&Conjunction::one(document.make(without))));
                }
            }
            rule => options.push(has.and(&Conjunction::none_of(std::slice::from_ref(rule)))),
        }
    }
    Ok(options)
}

/// The options for the negation of a single keyword, for those that do not depend on other keywords.
fn made(keyword: &str, rule: &Value) -> Reason<Vec<Value>> {
    let number = |keyword: &str| Ok(vec![json!({ "type": "number", keyword: rule })]);
    let whole = rule.as_u64();
    let more = |kind: &str, keyword: &str| {
        let more = whole.and_then(|count| count.checked_add(1));
        let more = more.map(|count| json!({ "type": kind, keyword: count }));
        Ok(more.into_iter().collect())
    };
    let fewer = |kind: &str, keyword: &str| {
        let fewer = whole.and_then(|count| count.checked_sub(1));
        let fewer = fewer.map(|count| json!({ "type": kind, keyword: count }));
        Ok(fewer.into_iter().collect())
    };
    match keyword {
        "type" => Ok(other_types(rule)),
        "const" => Ok(vec![json!({ EXCEPT: [rule] })]),
        "enum" => Ok(vec![json!({ EXCEPT: rule })]),
        "minimum" if rule.is_number() => number("exclusiveMaximum"),
        "maximum" if rule.is_number() => number("exclusiveMinimum"),
        "exclusiveMinimum" if rule.is_number() => number("maximum"),
        "exclusiveMaximum" if rule.is_number() => number("minimum"),
        "multipleOf" => number(NOT_MULTIPLE_OF),
        "minLength" => fewer("string", "maxLength"),
        "maxLength" => more("string", "minLength"),
        "pattern" => Ok(vec![json!({ "type": "string", NOT_PATTERN: rule })]),
        "minItems" => fewer("array", "maxItems"),
        "maxItems" => more("array", "minItems"),
        "minProperties" => fewer("object", "maxProperties"),
        "maxProperties" => more("object", "minProperties"),
        "required" => {
            let names = rule.as_array().into_iter().flatten();
            let names = names.filter_map(Value::as_str);
            Ok(names
                .map(|name| json!({ "type": "object", "properties": { name: false } }))
                .collect())
        }
        "properties" => {
            let one = |(name, schema): (&String, &Value)| json!({ "type": "object", "required": [name], "properties": { name: { "not": schema } } });
            let properties = rule.as_object().into_iter().flatten();
            Ok(properties.map(one).collect())
        }
        "prefixItems" => {
            let one = |(index, schema): (usize, &Value)| {
                let mut items = vec![Value::Bool(true); index];
                items.push(json!({ "not": schema }));
                json!({ "type": "array", "prefixItems": items, "minItems": index + 1 })
            };
            let items = rule.as_array().into_iter().flatten();
            Ok(items.enumerate().map(one).collect())
        }
        EXCEPT | FRACTION | NOT_MULTIPLE_OF | NOT_PATTERN => {
            Err("a name begins with the character 0".into())
        }
        _ => Ok(Vec::new()),
    }
}

/// The types that are not named. Where `integer` is named but not `number`, these include the numbers that are not
/// whole.
fn other_types(named: &Value) -> Vec<Value> {
    let has = |name: &str| match named {
        Value::Array(names) => names.iter().any(|one| one == name),
        one => one == name,
    };
    let names = ["null", "boolean", "string", "array", "object", "number"];
    let others: Vec<&str> = names
        .into_iter()
        .filter(|name| !has(name) && (*name != "number" || !has("integer")))
        .collect();
    let mut options = Vec::new();
    if !others.is_empty() {
        options.push(json!({ "type": others }));
    }
    if has("integer") && !has("number") {
        options.push(json!({ "type": "number", FRACTION: true }));
    }
    options
}
