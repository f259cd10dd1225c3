//! JSON schemas → grammars.
//!
//! A grammar allows only values that the schema allows. A schema that cannot be expressed by a grammar is refused, with
//! a sentence on why.
//!
//! For every value, all schemas that hold for it (by `allOf`, `$ref`, the options of `anyOf`) are first flattened into
//! one set of keywords, then written out by type. Each such set becomes one rule, which is used again where the same
//! set occurs again. So schemas may be recursive, and chains of references may be long.

mod array;
mod choice;
mod conjunction;
mod contains;
mod document;
mod flatten;
mod format;
mod items;
mod negation;
mod number;
mod object;
mod pattern;
mod spelling;
mod values;

use super::Reason;
use super::rules::{GrammarBuilder, Symbol, and};
use conjunction::{Conjunction, Flattened, Key};
use document::Document;
use llguidance::api::GrammarInit;
use llguidance::derivre::{ExprRef, RegexAst};
use negation::{EXCEPT, FRACTION, NOT_MULTIPLE_OF, NOT_PATTERN};
use number::{Decimal, NumberBounds};
use serde_json::{Map, Value};
use std::collections::HashMap;
use typed_arena::Arena;
use values::{Types, count, equal, exceptions, values};

/// White space between the tokens of JSON: none, a space, or a line break with an indentation. The length is bounded
/// because some models would go on with white space forever.
const SPACE: &str = " |\\n[ \\t]{0,20}";

/// The grammar of a schema.
pub struct Compiled {
    pub grammar: GrammarInit,
    /// Whether objects may have members whose names the grammar does not know, so that duplicates must be prevented
    /// beside it.
    pub has_open_names: bool,
}

/// Compiles the text of a schema. An error is a sentence on why it is refused.
pub fn compile(source: &str) -> Reason<Compiled> {
    let schema = serde_json::from_str(source);
    let schema: Value = schema.map_err(|error| format!("it is not JSON: {error}"))?;
    if !schema.is_object() && !schema.is_boolean() {
        return Err("a JSON schema is an object, true or false".into());
    }
    let layout = Layout::new(schema.get("x-guidance"))?;
    let skip = match &layout.space {
        Some(space) => RegexAst::Regex(space.clone()),
        None => RegexAst::NoMatch,
    };
    let made = Arena::new();
    let mut compiler = Compiler {
        document: Document::new(&schema, source, &made)?,
        rules: GrammarBuilder::new(skip)?,
        layout,
        symbols: HashMap::new(),
        spelled: HashMap::new(),
        open: Vec::new(),
        has_open_names: false,
    };
    let start = compiler.symbol(Conjunction::one(&schema))?;
    while let Some((all, symbol)) = compiler.open.pop() {
        compiler.define(&all, symbol)?;
    }
    let has_open_names = compiler.has_open_names;
    let left_out = compiler.document.left_out.take();
    let grammar = compiler.rules.finish(start)?;
    let grammar = grammar.ok_or_else(|| match left_out {
        Some(keyword) => {
            format!("what does not fit \"{keyword}\" cannot be told (\"not\", \"if\" and \"oneOf\" need it)")
        }
        None => "no value fits the schema".into(),
    })?;
    Ok(Compiled {
        grammar,
        has_open_names,
    })
}

/// White space and separators, as the schema's `x-guidance` may set them.
struct Layout {
    space: Option<String>,
    item_separator: String,
    key_separator: String,
}

impl Layout {
    fn new(options: Option<&Value>) -> Reason<Self> {
        let mut layout = Layout {
            space: Some(SPACE.into()),
            item_separator: ",".into(),
            key_separator: ":".into(),
        };
        let none = Map::new();
        let options = match options {
            None => &none,
            Some(Value::Object(options)) => options,
            Some(_) => return Err("\"x-guidance\" must be an object".into()),
        };
        if let Some(Value::Bool(flexible)) = options.get("whitespace_flexible") {
            layout.space = flexible.then(|| SPACE.into());
        }
        for (name, value) in options {
            let text = value.as_str().map(str::to_owned);
            match (name.as_str(), text) {
                ("whitespace_flexible", _) if value.is_boolean() => {}
                ("whitespace_pattern", Some(text)) => layout.space = Some(text),
                ("item_separator", Some(text)) => layout.item_separator = text,
                ("key_separator", Some(text)) => layout.key_separator = text,
                _ => return Err(format!("\"{name}\" of \"x-guidance\" is not supported")),
            }
        }
        Ok(layout)
    }
}

struct Compiler<'a> {
    document: Document<'a>,
    rules: GrammarBuilder,
    layout: Layout,
    symbols: HashMap<Key, Symbol>,
    /// The expression for all spellings of a character.
    spelled: HashMap<char, ExprRef>,
    /// Symbols that are still to be defined, with their schemas.
    open: Vec<(Conjunction<'a>, Symbol)>,
    has_open_names: bool,
}

impl<'a> Compiler<'a> {
    /// The symbol for the values that fit these schemas; a new one is defined later.
    fn symbol(&mut self, all: Conjunction<'a>) -> Reason<Symbol> {
        let key = all.key();
        if let Some(&symbol) = self.symbols.get(&key) {
            return Ok(symbol);
        }
        let symbol = self.rules.rule(false)?;
        self.symbols.insert(key, symbol);
        self.open.push((all, symbol));
        Ok(symbol)
    }

    fn item_separator(&mut self) -> Reason<Symbol> {
        let separator = RegexAst::Regex(self.layout.item_separator.clone());
        self.rules.terminal(&separator)
    }

    fn key_separator(&mut self) -> Reason<Symbol> {
        let separator = RegexAst::Regex(self.layout.key_separator.clone());
        self.rules.terminal(&separator)
    }

    fn define(&mut self, all: &Conjunction<'a>, symbol: Symbol) -> Reason<()> {
        let Some(flat) = self.document.flat(all)? else {
            return Ok(());
        };
        if !flat.disjunctions.is_empty() {
            return self.choose(&flat, symbol);
        }
        if let Some(values) = values(&flat)? {
            self.value(&flat, &values, symbol)?;
            return Ok(());
        }
        let types = Types::of(&flat)?;
        let except = exceptions(&flat);
        if types.null && !except.contains(&&Value::Null) {
            let null = self.rules.literal("null")?;
            self.rules.add(symbol, vec![null]);
        }
        if types.boolean {
            for value in [true, false] {
                if !except.contains(&&Value::Bool(value)) {
                    let boolean = self.rules.literal(&value.to_string())?;
                    self.rules.add(symbol, vec![boolean]);
                }
            }
        }
        if types.number || types.integer {
            let number = self.number(&flat, !types.number)?;
            let number = self.rules.terminal(&number)?;
            self.rules.add(symbol, vec![number]);
        }
        if types.string {
            let string = spelling::quoted(self.string(&flat)?);
            let string = self.rules.terminal(&string)?;
            self.rules.add(symbol, vec![string]);
        }
        if types.array {
            if except.iter().any(|value| value.is_array()) {
                return Err("\"not\" of an array is not supported".into());
            }
            let array = self.array(&flat)?;
            self.rules.add(symbol, vec![array]);
        }
        if types.object {
            if except.iter().any(|value| value.is_object()) {
                return Err("\"not\" of an object is not supported".into());
            }
            let object = self.object(&flat)?;
            self.rules.add(symbol, vec![object]);
        }
        Ok(())
    }

    /// Adds those listed `values` to `symbol` that fit all other keywords too. Returns whether there are any.
    fn value(
        &mut self,
        flat: &Flattened<'a>,
        values: &[&'a Value],
        symbol: Symbol,
    ) -> Reason<bool> {
        let types = Types::of(flat)?;
        let (mut strings, mut numbers, mut found) = (Vec::new(), Vec::new(), false);
        let limits = match has_any(flat, &NUMBER) {
            true => Some(self.number(flat, false)?),
            false => None,
        };
        for value in values.iter().filter(|value| types.has(value)) {
            match value {
                Value::String(text) => strings.push(self.text(text)?),
                Value::Number(number) => {
                    let number = Decimal::new(number)?;
                    let is_within = match &limits {
                        Some(limits) => self.rules.matches(limits, &number.to_string())?,
                        None => true,
                    };
                    numbers.extend(is_within.then(|| number.spellings()));
                }
                Value::Array(_) if has_any(flat, &ARRAY) => {
                    return Err("\"enum\" of arrays beside other keywords is not supported".into());
                }
                Value::Object(_) if has_any(flat, &OBJECT) => {
                    return Err("\"enum\" of objects beside other keywords is not supported".into());
                }
                value => {
                    let value = self.written(value)?;
                    self.rules.add(symbol, vec![value]);
                    found = true;
                }
            }
        }
        if !strings.is_empty() {
            let strings = and(vec![self.string(flat)?, RegexAst::Or(strings)]);
            let terminal = self.rules.terminal(&spelling::quoted(strings))?;
            self.rules.add(symbol, vec![terminal]);
            found |= self.rules.is_possible(terminal);
        }
        if !numbers.is_empty() {
            let terminal = self.rules.terminal(&RegexAst::Or(numbers))?;
            self.rules.add(symbol, vec![terminal]);
            found = true;
        }
        Ok(found)
    }

    /// All spellings of one value. The recursion is bounded, because the JSON parser limits the nesting.
    fn written(&mut self, value: &Value) -> Reason<Symbol> {
        match value {
            Value::Array(items) => {
                let mut parts = vec![self.rules.literal("[")?];
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        parts.push(self.item_separator()?);
                    }
                    parts.push(self.written(item)?);
                }
                parts.push(self.rules.literal("]")?);
                self.rules.choice(vec![parts])
            }
            Value::Object(members) => {
                let mut named = Vec::new();
                for (name, value) in members {
                    let name = spelling::quoted(self.text(name)?);
                    let (name, value) = (self.rules.terminal(&name)?, self.written(value)?);
                    named.push(object::Member::new(name, value, true));
                }
                self.members(object::Shape::of(named))
            }
            Value::String(text) => {
                let text = spelling::quoted(self.text(text)?);
                self.rules.terminal(&text)
            }
            Value::Number(number) => self.rules.terminal(&Decimal::new(number)?.spellings()),
            Value::Null | Value::Bool(_) => self.rules.literal(&value.to_string()),
        }
    }

    fn number(&mut self, flat: &Flattened, integer: bool) -> Reason<RegexAst> {
        let mut limits = NumberBounds {
            integer,
            ..NumberBounds::default()
        };
        for schema in &flat.schemas {
            let bound = |keyword: &str| match schema.get(keyword) {
                Some(Value::Number(number)) => Decimal::new(number).map(Some),
                Some(Value::Bool(_)) | None => Ok(None),
                Some(_) => Err(format!("\"{keyword}\" must be a number")),
            };
            // In draft 4 the exclusive keywords were booleans that modify the other bound.
            let is_exclusive = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
            if let Some(minimum) = bound("minimum")? {
                limits.at_least(minimum, is_exclusive("exclusiveMinimum"));
            }
            if let Some(minimum) = bound("exclusiveMinimum")? {
                limits.at_least(minimum, true);
            }
            if let Some(maximum) = bound("maximum")? {
                limits.at_most(maximum, is_exclusive("exclusiveMaximum"));
            }
            if let Some(maximum) = bound("exclusiveMaximum")? {
                limits.at_most(maximum, true);
            }
            if let Some(step) = bound("multipleOf")? {
                if !step.is_positive() {
                    return Err("\"multipleOf\" must be above 0".into());
                }
                limits.multiples.push(step);
            }
            limits.not_multiples.extend(bound(NOT_MULTIPLE_OF)?);
            limits.fraction |= schema.contains_key(FRACTION);
        }
        for value in exceptions(flat) {
            if let Value::Number(number) = value {
                limits.except.push(Decimal::new(number)?);
            }
        }
        limits.regex()
    }

    /// All spellings of a text. The expression of each character is built once.
    fn text(&mut self, text: &str) -> Reason<RegexAst> {
        let mut spelled = Vec::new();
        for c in text.chars() {
            let known = self.spelled.get(&c).copied();
            let regex = match known {
                Some(regex) => regex,
                None => self.rules.regex(&spelling::literal(&c.to_string()))?,
            };
            self.spelled.insert(c, regex);
            spelled.push(RegexAst::ExprRef(regex));
        }
        Ok(RegexAst::Concat(spelled))
    }

    /// All spellings of the strings that fit, without their quotes.
    fn string(&mut self, flat: &Flattened) -> Reason<RegexAst> {
        if !flat.disjunctions.is_empty() {
            return Err("\"propertyNames\" cannot choose between schemas".into());
        }
        if !Types::of(flat)?.string {
            return Ok(RegexAst::NoMatch);
        }
        let least = object::max_of(flat, "minLength")?;
        let most = object::min_of(flat, "maxLength")?;
        let mut parts = vec![match (u32::try_from(least), most) {
            (Err(_), _) => RegexAst::NoMatch,
            (_, Some(most)) if most < least => RegexAst::NoMatch,
            (Ok(least), most) => {
                spelling::times(least, most.and_then(|most| u32::try_from(most).ok()))
            }
        }];
        for schema in &flat.schemas {
            if let Some(pattern) = schema.get("pattern") {
                let pattern = pattern.as_str().ok_or("\"pattern\" must be a string")?;
                parts.push(spelling::regex(&pattern::to_rust(pattern)?, false)?);
            }
            if let Some(pattern) = schema.get(NOT_PATTERN) {
                let pattern = pattern.as_str().ok_or("\"pattern\" must be a string")?;
                let pattern = spelling::regex(&pattern::to_rust(pattern)?, false)?;
                parts.push(RegexAst::And(vec![spelling::any(), not(pattern)]));
            }
            if let Some(format) = schema.get("format") {
                let format = format.as_str().ok_or("\"format\" must be a string")?;
                if let Some(regex) = format::regex(format) {
                    parts.push(spelling::regex(&regex, true)?);
                }
            }
        }
        if let Some(values) = values(flat)? {
            let texts = values.into_iter().filter_map(Value::as_str);
            let texts = texts.map(|text| self.text(text));
            parts.push(RegexAst::Or(texts.collect::<Reason<_>>()?));
        }
        let except = exceptions(flat).into_iter().filter_map(Value::as_str);
        let except: Vec<RegexAst> = except.map(|text| self.text(text)).collect::<Reason<_>>()?;
        if !except.is_empty() {
            parts.push(RegexAst::And(vec![
                spelling::any(),
                not(RegexAst::Or(except)),
            ]));
        }
        // The expression for any length is redundant beside others.
        if parts.len() > 1 && least == 0 && most.is_none() {
            parts.remove(0);
        }
        Ok(and(parts))
    }
}

/// The keywords that narrow numbers, arrays and objects.
const NUMBER: [&str; 8] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    EXCEPT,
    FRACTION,
    NOT_MULTIPLE_OF,
];
const ARRAY: [&str; 7] = [
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "unevaluatedItems",
];
const OBJECT: [&str; 8] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "required",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "unevaluatedProperties",
];

fn has_any(flat: &Flattened, keywords: &[&str]) -> bool {
    keywords
        .iter()
        .any(|keyword| flat.all(keyword).next().is_some())
}

fn not(ast: RegexAst) -> RegexAst {
    RegexAst::Not(Box::new(ast))
}
