//! A reader of schemas that has nothing in common with the grammars: it looks at finished values.
#![allow(dead_code, reason = "every test file uses another part of it")]

use nexttoken::TokenId;
use nexttoken::constraint::{Kind, Rule, Vocabulary};
use serde_json::{Map, Value};

/// Ends a text.
pub const END: TokenId = 256;

/// Each byte, and a token that ends a text.
pub fn vocabulary() -> Vocabulary {
    let mut table = Vec::new();
    for byte in 0..=255u8 {
        table.extend(1u32.to_le_bytes());
        table.push(byte);
    }
    table.extend(u32::MAX.to_le_bytes());
    Vocabulary::new(&table).unwrap()
}

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
            "allOf" => list().all(|schema| self.fits(value, schema)),
            "anyOf" => list().any(|schema| self.fits(value, schema)),
            "oneOf" => list().filter(|schema| self.fits(value, schema)).count() == 1,
            "const" => same(value, rule),
            "enum" => list().any(|one| same(value, one)),
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_of(value, name)),
                name => is_of(value, name),
            },
            "minimum" => number.is_none_or(|number| number >= bound()),
            "maximum" => number.is_none_or(|number| number <= bound()),
            "exclusiveMinimum" => number.is_none_or(|number| number > bound()),
            "exclusiveMaximum" => number.is_none_or(|number| number < bound()),
            "multipleOf" => number.is_none_or(|number| (number / bound()).fract() == 0.0),
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
        let ids: Vec<TokenId> = text.bytes().map(TokenId::from).collect();
        let written = (0..ids.len()).all(|end| {
            let mask = grammar.next(&ids[..end]);
            mask.is_ok_and(|mask| mask.is_some_and(|mask| mask.allows(ids[end])))
        });
        written
            && grammar
                .next(&ids)
                .is_ok_and(|mask| mask.is_none_or(|mask| mask.allows(END)))
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
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
