//! `anyOf`, `oneOf` and other keywords that amount to a choice between schemas.

use super::super::Reason;
use super::super::rules::Symbol;
use super::conjunction::{Conjunction, Disjunction, Flattened};
use super::values::{Types, equal, values};
use super::{Compiler, has_any, object};
use serde_json::Value;

/// The most combinations of options, where several choices hold at once.
const MAX_COMBINATIONS: usize = 256;

/// How deep two schemas are compared to show that no value fits both.
const MAX_COMPARED: usize = 8;

impl<'a> Compiler<'a> {
    /// Adds an alternative for each combination of one option from every choice.
    pub(super) fn choose(&mut self, flat: &Flattened<'a>, symbol: Symbol) -> Reason<()> {
        let mut combinations = vec![Conjunction::default()];
        for choice in &flat.disjunctions {
            let mut options = Vec::new();
            for option in self.exclusive(flat, choice)? {
                if self.may_fit(&flat.with(&[&option]))? {
                    options.push(option);
                }
            }
            if combinations.len() * options.len() > MAX_COMBINATIONS {
                return Err("there are too many combinations of \"anyOf\" and \"oneOf\"".into());
            }
            let longer = combinations.iter().flat_map(|combination| {
                options.iter().map(|option| combination.clone().and(option))
            });
            combinations = longer.collect();
        }
        for combination in combinations {
            let option = self.symbol(flat.with(&[&combination]))?;
            self.rules.add(symbol, vec![option]);
        }
        Ok(())
    }

    /// Whether some value may fit, judged by listed values and types only.
    fn may_fit(&self, all: &Conjunction<'a>) -> Reason<bool> {
        let Some(flat) = self.document.flat(all)? else {
            return Ok(false);
        };
        let types = Types::of(&flat)?;
        Ok(match values(&flat)? {
            Some(values) => values.iter().any(|value| types.has(value)),
            None => !types.is_none(),
        })
    }

    /// The options of a choice. For `oneOf`, options that might fit the same values are each narrowed by the negation
    /// of the other.
    fn exclusive(
        &self,
        flat: &Flattened<'a>,
        choice: &Disjunction<'a>,
    ) -> Reason<Vec<Conjunction<'a>>> {
        let mut options = choice.options.clone();
        if !choice.exactly_one {
            return Ok(options);
        }
        for (index, one) in choice.options.iter().enumerate() {
            for (other_index, other) in choice.options.iter().enumerate().skip(index + 1) {
                if self.exclude(&flat.with(&[one]), &flat.with(&[other]), MAX_COMPARED)? {
                    continue;
                }
                let (Some(not_one), Some(not_other)) = (one.negated(), other.negated()) else {
                    return Err(format!(
                        "options {index} and {other_index} of \"oneOf\" may both fit (\"anyOf\" allows it)"
                    ));
                };
                options[index] = std::mem::take(&mut options[index]).and(&not_other);
                options[other_index] = std::mem::take(&mut options[other_index]).and(&not_one);
            }
        }
        Ok(options)
    }

    /// Whether it is certain that no value fits both.
    fn exclude(
        &self,
        one: &Conjunction<'a>,
        other: &Conjunction<'a>,
        depth: usize,
    ) -> Reason<bool> {
        let (Some(one), Some(other)) = (self.document.flat(one)?, self.document.flat(other)?)
        else {
            return Ok(true);
        };
        if depth == 0 {
            return Ok(false);
        }
        // Two schemas exclude each other where one has a choice and each of its options excludes the other schema.
        for (flat, against) in [(&one, &other), (&other, &one)] {
            if let Some(choice) = flat.disjunctions.first() {
                let against = against.with(&[]);
                for option in &choice.options {
                    if !self.exclude(&flat.with(&[option]), &against, depth - 1)? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
        }
        let (types, other_types) = (Types::of(&one)?, Types::of(&other)?);
        if let (Some(values), Some(others)) = (values(&one)?, values(&other)?) {
            let shared = values
                .iter()
                .any(|one| others.iter().any(|other| equal(one, other)));
            return Ok(!shared);
        }
        let both = types.and(&other_types);
        for values in [values(&one)?, values(&other)?].into_iter().flatten() {
            if !values.iter().any(|value| both.has(value)) {
                return Ok(true);
            }
        }
        if both.is_only_object() {
            return self.exclude_objects(&one, &other, depth - 1);
        }
        Ok(both.is_none())
    }

    /// Whether two objects exclude each other: one of them requires a member that cannot fit both schemas.
    fn exclude_objects(
        &self,
        one: &Flattened<'a>,
        other: &Flattened<'a>,
        depth: usize,
    ) -> Reason<bool> {
        let required = one.all("required").chain(other.all("required"));
        let names: Vec<&str> = required
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for name in names {
            let has_pattern =
                |flat: &Flattened| has_any(flat, &["patternProperties", "unevaluatedProperties"]);
            if has_pattern(one) || has_pattern(other) {
                continue;
            }
            let member = object::member_schema(one, Some(name), &[])?;
            let other = object::member_schema(other, Some(name), &[])?;
            if self.exclude(&member, &other, depth)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
