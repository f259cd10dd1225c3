//! The filters of Jinja2 that iterate over items. Those that return a generator in Jinja2 return one here.

use super::arguments::{Arguments, Filter};
use super::compare::{self, sort_order, sorted};
use super::objects::{Generator, Group, generator};
use super::value::{is_dict, items, template_error, type_name};
use super::{access, methods, operators, shield};
use minijinja::value::{Tuple, Value};
use minijinja::{Error, State};
use std::cmp::Ordering;
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, Error>;

/// All filters of this module.
pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("list", |state, value, _| Ok(items(state, value)?.into())),
    ("first", |state, value, _| {
        Ok(items(state, value)?.into_iter().next().unwrap_or_default())
    }),
    ("last", |state, value, _| match type_name(value) {
        kind @ "generator" => Err(template_error(format!("'{kind}' object is not reversible"))),
        "str" => access::item(state, value, &(-1).into()),
        _ => Ok(items(state, value)?.pop().unwrap_or_default()),
    }),
    ("reverse", |state, value, _| {
        let reversed = items(state, value)?.into_iter().rev();
        Ok(match type_name(value) {
            "str" => reversed.map(|c| c.to_string()).collect::<String>().into(),
            "generator" => reversed.collect(),
            _ => generator(reversed.collect()),
        })
    }),
    ("items", |state, value, _| match type_name(value) {
        "dict" => Ok(generator(pairs(state, value)?)),
        "Undefined" => Ok(generator(Vec::new())),
        _ => Err(template_error("can only get item pairs from a mapping")),
    }),
    ("min", |state, value, args| {
        min_max(state, value, args, Ordering::Less)
    }),
    ("max", |state, value, args| {
        min_max(state, value, args, Ordering::Greater)
    }),
    ("sum", |state, value, args| {
        let path = Path::from(args, "attribute")?;
        let mut sum = args.next("start")?.unwrap_or_else(|| 0.into());
        if sum.as_str().is_some() {
            return Err(template_error("sum() can't sum strings"));
        }
        for item in items(state, value)? {
            sum = operators::add(state, &sum, &path.follow(state, &item)?)?;
        }
        Ok(sum)
    }),
    ("batch", batch),
    ("slice", slice),
    ("map", map),
    ("select", |state, value, args| {
        select(state, value, args, false, true)
    }),
    ("reject", |state, value, args| {
        select(state, value, args, false, false)
    }),
    ("selectattr", |state, value, args| {
        select(state, value, args, true, true)
    }),
    ("rejectattr", |state, value, args| {
        select(state, value, args, true, false)
    }),
    ("unique", |state, value, args| {
        let sensitive = args.flag("case_sensitive", false)?;
        let path = Path::from(args, "attribute")?;
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for item in items(state, value)? {
            let key = key(path.follow(state, &item)?, sensitive);
            compare::hashed(state, &key)?;
            if seen.insert(key) {
                kept.push(item);
            }
        }
        Ok(generator(kept))
    }),
    ("groupby", group_by),
    ("sort", |state, value, args| {
        let reverse = args.flag("reverse", false)?;
        let sensitive = args.flag("case_sensitive", false)?;
        let attribute = args.next("attribute")?.unwrap_or_else(|| ().into());
        let paths = match attribute.as_str() {
            Some(names) => names
                .split(',')
                .map(|name| Path::new(&name.into()))
                .collect(),
            None => vec![Path::new(&attribute)],
        };
        let mut keyed = Vec::new();
        for item in items(state, value)? {
            let keys = paths.iter().map(|path| path.follow(state, &item));
            let keys = keys.map(|found| Ok(key(found?, sensitive)));
            keyed.push((Value::from(keys.collect::<Result<Vec<_>>>()?), item));
        }
        sort_by_key(state, keyed, reverse)
    }),
    ("dictsort", |state, value, args| {
        let sensitive = args.flag("case_sensitive", false)?;
        let by = args.text("by")?.unwrap_or_else(|| "key".into());
        let reverse = args.flag("reverse", false)?;
        let place = ["key", "value"].iter().position(|known| *known == by);
        let place =
            place.ok_or_else(|| template_error("a map is sorted by 'key' or by 'value'"))?;
        if !is_dict(value) {
            let kind = type_name(value);
            return Err(template_error(format!("'{kind}' object has no items")));
        }
        let mut keyed = Vec::new();
        for pair in pairs(state, value)? {
            keyed.push((key(pair.get_item_by_index(place)?, sensitive), pair));
        }
        sort_by_key(state, keyed, reverse)
    }),
];

/// The entries of a map as tuples of key and value.
fn pairs(state: &State, map: &Value) -> Result<Vec<Value>> {
    let pair = |(key, value)| Tuple::new(vec![key, value]).into();
    Ok(methods::pairs(state, map)?.into_iter().map(pair).collect())
}

/// The path that an argument `attribute` names: keys and indices, separated by dots.
pub(super) struct Path {
    keys: Vec<Value>,
    /// Used in place of an undefined value.
    default: Option<Value>,
}

impl Path {
    pub fn new(attribute: &Value) -> Self {
        let key = |key: &str| match key.bytes().all(|b| b.is_ascii_digit()) {
            true => key.parse::<i64>().map_or_else(|_| key.into(), Value::from),
            false => key.into(),
        };
        Path {
            keys: match attribute.as_str() {
                Some(path) => path.split('.').map(key).collect(),
                None if attribute.is_none() => Vec::new(),
                None => vec![attribute.clone()],
            },
            default: None,
        }
    }

    /// The path that the next argument names; an empty one where it is absent.
    pub fn from(args: &mut Arguments<'_>, name: &str) -> Result<Self> {
        Ok(Path::new(&args.next(name)?.unwrap_or_else(|| ().into())))
    }

    /// The value at the end of the path that begins at `value`.
    pub fn follow(&self, state: &State, value: &Value) -> Result<Value> {
        let mut value = value.clone();
        for key in &self.keys {
            value = access::item(state, &value, key)?;
            if let Some(default) = self.default.as_ref().filter(|_| value.is_undefined()) {
                value = default.clone();
            }
        }
        Ok(value)
    }
}

/// The key by which a value is compared: a string without its marks, and in lower case unless `sensitive`.
fn key(value: Value, sensitive: bool) -> Value {
    match value.as_str().map(shield::without_marks) {
        Some(text) if sensitive => (&*text).into(),
        Some(text) => text.to_lowercase().into(),
        None => value,
    }
}

/// The items of `keyed`, which has pairs of key and item, sorted by their keys.
fn sort_by_key(state: &State, keyed: Vec<(Value, Value)>, reverse: bool) -> Result<Value> {
    let comparisons = keyed.len() as u64 * u64::from(keyed.len().checked_ilog2().unwrap_or(0) + 1);
    state.consume_fuel(comparisons)?;
    let sorted = sorted(keyed, &|(left, _), (right, _)| {
        let order = sort_order(state, left, right)?;
        Ok(if reverse { order.reverse() } else { order })
    })?;
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

/// The smallest or largest item, and the first of several: `side` is the order of the result relative to the others.
fn min_max(
    state: &State,
    value: &Value,
    args: &mut Arguments<'_>,
    side: Ordering,
) -> Result<Value> {
    let sensitive = args.flag("case_sensitive", false)?;
    let path = Path::from(args, "attribute")?;
    let mut best: Option<(Value, Value)> = None;
    for item in items(state, value)? {
        let found = key(path.follow(state, &item)?, sensitive);
        let better = match &best {
            Some((best, _)) => sort_order(state, &found, best)? == side,
            None => true,
        };
        if better {
            best = Some((found, item));
        }
    }
    Ok(best.map_or(Value::UNDEFINED, |(_, item)| item))
}

/// The filter `batch`: lists of `linecount` items each.
fn batch(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let count = args.required_integer("linecount")?;
    let count =
        usize::try_from(count).map_err(|_| template_error("a batch has no negative length"))?;
    let fill = args.next("fill_with")?.filter(|fill| !fill.is_none());
    let (mut batches, mut batch) = (Vec::new(), Vec::new());
    for item in items(state, value)? {
        if batch.len() == count {
            batches.push(Value::from(std::mem::take(&mut batch)));
        }
        batch.push(item);
    }
    if !batch.is_empty() {
        let missing = count.saturating_sub(batch.len());
        state.consume_fuel(missing as u64)?;
        batch.extend(fill.into_iter().flat_map(|fill| vec![fill; missing]));
        batches.push(batch.into());
    }
    Ok(generator(batches))
}

/// The filter `slice`: divides the items into `slices` lists of nearly equal length.
fn slice(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let count = args.required_integer("slices")?;
    let fill = args.next("fill_with")?.filter(|fill| !fill.is_none());
    let all = items(state, value)?;
    if count == 0 {
        return Err(template_error("division by zero"));
    }
    let count = usize::try_from(count).unwrap_or(0);
    state.consume_fuel(count as u64)?;
    let mut rest = &all[..];
    let mut slices = Vec::with_capacity(count);
    for index in 0..count {
        let longer = index < all.len() % count;
        let (slice, after) = rest.split_at(all.len() / count + usize::from(longer));
        let fill = fill.iter().filter(|_| !longer);
        slices.push(slice.iter().chain(fill).cloned().collect());
        rest = after;
    }
    Ok(generator(slices))
}

/// The items of `value`; none where it is false, because Jinja2 iterates over it only if it is true.
fn items_if_true(state: &State, value: &Value) -> Result<Vec<Value>> {
    let generator = value.downcast_object_ref::<Generator>().is_some();
    match value.is_true() || generator {
        true => items(state, value),
        false => Ok(Vec::new()),
    }
}

/// `map(attribute=…, default=…)`, `map(filter, …)`.
fn map(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let all = items_if_true(state, value)?;
    let mut mapped = Vec::with_capacity(all.len());
    if let Some(name) = args.placed() {
        let name = super::arguments::string(&name)?.to_owned();
        let mut rest = args.rest();
        for item in all {
            rest[0] = item;
            mapped.push(state.apply_filter(&name, &rest)?);
        }
    } else if let Some(attribute) = args.next("attribute")? {
        let mut path = Path::new(&attribute);
        path.default = args.next("default")?.filter(|default| !default.is_none());
        for item in all {
            mapped.push(path.follow(state, &item)?);
        }
    } else if !all.is_empty() {
        return Err(template_error("map requires a filter argument"));
    }
    Ok(generator(mapped))
}

/// The filters `select` and `reject`, and with `by_attribute` `selectattr` and `rejectattr`: the items for which the
/// test is `wanted`.
fn select(
    state: &mut State,
    value: &Value,
    args: &mut Arguments<'_>,
    by_attribute: bool,
    wanted: bool,
) -> Result<Value> {
    let all = items_if_true(state, value)?;
    let path = match by_attribute {
        true => args.placed(),
        false => Some(().into()),
    };
    let path = match path {
        Some(path) => Path::new(&path),
        None if all.is_empty() => Path::new(&().into()),
        None => return Err(template_error("missing parameter for attribute name")),
    };
    let test = args.placed();
    let name = test.as_ref().map(super::arguments::string).transpose()?;
    let mut rest = args.rest();
    let mut kept = Vec::new();
    for item in all {
        let of = path.follow(state, &item)?;
        let found = match name {
            Some(name) => {
                rest[0] = of;
                state.perform_test(name, &rest)?
            }
            None => of.is_true(),
        };
        if found == wanted {
            kept.push(item);
        }
    }
    Ok(generator(kept))
}

/// The filter `groupby`: the items grouped by an attribute, in the order of its values.
fn group_by(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let mut path = Path::new(&args.required("attribute")?);
    path.default = args.next("default")?.filter(|default| !default.is_none());
    let sensitive = args.flag("case_sensitive", false)?;
    let mut keyed = Vec::new();
    for item in items(state, value)? {
        let found = path.follow(state, &item)?;
        let key = key(found.clone(), sensitive);
        keyed.push((key.clone(), Value::from(Tuple::new(vec![key, found, item]))));
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut last = None;
    for found in items(state, &sort_by_key(state, keyed, false)?)? {
        let [key, grouper, item] = [0, 1, 2].map(|at| found.get_item_by_index(at));
        let (key, item) = (key?, item?);
        let same = match &last {
            Some(last) => compare::equal(state, last, &key)?,
            None => false,
        };
        match groups.last_mut().filter(|_| same) {
            Some(group) => group.list.push(item),
            None => groups.push(Group {
                grouper: grouper?,
                list: vec![item],
            }),
        }
        last = Some(key);
    }
    Ok(groups.into_iter().map(Value::from_object).collect())
}
