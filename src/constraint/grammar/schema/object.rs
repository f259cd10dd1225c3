//! Objects: members in any order, each name once.
//!
//! The parameter of a rule has a bit for each member that is known by name, set once that is written; above these, a
//! counter of the optional members written so far. Members with other names are described by the spellings of their
//! names; that none of these occurs twice is checked beside the grammar (`Names`).

use super::super::Reason;
use super::super::rules::{Alternative, Symbol, and};
use super::conjunction::{Conjunction, Flattened};
use super::{Compiler, count, not, pattern, spelling};
use llguidance::derivre::RegexAst;
use llguidance::earley::{ParamCond, ParamExpr, ParamRef, ParamValue};
use serde_json::{Map, Value};

/// The first bit of the counter of optional members, named or not; each bit below it belongs to a named member.
const COUNTER: u8 = 56;

/// The largest value of the counter.
const MAX_COUNT: u64 = 255;

/// The most `patternProperties` for one object: each set of patterns that a name can match is a case of its own.
const MAX_PATTERNS: usize = 4;

/// A kind of member: one with a known name, or those with other names that share a schema.
pub struct Member {
    name: Symbol,
    value: Symbol,
    required: bool,
}

impl Member {
    pub fn new(name: Symbol, value: Symbol, required: bool) -> Self {
        Member {
            name,
            value,
            required,
        }
    }
}

/// A key of `patternProperties`: the names that it matches, and its source.
struct Pattern {
    names: RegexAst,
    source: String,
}

/// What an object may contain: members with known names, kinds of other members, and bounds on their number.
pub struct Shape {
    named: Vec<Member>,
    others: Vec<Member>,
    least: u64,
    most: Option<u64>,
}

impl Shape {
    /// An object with exactly these members.
    pub fn of(named: Vec<Member>) -> Self {
        Shape {
            named,
            others: Vec::new(),
            least: 0,
            most: None,
        }
    }
}

/// How many optional members an object needs, and how many it may have.
struct OptionalCount {
    least: u64,
    most: Option<u64>,
}

impl OptionalCount {
    fn of(shape: &Shape) -> Reason<Self> {
        let required = shape.named.iter().filter(|member| member.required).count() as u64;
        let least = shape.least.saturating_sub(required);
        let most = shape.most.map(|most| {
            most.checked_sub(required)
                .ok_or("more properties are required than allowed")
        });
        let most = most.transpose()?;
        if least.max(most.unwrap_or(0)) > MAX_COUNT {
            return Err(format!(
                "\"minProperties\" and \"maxProperties\" count to {MAX_COUNT} at most"
            ));
        }
        Ok(OptionalCount { least, most })
    }

    /// The condition on which the member at `index` may be written, the named ones counted first: it is not yet
    /// written, and an optional one is still allowed.
    fn allows(&self, shape: &Shape, index: usize) -> ParamCond {
        let free = match self.most {
            Some(most) => ParamCond::LT(counter(), ParamValue(most)),
            None => ParamCond::True,
        };
        let missing = || ParamCond::EQ(ParamRef::single_bit(index as u8), ParamValue(0));
        match shape.named.get(index) {
            Some(member) if member.required => missing(),
            Some(_) => ParamCond::And(Box::new(missing()), Box::new(free)),
            None => free,
        }
    }
}

/// The part of the parameter that counts the optional members written so far.
fn counter() -> ParamRef {
    ParamRef::new(COUNTER, 64)
}

impl<'a> Compiler<'a> {
    pub(super) fn object(&mut self, flat: &Flattened<'a>) -> Reason<Symbol> {
        let shape = self.shape(flat)?;
        self.members(shape)
    }

    /// The objects of this shape.
    pub(super) fn members(&mut self, shape: Shape) -> Reason<Symbol> {
        let (open, close) = (self.rules.literal("{")?, self.rules.literal("}")?);
        let object = self.rules.rule(false)?;
        let required = shape.named.iter().filter(|member| member.required).count();
        if required == 0 && shape.least == 0 {
            self.rules.add(object, vec![open, close]);
        }
        if shape.most == Some(0) {
            return Ok(object);
        }
        let optional = required < shape.named.len() || !shape.others.is_empty();
        let bounded = shape.least > required as u64
            || shape
                .most
                .is_some_and(|most| optional || most < required as u64);
        if shape.named.is_empty() && !bounded {
            let members = self.list(&shape)?;
            self.rules.add(object, vec![open, members, close]);
        } else if shape.named.len() <= usize::from(COUNTER) {
            self.in_any_order(&shape, object, open, close)?;
        } else if bounded {
            return Err("so many properties cannot be counted".into());
        } else {
            let members = self.in_order(&shape, close)?;
            self.rules.add(object, vec![open, members]);
        }
        Ok(object)
    }

    /// A list of any number of members without known names.
    fn list(&mut self, shape: &Shape) -> Reason<Symbol> {
        let comma = self.item_separator()?;
        let list = self.rules.rule(false)?;
        for member in &shape.others {
            let member = self.member(member)?;
            self.rules.add(list, vec![member]);
            self.rules.add(list, vec![list, comma, member]);
        }
        Ok(list)
    }

    fn member(&mut self, member: &Member) -> Reason<Symbol> {
        let colon = self.key_separator()?;
        self.rules
            .choice(vec![vec![member.name, colon, member.value]])
    }

    /// Objects with few enough named members for the bits of a parameter, their members in any order.
    fn in_any_order(
        &mut self,
        shape: &Shape,
        object: Symbol,
        open: Symbol,
        close: Symbol,
    ) -> Reason<()> {
        let comma = self.item_separator()?;
        let (first, next) = (self.rules.rule(true)?, self.rules.rule(true)?);
        let optional = OptionalCount::of(shape)?;
        let symbols = self.add_members(shape, &optional, first, next)?;
        let required: Vec<usize> = (0..shape.named.len())
            .filter(|&index| shape.named[index].required)
            .collect();
        let mut complete = ParamCond::GE(counter(), ParamValue(optional.least));
        for &index in &required {
            let written = ParamCond::EQ(ParamRef::single_bit(index as u8), ParamValue(1));
            complete = ParamCond::And(Box::new(written), Box::new(complete));
        }
        self.rules
            .add(next, Alternative::from(vec![close]).when(complete));
        // A comma must be followed by a member, so that there must be one that is not yet written and still allowed.
        for (index, &symbol) in symbols.iter().enumerate() {
            self.rules.add(
                next,
                Alternative::new(vec![(comma, ParamExpr::Null), (first, ParamExpr::SelfRef)])
                    .when(optional.allows(shape, index))
                    .needing(vec![symbol]),
            );
        }
        // All required members must be possible, and enough of the optional ones.
        let needs = required.iter().map(|&index| symbols[index]).collect();
        if optional.least > 0
            && shape.others.is_empty()
            && (shape.named.len() - required.len()) < optional.least as usize
        {
            return Ok(());
        }
        self.rules.add(
            object,
            Alternative::new(vec![
                (open, ParamExpr::Null),
                (first, ParamExpr::Const(ParamValue(0))),
            ])
            .needing(needs),
        );
        Ok(())
    }

    /// Adds to the rule `first` each member that may be written, after which `next` goes on. Returns the symbols of the
    /// members: the named ones, then the others.
    fn add_members(
        &mut self,
        shape: &Shape,
        optional: &OptionalCount,
        first: Symbol,
        next: Symbol,
    ) -> Reason<Vec<Symbol>> {
        let counts = optional.least > 0 || optional.most.is_some();
        let counted = if counts { self.rules.rule(true)? } else { next };
        let mut symbols = Vec::new();
        for (index, member) in shape.named.iter().chain(&shape.others).enumerate() {
            let symbol = self.member(member)?;
            symbols.push(symbol);
            let parameter = match index < shape.named.len() {
                true => ParamExpr::BitOr(ParamValue(1 << index)),
                false => ParamExpr::SelfRef,
            };
            let after = if member.required { next } else { counted };
            self.rules.add(
                first,
                Alternative::new(vec![(symbol, ParamExpr::Null), (after, parameter)])
                    .when(optional.allows(shape, index)),
            );
        }
        if counts {
            self.rules.add(
                counted,
                Alternative::new(vec![(next, ParamExpr::Incr(counter()))]),
            );
        }
        Ok(symbols)
    }

    /// Objects with too many named members for the bits of a parameter: their order is that of the schema, and the
    /// others come last.
    fn in_order(&mut self, shape: &Shape, close: Symbol) -> Reason<Symbol> {
        let comma = self.item_separator()?;
        let others = self.list(shape)?;
        // The rest of the object where no member has been written yet, and where one has.
        let mut after_none = self.rules.choice(vec![vec![close], vec![others, close]])?;
        let mut after_some = self
            .rules
            .choice(vec![vec![close], vec![comma, others, close]])?;
        for member in shape.named.iter().rev() {
            let symbol = self.member(member)?;
            let mut none = vec![vec![symbol, after_some]];
            let mut some = vec![vec![comma, symbol, after_some]];
            if !member.required {
                none.push(vec![after_none]);
                some.push(vec![after_some]);
            }
            after_none = self.rules.choice(none)?;
            after_some = self.rules.choice(some)?;
        }
        Ok(after_none)
    }

    fn shape(&mut self, flat: &Flattened<'a>) -> Reason<Shape> {
        let Keys {
            names,
            required,
            patterns,
        } = keys(flat)?;
        let allowed = self.allowed_names(flat)?;
        let mut taken = Vec::new();
        let mut named = Vec::new();
        for &name in &names {
            let spelled = self.text(name)?;
            taken.push(spelled.clone());
            let mut matched = Vec::new();
            for pattern in &patterns {
                if self.rules.matches(&pattern.names, &escaped(name))? {
                    matched.push(pattern.source.as_str());
                }
            }
            let mut parts = vec![spelled];
            parts.extend(allowed.iter().cloned());
            named.push(Member {
                name: self.rules.terminal(&spelling::quoted(and(parts)))?,
                value: self.symbol(member_schema(flat, Some(name), &matched)?)?,
                required: required.contains(&name),
            });
        }
        let others = self.other_members(flat, &patterns, &allowed, &taken)?;
        Ok(Shape {
            named,
            others,
            least: max_of(flat, "minProperties")?,
            most: min_of(flat, "maxProperties")?,
        })
    }

    /// The members with other names than the known ones, which are `taken`: a kind for each set of patterns that a name
    /// can match.
    fn other_members(
        &mut self,
        flat: &Flattened<'a>,
        patterns: &[Pattern],
        allowed: &[RegexAst],
        taken: &[RegexAst],
    ) -> Reason<Vec<Member>> {
        let mut others = Vec::new();
        for set in 0..1usize << patterns.len() {
            let mut parts: Vec<RegexAst> = vec![spelling::any()];
            parts.extend(allowed.iter().cloned());
            parts.extend((!taken.is_empty()).then(|| not(RegexAst::Or(taken.to_vec()))));
            let mut matched = Vec::new();
            for (index, pattern) in patterns.iter().enumerate() {
                if set >> index & 1 == 1 {
                    matched.push(pattern.source.as_str());
                    parts.push(pattern.names.clone());
                } else {
                    parts.push(not(pattern.names.clone()));
                }
            }
            let value = member_schema(flat, None, &matched)?;
            if self.document.flat(&value)?.is_none() {
                continue;
            }
            self.has_open_names = true;
            others.push(Member {
                name: self.rules.terminal(&spelling::quoted(and(parts)))?,
                value: self.symbol(value)?,
                required: false,
            });
        }
        Ok(others)
    }

    /// The spellings of names that `propertyNames` allows.
    fn allowed_names(&mut self, flat: &Flattened<'a>) -> Reason<Vec<RegexAst>> {
        let mut all = Conjunction::default();
        for schema in flat.all("propertyNames") {
            all.add(schema);
        }
        match self.document.flat(&all)? {
            None => Ok(vec![RegexAst::NoMatch]),
            Some(names) if names.schemas.is_empty() => Ok(Vec::new()),
            Some(names) => Ok(vec![self.string(&names)?]),
        }
    }
}

/// The known names of members, those of them that are required, and the patterns of others.
struct Keys<'a> {
    names: Vec<&'a str>,
    required: Vec<&'a str>,
    patterns: Vec<Pattern>,
}

fn keys<'a>(flat: &Flattened<'a>) -> Reason<Keys<'a>> {
    let (mut names, mut required, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
    for schema in &flat.schemas {
        names.extend(members(schema, "properties")?.map(|(name, _)| name));
        for (source, _) in members(schema, "patternProperties")? {
            if patterns
                .iter()
                .any(|known: &Pattern| known.source == source)
            {
                continue;
            }
            let names = spelling::regex(&pattern::to_rust(source)?, false)?;
            patterns.push(Pattern {
                names,
                source: source.to_owned(),
            });
        }
        match schema.get("required") {
            None => {}
            // In draft 3 it was a boolean within a property.
            Some(Value::Bool(_)) => {}
            Some(Value::Array(list)) => {
                for name in list {
                    required.push(
                        name.as_str()
                            .ok_or("\"required\" must be a list of names")?,
                    );
                }
            }
            Some(_) => return Err("\"required\" must be a list of names".into()),
        }
    }
    if patterns.len() > MAX_PATTERNS {
        return Err(format!(
            "\"patternProperties\" has more than {MAX_PATTERNS} patterns"
        ));
    }
    names.extend(&required);
    // Names that `propertyNames` lists become named members, so that each can occur once.
    for schema in flat.all("propertyNames") {
        let listed = schema.get("enum").and_then(Value::as_array);
        let listed = listed.into_iter().flatten().chain(schema.get("const"));
        names.extend(listed.filter_map(Value::as_str));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    Ok(Keys {
        names,
        required,
        patterns,
    })
}

/// The usual JSON spelling of a name, without its quotes.
fn escaped(name: &str) -> String {
    let quoted = Value::from(name).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The schemas that the value of a member must fit. `name` is its name, if known; `matched` are the patterns that match
/// it.
pub(super) fn member_schema<'a>(
    flat: &Flattened<'a>,
    name: Option<&str>,
    matched: &[&str],
) -> Reason<Conjunction<'a>> {
    let mut all = Conjunction::default();
    for schema in &flat.schemas {
        let mut found = false;
        for (key, value) in members(schema, "properties")? {
            if Some(key) == name {
                found = true;
                all.add(value);
            }
        }
        for (key, value) in members(schema, "patternProperties")? {
            if matched.contains(&key) {
                found = true;
                all.add(value);
            }
        }
        if let Some(value) = schema.get("additionalProperties").filter(|_| !found) {
            all.add(value);
        }
    }
    let rules = flat.unevaluated("unevaluatedProperties", |schema| {
        let mut named = members(schema, "properties")?;
        let mut patterns = members(schema, "patternProperties")?;
        Ok(schema.contains_key("additionalProperties")
            || named.any(|(key, _)| Some(key) == name)
            || patterns.any(|(key, _)| matched.contains(&key)))
    })?;
    for rule in rules {
        all.add(rule);
    }
    Ok(all)
}

/// The value of a keyword that is a map from names to schemas.
pub(super) fn members<'a>(
    schema: &'a Map<String, Value>,
    keyword: &str,
) -> Reason<impl Iterator<Item = (&'a str, &'a Value)> + use<'a>> {
    let members = match schema.get(keyword) {
        None => None,
        Some(Value::Object(members)) => Some(members),
        Some(_) => return Err(format!("\"{keyword}\" must be an object")),
    };
    let members = members.into_iter().flatten();
    Ok(members.map(|(name, schema)| (name.as_str(), schema)))
}

/// The largest value of a keyword in all schemas, 0 where there is none.
pub(super) fn max_of(flat: &Flattened, keyword: &str) -> Reason<u64> {
    let counts: Reason<Vec<u64>> = flat
        .all(keyword)
        .map(|value| count(keyword, value))
        .collect();
    Ok(counts?.into_iter().max().unwrap_or(0))
}

/// The smallest value of a keyword in all schemas.
pub(super) fn min_of(flat: &Flattened, keyword: &str) -> Reason<Option<u64>> {
    let counts: Reason<Vec<u64>> = flat
        .all(keyword)
        .map(|value| count(keyword, value))
        .collect();
    Ok(counts?.into_iter().min())
}
