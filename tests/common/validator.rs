//! A reader of schemas that has nothing in common with the grammars: it looks at finished values.
#![allow(dead_code, reason = "every test file uses another part of it")]

use crate::grammars::{accepts, vocabulary};
use nexttoken::constraint::{Kind, Vocabulary};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Whether a value fits a schema, for the keywords that the schemas here have.
pub struct Validator<'a> {
    root: &'a Value,
    vocabulary: Vocabulary,
}

impl<'a> Validator<'a> {
    pub fn new(root: &'a Value) -> Self {
        Validator {
            root,
            vocabulary: vocabulary(),
        }
    }

    pub fn allows(&self, value: &Value) -> bool {
        self.fits(value, self.root)
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        let Value::Object(keywords) = schema else {
            return schema == &Value::Bool(true);
        };
        keywords
            .iter()
            .all(|(keyword, rule)| self.holds(value, keyword, rule, keywords))
    }

    fn holds(
        &self,
        value: &Value,
        keyword: &str,
        rule: &Value,
        schema: &Map<String, Value>,
    ) -> bool {
        let list = || rule.as_array().unwrap().iter();
        let number = value.as_f64();
        let order = compared(value, rule);
        let bound = || rule.as_f64().unwrap();
        let length = value.as_str().map(|text| text.chars().count() as u64);
        let items = value.as_array();
        let members = value.as_object();
        match keyword {
            "$defs" => true,
            "$ref" => {
                let pointer = rule
                    .as_str()
                    .unwrap()
                    .trim_start_matches('#')
                    .replace("%25", "%");
                self.fits(value, self.root.pointer(&pointer).unwrap())
            }
            "not" => !self.fits(value, rule),
            "if" => {
                let keyword = if self.fits(value, rule) {
                    "then"
                } else {
                    "else"
                };
                schema
                    .get(keyword)
                    .is_none_or(|schema| self.fits(value, schema))
            }
            "then" | "else" | "minContains" | "maxContains" => true,
            "dependentRequired" => members.is_none_or(|members| {
                let mut rules = rule.as_object().unwrap().iter();
                rules.all(|(name, needed)| {
                    let mut needed = needed.as_array().unwrap().iter();
                    !members.contains_key(name)
                        || needed.all(|name| members.contains_key(name.as_str().unwrap()))
                })
            }),
            "dependentSchemas" => members.is_none_or(|members| {
                let mut rules = rule.as_object().unwrap().iter();
                rules.all(|(name, schema)| !members.contains_key(name) || self.fits(value, schema))
            }),
            "contains" => items.is_none_or(|items| {
                let bound = |keyword| schema.get(keyword).and_then(Value::as_u64);
                let count = items.iter().filter(|item| self.fits(item, rule)).count() as u64;
                count >= bound("minContains").unwrap_or(1)
                    && bound("maxContains").is_none_or(|most| count <= most)
            }),
            "unevaluatedProperties" => members.is_none_or(|members| {
                members.iter().all(|(name, inner)| {
                    let is_named = |schema: &Map<String, Value>| {
                        let named = schema.get("properties");
                        named.is_some_and(|named| named.get(name).is_some())
                    };
                    self.speaks(value, schema, &is_named) || self.fits(inner, rule)
                })
            }),
            "unevaluatedItems" => items.is_none_or(|items| {
                items.iter().enumerate().all(|(at, item)| {
                    let is_placed = |schema: &Map<String, Value>| {
                        let prefix = schema.get("prefixItems").and_then(Value::as_array);
                        prefix.is_some_and(|prefix| at < prefix.len())
                    };
                    self.speaks(value, schema, &is_placed) || self.fits(item, rule)
                })
            }),
            "allOf" => list().all(|schema| self.fits(value, schema)),
            "anyOf" => list().any(|schema| self.fits(value, schema)),
            "oneOf" => list().filter(|schema| self.fits(value, schema)).count() == 1,
            "const" => same(value, rule),
            "enum" => list().any(|one| same(value, one)),
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_of(value, name)),
                name => is_of(value, name),
            },
            "minimum" => order.is_none_or(Ordering::is_ge),
            "maximum" => order.is_none_or(Ordering::is_le),
            "exclusiveMinimum" => order.is_none_or(Ordering::is_gt),
            "exclusiveMaximum" => order.is_none_or(Ordering::is_lt),
            "multipleOf" => match (integer(value), integer(rule)) {
                (Some(value), Some(rule)) => value % rule == 0,
                _ => number.is_none_or(|number| (number / bound()).fract() == 0.0),
            },
            "minLength" => length.is_none_or(|length| length >= rule.as_u64().unwrap()),
            "maxLength" => length.is_none_or(|length| length <= rule.as_u64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| self.matches(rule, text)),
            "format" => value
                .as_str()
                .is_none_or(|text| rule != "date" || is_date(text)),
            "minItems" => items.is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => items.is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "uniqueItems" => items.is_none_or(|items| {
                items
                    .iter()
                    .enumerate()
                    .all(|(at, one)| items[..at].iter().all(|other| !same(one, other)))
            }),
            "prefixItems" => items.is_none_or(|items| {
                items
                    .iter()
                    .zip(list())
                    .all(|(item, schema)| self.fits(item, schema))
            }),
            "items" => items.is_none_or(|items| {
                let prefix = schema
                    .get("prefixItems")
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                items.iter().skip(prefix).all(|item| self.fits(item, rule))
            }),
            "required" => members.is_none_or(|members| {
                list().all(|name| members.contains_key(name.as_str().unwrap()))
            }),
            "minProperties" => {
                members.is_none_or(|members| members.len() as u64 >= rule.as_u64().unwrap())
            }
            "maxProperties" => {
                members.is_none_or(|members| members.len() as u64 <= rule.as_u64().unwrap())
            }
            "propertyNames" => members.is_none_or(|members| {
                members
                    .keys()
                    .all(|name| self.fits(&Value::from(name.as_str()), rule))
            }),
            "properties" => members.is_none_or(|members| {
                rule.as_object().unwrap().iter().all(|(name, schema)| {
                    members
                        .get(name)
                        .is_none_or(|value| self.fits(value, schema))
                })
            }),
            "patternProperties" => members.is_none_or(|members| {
                rule.as_object().unwrap().iter().all(|(pattern, schema)| {
                    let mut members = members.iter();
                    members.all(|(name, value)| {
                        !self.matches(&Value::from(pattern.as_str()), name)
                            || self.fits(value, schema)
                    })
                })
            }),
            "additionalProperties" => members.is_none_or(|members| {
                members.iter().all(|(name, value)| {
                    let named = schema
                        .get("properties")
                        .is_some_and(|named| named.get(name).is_some());
                    let patterns = schema.get("patternProperties").and_then(Value::as_object);
                    let mut patterns = patterns.into_iter().flat_map(Map::keys);
                    named
                        || patterns
                            .any(|pattern| self.matches(&Value::from(pattern.as_str()), name))
                        || self.fits(value, rule)
                })
            }),
            other => panic!("{other}"),
        }
    }

    /// Whether one of the schemas that the value fits in this place says something of a part of it. The schemas
    /// here have neither `additionalProperties` nor `items` beside what is unevaluated.
    fn speaks(
        &self,
        value: &Value,
        schema: &Map<String, Value>,
        says: &dyn Fn(&Map<String, Value>) -> bool,
    ) -> bool {
        let fitting = |inner: &Value| {
            self.fits(value, inner)
                && inner
                    .as_object()
                    .is_some_and(|inner| self.speaks(value, inner, says))
        };
        let branch = |condition: &Value| {
            let keyword = if self.fits(value, condition) {
                "then"
            } else {
                "else"
            };
            schema.get(keyword).is_some_and(&fitting)
        };
        let target = |reference: &Value| {
            let pointer = reference.as_str().unwrap().trim_start_matches('#');
            self.root.pointer(pointer).is_some_and(&fitting)
        };
        let lists = ["allOf", "anyOf", "oneOf"].into_iter();
        let mut lists = lists.filter_map(|keyword| schema.get(keyword)?.as_array());
        says(schema)
            || lists.any(|list| list.iter().any(&fitting))
            || schema
                .get("if")
                .is_some_and(|condition| fitting(condition) || branch(condition))
            || schema.get("$ref").is_some_and(target)
    }

    /// By the constraint for regular expressions, which is for whole texts.
    fn matches(&self, pattern: &Value, text: &str) -> bool {
        let pattern = pattern.as_str().unwrap();
        let head = if pattern.starts_with('^') {
            ""
        } else {
            "(?s:.*)"
        };
        let tail = if pattern.ends_with('$') {
            ""
        } else {
            "(?s:.*)"
        };
        let whole = format!(
            "{head}(?:{}){tail}",
            pattern.trim_start_matches('^').trim_end_matches('$')
        );
        let whole = whole.replace("\\d", "[0-9]").replace("\\w", "[0-9A-Za-z_]");
        let grammar = self.vocabulary.grammar(Kind::Regex, &whole).unwrap();
        accepts(&grammar, text)
    }
}

/// A number that is written as an integer, exactly.
fn integer(value: &Value) -> Option<i128> {
    let unsigned = value.as_u64().map(i128::from);
    unsigned.or_else(|| value.as_i64().map(i128::from))
}

/// How two numbers compare; `None` where one is none.
fn compared(one: &Value, other: &Value) -> Option<Ordering> {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn same(one: &Value, other: &Value) -> bool {
    compared(one, other).map_or_else(|| one == other, Ordering::is_eq)
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<u32> = text.split('-').map(|part| part.parse().unwrap()).collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=12).contains(&month) && (1..=days).contains(&day)
}
