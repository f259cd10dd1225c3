//! `contains`: arrays of which some items must fit a further schema. The parameter of a rule counts them.

use super::super::Reason;
use super::super::rules::{Alternative, Symbol};
use super::conjunction::Flattened;
use super::items::{another, item, opened};
use super::{Compiler, count};
use llguidance::earley::{ParamCond, ParamExpr, ParamRef, ParamValue};
use serde_json::Value;

/// The largest `minContains`.
const MAX_LEAST: u64 = 16;

/// A `contains` with its bounds: how many items must fit the schema.
pub struct Contains<'a> {
    schema: &'a Value,
    least: u64,
    most: Option<u64>,
}

impl<'a> Contains<'a> {
    /// The `contains` of the schemas; `None` where they have none that matters.
    pub fn of(flat: &Flattened<'a>) -> Reason<Option<Self>> {
        let mut all = Vec::new();
        for keywords in &flat.schemas {
            let Some(schema) = keywords.get("contains") else {
                continue;
            };
            let bound = |keyword| {
                let bound = keywords.get(keyword);
                bound.map(|bound| count(keyword, bound)).transpose()
            };
            let least = bound("minContains")?.unwrap_or(1);
            let most = bound("maxContains")?;
            if least > MAX_LEAST {
                return Err(format!("\"minContains\" counts to {MAX_LEAST} at most"));
            }
            all.extend((least > 0 || most.is_some()).then_some(Contains {
                schema,
                least,
                most,
            }));
        }
        match all.len() {
            0 | 1 => Ok(all.pop()),
            _ => Err("more than one \"contains\" in one place is not supported".into()),
        }
    }

    /// Whether an array of `least` to `most` items, one at least, can have as many that fit.
    fn is_possible(&self, least: u64, most: Option<u64>) -> bool {
        most.is_none_or(|most| most >= least.max(self.least).max(1))
            && self.most.is_none_or(|most| most >= self.least)
    }

    /// The condition on which an item that does not fit is allowed, in an array of `most` items: enough places are left
    /// for those that must still fit.
    fn room(&self, most: Option<u64>) -> ParamCond {
        let (items, fitting) = counters();
        let mut room = ParamCond::GE(fitting, ParamValue(self.least));
        for count in (0..self.least).rev() {
            let Some(most) = most else {
                return ParamCond::True;
            };
            let needed = self.least - count;
            if let Some(last) = most.checked_sub(needed) {
                let some = both(
                    ParamCond::GE(fitting, ParamValue(count)),
                    ParamCond::LT(items, ParamValue(last)),
                );
                room = ParamCond::Or(Box::new(room), Box::new(some));
            }
        }
        room
    }
}

/// The two counters in the parameter: of all items, and of those that fit.
fn counters() -> (ParamRef, ParamRef) {
    (ParamRef::new(0, 32), ParamRef::new(32, 64))
}

fn both(one: ParamCond, other: ParamCond) -> ParamCond {
    ParamCond::And(Box::new(one), Box::new(other))
}

fn below(counter: ParamRef, most: Option<u64>) -> ParamCond {
    match most {
        Some(most) => ParamCond::LT(counter, ParamValue(most)),
        None => ParamCond::True,
    }
}

impl<'a> Compiler<'a> {
    /// Arrays of `least` to `most` items, of which as many fit as `contains` says; the `first` items may have schemas of
    /// their own.
    pub(super) fn containing(
        &mut self,
        flat: &Flattened<'a>,
        first: usize,
        (least, most): (usize, Option<usize>),
        contains: &Contains<'a>,
    ) -> Reason<Symbol> {
        let (items, fitting) = counters();
        let (least, most) = (least as u64, most.map(|most| most as u64));
        if least.max(most.unwrap_or(0)).max(contains.most.unwrap_or(0)) > u64::from(u16::MAX) {
            return Err("so many items cannot be counted".into());
        }
        let (open, close) = (self.rules.literal("[")?, self.rules.literal("]")?);
        let comma = self.item_separator()?;
        let (start, next) = (self.rules.rule(true)?, self.rules.rule(true)?);
        // Each counter stops at the number above which nothing depends on it.
        let counted = self.counting(next, items, most.unwrap_or(least.max(first as u64)))?;
        let fitted = self.counting(counted, fitting, contains.most.unwrap_or(contains.least))?;
        let array = self.rules.rule(false)?;
        let room = contains.room(most);
        let mut fits = None;
        for index in 0..=first {
            let place = ParamValue(index as u64);
            let here = match index == first {
                true => ParamCond::GE(items, place),
                false => ParamCond::EQ(items, place),
            };
            let here = both(here, below(items, most));
            let (plain, also) = self.items(flat, index, contains)?;
            fits = Some(also);
            for (symbol, after, condition) in [
                (plain, counted, both(here.clone(), room.clone())),
                (also, fitted, both(here, below(fitting, contains.most))),
            ] {
                let item = vec![(symbol, ParamExpr::Null), (after, ParamExpr::SelfRef)];
                let item = Alternative::new(item).when(condition.clone());
                self.rules.add(start, item);
                let another = another(comma, start).when(condition);
                self.rules.add(next, another.needing(vec![symbol]));
            }
        }
        self.rules.add(
            next,
            Alternative::from(vec![close]).when(both(
                ParamCond::GE(items, ParamValue(least)),
                ParamCond::GE(fitting, ParamValue(contains.least)),
            )),
        );
        if least == 0 && contains.least == 0 {
            self.rules.add(array, vec![open, close]);
        }
        if contains.is_possible(least, most) {
            // Without a prefix all items share a schema. If one of them must fit `contains`, the array is possible only
            // if a value can fit both.
            let needed = fits.filter(|_| contains.least > 0 && first == 0);
            let items = opened(open, start).needing(Vec::from_iter(needed));
            self.rules.add(array, items);
        }
        Ok(array)
    }

    /// The item at `index` as one that need not fit `contains`, and as one that does. Where the number of those that fit
    /// has a maximum, the former must not fit.
    fn items(
        &mut self,
        flat: &Flattened<'a>,
        index: usize,
        contains: &Contains<'a>,
    ) -> Reason<(Symbol, Symbol)> {
        let mut plain = item(flat, index)?;
        if contains.most.is_some() {
            plain.add_not(contains.schema);
        }
        let mut also = item(flat, index)?;
        also.add(contains.schema);
        Ok((self.symbol(plain)?, self.symbol(also)?))
    }

    /// A rule that passes on to `then` with a counter increased by one, up to `enough`.
    fn counting(&mut self, then: Symbol, counter: ParamRef, enough: u64) -> Reason<Symbol> {
        let rule = self.rules.rule(true)?;
        let enough = ParamValue(enough);
        for (condition, parameter) in [
            (ParamCond::LT(counter, enough), ParamExpr::Incr(counter)),
            (ParamCond::GE(counter, enough), ParamExpr::SelfRef),
        ] {
            self.rules.add(
                rule,
                Alternative::new(vec![(then, parameter)]).when(condition),
            );
        }
        Ok(rule)
    }
}
