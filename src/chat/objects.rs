//! The objects of templates that are none of minijinja's own types.

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// The object of `namespace()`: attributes that a template may set. Each is stored with its place in the order of
/// creation.
#[derive(Debug, Default)]
pub(super) struct Namespace(Mutex<BTreeMap<String, (usize, Value)>>);

impl Namespace {
    /// `{% set namespace.name = value %}`.
    pub fn set(&self, name: &str, value: Value) {
        if let Ok(mut names) = self.0.lock() {
            let place = names.get(name).map_or(names.len(), |(place, _)| *place);
            names.insert(name.to_owned(), (place, value));
        }
    }

    /// All attributes with their values, in the order in which they were created.
    pub fn all(&self) -> Value {
        let names = self.0.lock().map(|names| names.clone()).unwrap_or_default();
        let mut all: Vec<_> = names.into_iter().collect();
        all.sort_by_key(|(_, (place, _))| *place);
        Value::from_pairs(all.into_iter().map(|(name, (_, value))| (name, value)))
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let names = self.0.lock().ok()?;
        names.get(key.as_str()?).map(|(_, value)| value.clone())
    }
}

/// A group of `groupby`: a tuple whose items also have the names `grouper` and `list`.
#[derive(Debug)]
pub(super) struct Group {
    pub grouper: Value,
    pub list: Vec<Value>,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.as_i64()) {
            (Some("grouper"), _) | (_, Some(0 | -2)) => Some(self.grouper.clone()),
            (Some("list"), _) | (_, Some(1 | -1)) => Some(self.list.clone().into()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

/// A generator of these items, as Python's: it can be iterated once, and has no length.
pub(super) fn generator(items: Vec<Value>) -> Value {
    Value::from_object(Generator(Mutex::new(items)))
}

#[derive(Debug)]
pub(super) struct Generator(Mutex<Vec<Value>>);

impl Object for Generator {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let items = self.0.lock().map(|mut items| std::mem::take(&mut *items));
        Enumerator::Iter(Box::new(items.unwrap_or_default().into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        None
    }
}

/// A bound method, like `text.strip` without its parentheses.
#[derive(Debug)]
pub(super) struct Method {
    pub of: Value,
    pub name: String,
}

impl Method {
    pub fn new(of: &Value, name: &str) -> Self {
        Method {
            of: of.clone(),
            name: name.into(),
        }
    }
}

/// What a [`View`] shows: the keys, values or items of a map, or a range.
#[derive(Debug, Clone)]
pub(super) enum ViewKind {
    Keys,
    Values,
    Items,
    /// Start, stop, step.
    Range([i128; 3]),
}

/// The result of `keys()`, `values()`, `items()` and `range()`. Like Python's it can be iterated but is no list.
#[derive(Debug)]
pub(super) struct View {
    kind: ViewKind,
    items: Vec<Value>,
}

impl View {
    pub fn value(kind: ViewKind, items: Vec<Value>) -> Value {
        Value::from_object(View { kind, items })
    }

    /// A slice of a range, which is a range again. `bounds` are the start, stop and step of the slice, `items` its
    /// numbers.
    pub fn part(range: &Value, bounds: [i128; 3], items: Vec<Value>) -> Value {
        let whole = range.downcast_object_ref::<View>().map(|view| &view.kind);
        let Some(ViewKind::Range([from, _, by])) = whole else {
            return items.into();
        };
        let place = |at: i128| from + at * by;
        let [start, stop, step] = bounds;
        let kind = ViewKind::Range([place(start), place(stop), by * step]);
        View::value(kind, items)
    }

    /// Whether the items can be indexed.
    pub fn is_sequence(&self) -> bool {
        matches!(self.kind, ViewKind::Range(_))
    }

    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
            ViewKind::Items => "dict_items",
            ViewKind::Range(_) => "range",
        }
    }

    /// The text before and after the items in `repr`.
    pub fn brackets(&self) -> (&'static str, &'static str) {
        match self.kind {
            ViewKind::Keys => ("dict_keys([", "])"),
            ViewKind::Values => ("dict_values([", "])"),
            ViewKind::Items => ("dict_items([", "])"),
            ViewKind::Range(_) => ("range(", ")"),
        }
    }

    /// The items in `repr`.
    pub fn shown(&self) -> Vec<Value> {
        match self.kind {
            ViewKind::Range([from, to, step]) => {
                let count = if step == 1 { 2 } else { 3 };
                [from, to, step]
                    .into_iter()
                    .take(count)
                    .map(Value::from)
                    .collect()
            }
            _ => self.items.clone(),
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = key.as_i64().filter(|_| self.is_sequence())?;
        let place = if place < 0 {
            place + self.items.len() as i64
        } else {
            place
        };
        self.items.get(usize::try_from(place).ok()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only for debugging: where a template writes a method, `value::repr` is used.
        f.write_str(self.type_name())
    }
}
