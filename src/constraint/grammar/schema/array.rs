//! Arrays: the first items may each have a schema of their own (`prefixItems`), the others share one (`items`).

use super::super::Reason;
use super::super::rules::{Alternative, Symbol};
use super::conjunction::Flattened;
use super::contains::Contains;
use super::items::{another, item, opened, prefix};
use super::object::{max_of, min_of};
use super::{Compiler, equal, values};
use llguidance::earley::{ParamCond, ParamExpr, ParamRef, ParamValue};
use serde_json::Value;

/// The most distinct values of an array with `uniqueItems`: each takes a bit of the parameter.
const MAX_DIFFERENT: usize = 64;

impl<'a> Compiler<'a> {
    pub(super) fn array(&mut self, flat: &Flattened<'a>) -> Reason<Symbol> {
        let mut first = 0;
        for schema in &flat.schemas {
            first = first.max(prefix(schema)?.0.len());
        }
        let least = usize::try_from(max_of(flat, "minItems")?).unwrap_or(usize::MAX);
        let most = min_of(flat, "maxItems")?;
        let most = most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        let (open, close) = (self.rules.literal("[")?, self.rules.literal("]")?);
        let comma = self.item_separator()?;
        if most != Some(0) && most != Some(1) && must_differ(flat)? {
            return self.different(flat, first, least, most);
        }
        if let Some(contains) = Contains::of(flat)? {
            return self.containing(flat, first, (least, most), &contains);
        }
        let rest = self.symbol(item(flat, first)?)?;
        let comma_rest = self.rules.choice(vec![vec![comma, rest]])?;
        // The rest of the array after `written` items. The rules are built from the last item to the first.
        let written = most.map_or(first, |most| most.min(first));
        let needed = least.saturating_sub(written);
        let more = most.map(|most| most - written);
        let more = if more.is_some_and(|more| more < needed) {
            return self.rules.rule(false);
        } else if written == 0 {
            let tail = match more {
                Some(0) => None,
                more => {
                    let needed = needed.saturating_sub(1);
                    let more = more.map(|more| more - 1);
                    Some(self.rules.repeat(comma_rest, needed, more)?)
                }
            };
            let mut options = Vec::new();
            options.extend((needed == 0).then(|| vec![close]));
            options.extend(tail.map(|tail| vec![rest, tail, close]));
            self.rules.choice(options)?
        } else {
            let tail = self.rules.repeat(comma_rest, needed, more)?;
            self.rules.choice(vec![vec![tail, close]])?
        };
        let mut after = more;
        for index in (0..written).rev() {
            let item = self.symbol(item(flat, index)?)?;
            let mut options = vec![match index {
                0 => vec![item, after],
                _ => vec![comma, item, after],
            }];
            options.extend((index >= least).then(|| vec![close]));
            after = self.rules.choice(options)?;
        }
        self.rules.choice(vec![vec![open, after]])
    }

    /// Arrays with `uniqueItems`, whose items are among listed values.
    fn different(
        &mut self,
        flat: &Flattened<'a>,
        first: usize,
        least: usize,
        most: Option<usize>,
    ) -> Reason<Symbol> {
        let unsupported =
            "\"uniqueItems\" is supported where the items are among a list of values only";
        let items = self.document.flat(&item(flat, 0)?)?;
        let Some(items) = items.filter(|items| items.disjunctions.is_empty() && first == 0) else {
            return Err(unsupported.into());
        };
        let different = distinct(values(&items)?.ok_or(unsupported)?)?;
        let (open, close) = (self.rules.literal("[")?, self.rules.literal("]")?);
        let comma = self.item_separator()?;
        let (start, next) = (self.rules.rule(true)?, self.rules.rule(true)?);
        let array = self.rules.rule(false)?;
        let bits = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        let fits = ParamCond::BitCountLT(ParamRef::full(), bits(most.unwrap_or(usize::MAX)));
        let mut possible = 0;
        for (index, value) in different.iter().enumerate() {
            let symbol = self.rules.rule(false)?;
            if !self.value(&items, &[value], symbol)? {
                continue;
            }
            possible += 1;
            let missing = ParamCond::EQ(ParamRef::single_bit(index as u8), ParamValue(0));
            let condition = ParamCond::And(Box::new(missing), Box::new(fits.clone()));
            self.rules.add(
                start,
                Alternative::new(vec![
                    (symbol, ParamExpr::Null),
                    (next, ParamExpr::BitOr(ParamValue(1 << index))),
                ])
                .when(condition.clone()),
            );
            self.rules.add(
                next,
                another(comma, start).when(condition).needing(vec![symbol]),
            );
        }
        self.rules.add(
            next,
            Alternative::from(vec![close])
                .when(ParamCond::BitCountGE(ParamRef::full(), bits(least))),
        );
        if least == 0 {
            self.rules.add(array, vec![open, close]);
        }
        if least <= possible && most.is_none_or(|most| most >= least) {
            self.rules.add(array, opened(open, start));
        }
        Ok(array)
    }
}

/// The values, each once.
fn distinct(listed: Vec<&Value>) -> Reason<Vec<&Value>> {
    let mut different: Vec<&Value> = Vec::new();
    for value in listed {
        if !different.iter().any(|other| equal(other, value)) {
            different.push(value);
        }
    }
    if different.len() > MAX_DIFFERENT {
        return Err(format!(
            "\"uniqueItems\" is supported for {MAX_DIFFERENT} values at most"
        ));
    }
    Ok(different)
}

fn must_differ(flat: &Flattened) -> Reason<bool> {
    let mut must = false;
    for value in flat.all("uniqueItems") {
        must |= value
            .as_bool()
            .ok_or("\"uniqueItems\" must be true or false")?;
    }
    Ok(must)
}
