//! Numbers within bounds, as regular expressions for their spellings in JSON.
//!
//! Bounds are compared digit by digit, never as floats. A number may be written plainly (`12.5`) or with an exponent of
//! at most two digits; with bounds other than 0, the latter has exactly one digit before its point.

use super::super::Reason;
use super::super::rules::and;
use llguidance::derivre::RegexAst;
use serde_json::Number;
use std::cmp::Ordering;
use std::fmt;

const MAX_EXPONENT: i32 = 99;

/// The most digits of a bound when it is written plainly.
const MAX_DIGITS: i32 = 400;

/// The limits that schemas set on a number.
#[derive(Default)]
pub struct NumberBounds {
    /// Only integers; after the point they may have a single zero.
    pub integer: bool,
    /// The largest lower bound, and whether it is exclusive.
    pub lower: Option<(Decimal, bool)>,
    /// The smallest upper bound, and whether it is exclusive.
    pub upper: Option<(Decimal, bool)>,
    pub multiples: Vec<Decimal>,
    pub not_multiples: Vec<Decimal>,
    /// Only numbers that are not integers.
    pub fraction: bool,
    /// Numbers that are not allowed.
    pub except: Vec<Decimal>,
}

/// The number 0.`digits` × 10^`point`; `digits` has no zeros at either end, and is empty for 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: String,
    point: i32,
}

impl Decimal {
    pub fn new(number: &Number) -> Reason<Self> {
        Decimal::read(&number.to_string())
    }

    /// Parses a number as JSON writes it.
    pub fn read(number: &str) -> Reason<Self> {
        let text = number.to_ascii_lowercase();
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i32 = exponent.parse().map_err(|_| "a number is too large")?;
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let zeros = digits.len() - significant.len();
        let point = whole.len() as i32 - zeros as i32 + exponent;
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Decimal {
                negative: false,
                digits,
                point: 0,
            });
        }
        if point.abs() > MAX_DIGITS {
            return Err(format!("the number {number} is too large or small"));
        }
        Ok(Decimal {
            negative,
            digits,
            point,
        })
    }

    pub fn is_positive(&self) -> bool {
        !self.negative && !self.is_zero()
    }

    pub fn is_integer(&self) -> bool {
        self.point >= self.digits.len() as i32
    }

    /// All spellings of the number: plain, an integer also with `.0`, or with an exponent.
    pub fn spellings(&self) -> RegexAst {
        let plain = self.to_string();
        let mut options = Vec::new();
        if self.is_integer() {
            options.push(RegexAst::Literal(format!("{plain}.0")));
        }
        options.push(RegexAst::Literal(plain));
        if !self.is_zero() {
            let sign = if self.negative { "-" } else { "" };
            let (first, more) = self.digits.split_at(1);
            let point = if more.is_empty() { "" } else { "\\." };
            let exponent = exponent_regex(self.point - 1);
            options.push(RegexAst::Regex(format!(
                "{sign}{first}{point}{more}[eE]{exponent}"
            )));
        }
        RegexAst::Or(options)
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn magnitude(&self) -> Self {
        Decimal {
            negative: false,
            ..self.clone()
        }
    }

    /// The digits before the point, and those after it.
    fn parts(&self) -> (String, String) {
        let point = usize::try_from(self.point).unwrap_or(0);
        let leading = usize::try_from(-self.point).unwrap_or(0);
        let digits = format!("{}{}", "0".repeat(leading), self.digits);
        let padded = format!("{digits:0<point$}");
        let (whole, fraction) = padded.split_at(point);
        let whole = if whole.is_empty() { "0" } else { whole };
        (whole.to_owned(), fraction.to_owned())
    }
}

impl fmt::Display for Decimal {
    /// Writes the number in decimal digits, without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.parts();
        let sign = if self.negative { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Decimal| match number.is_zero() {
            true => 0,
            false => 1 - 2 * i32::from(number.negative),
        };
        let magnitude = |one: &Decimal, two: &Decimal| {
            one.point
                .cmp(&two.point)
                .then_with(|| one.digits.cmp(&two.digits))
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            1 => magnitude(self, other),
            -1 => magnitude(other, self),
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl NumberBounds {
    /// Adds a lower bound.
    pub fn at_least(&mut self, bound: Decimal, exclusive: bool) {
        let new = (bound, exclusive);
        let old = self.lower.take();
        self.lower = Some(old.map_or(new.clone(), |old| old.max(new)));
    }

    /// Adds an upper bound.
    pub fn at_most(&mut self, bound: Decimal, exclusive: bool) {
        let tighter = |old: &(Decimal, bool)| (&old.0, !old.1) <= (&bound, !exclusive);
        if !self.upper.as_ref().is_some_and(tighter) {
            self.upper = Some((bound, exclusive));
        }
    }

    /// The expression for all numbers within the limits.
    pub fn regex(&self) -> Reason<RegexAst> {
        let (lower, upper) = (self.lower.as_ref(), self.upper.as_ref());
        let zero = |exclusive| {
            let digits = String::new();
            (
                Decimal {
                    negative: false,
                    digits,
                    point: 0,
                },
                exclusive,
            )
        };
        let mut options = Vec::new();
        if upper.is_none_or(|(bound, _)| !bound.negative) {
            let lower = lower
                .filter(|(bound, exclusive)| !bound.negative && (*exclusive || !bound.is_zero()));
            options.push(self.magnitudes(lower.cloned(), upper.cloned())?);
        }
        if lower.is_none_or(|(bound, _)| bound.negative) {
            let magnitude = |(bound, exclusive): &(Decimal, bool)| (bound.magnitude(), *exclusive);
            // −0 equals 0, and is allowed where that is.
            let least = match upper {
                Some((bound, exclusive)) if bound.is_zero() => exclusive.then(|| zero(true)),
                Some((bound, _)) if !bound.negative => None,
                upper => upper.map(magnitude),
            };
            let least = match least {
                None if self.integer => Some(zero(true)),
                least => least,
            };
            let magnitudes = self.magnitudes(least, lower.map(magnitude))?;
            options.push(RegexAst::Concat(vec![
                RegexAst::Literal("-".into()),
                magnitudes,
            ]));
        }
        let mut all = vec![RegexAst::Or(options)];
        for except in &self.except {
            let sign = match (except.is_zero(), except.negative) {
                (true, _) => "-?",
                (false, true) => "-",
                (false, false) => "",
            };
            let (whole, fraction) = except.parts();
            let fraction = match fraction.as_str() {
                "" => "(?:\\.0*)?".to_owned(),
                digits => format!("\\.{digits}0*"),
            };
            all.push(not(RegexAst::Regex(format!("{sign}{whole}{fraction}"))));
        }
        if self.fraction {
            // Few enough digits that no reader rounds the number to an integer float.
            all.push(RegexAst::Regex("-?[0-9]{1,9}\\.[0-9]{0,5}[1-9]".into()));
        }
        Ok(and(all))
    }

    /// The numbers without a sign from `lower` to `upper`, each a bound and whether it is exclusive.
    fn magnitudes(
        &self,
        lower: Option<(Decimal, bool)>,
        upper: Option<(Decimal, bool)>,
    ) -> Reason<RegexAst> {
        let form = if self.integer {
            "(?:0|[1-9][0-9]*)(?:\\.0)?"
        } else {
            "(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?"
        };
        let mut plain = vec![RegexAst::Regex(form.into())];
        plain.extend(lower.as_ref().map(above));
        plain.extend(upper.as_ref().map(below));
        for multiple in &self.multiples {
            plain.push(multiple_of(multiple)?);
        }
        for multiple in &self.not_multiples {
            plain.push(no_multiple_of(multiple)?);
        }
        let plain = and(plain);
        let needs_plain = [&self.multiples, &self.not_multiples, &self.except];
        if self.fraction || needs_plain.iter().any(|numbers| !numbers.is_empty()) {
            return Ok(plain);
        }
        // Only the form without bounds writes zero with an exponent.
        let above_zero = matches!(&lower, Some((bound, true)) if bound.is_zero());
        let lower = lower.filter(|(bound, _)| !bound.is_zero());
        let exponents = match (&lower, &upper) {
            (None, None) if self.integer => RegexAst::Regex("[1-9][0-9]*[eE]\\+?[0-9]{1,2}".into()),
            // A number without a point and with an exponent that is not negative is an integer.
            (lower, upper) if self.integer => RegexAst::And(vec![
                scientific(lower.as_ref(), upper.as_ref()),
                RegexAst::Regex("[1-9][eE]\\+?[0-9]+".into()),
            ]),
            (None, None) if !above_zero => {
                RegexAst::Regex("(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?[eE][+-]?[0-9]{1,2}".into())
            }
            (lower, upper) => scientific(lower.as_ref(), upper.as_ref()),
        };
        Ok(RegexAst::Or(vec![plain, exponents]))
    }
}

fn not(ast: RegexAst) -> RegexAst {
    RegexAst::Not(Box::new(ast))
}

/// The numbers in plain notation above a bound, or equal to it where it is not exclusive.
fn above((bound, exclusive): &(Decimal, bool)) -> RegexAst {
    let (whole, fraction) = bound.parts();
    let any_fraction = "(?:\\.[0-9]+)?";
    let mut options = vec![format!("[1-9][0-9]{{{},}}{any_fraction}", whole.len())];
    for (prefix, digit, rest) in larger(&whole) {
        options.push(format!("{prefix}{digit}[0-9]{{{rest}}}{any_fraction}"));
    }
    let equal = match (fraction.is_empty(), exclusive) {
        (true, false) => any_fraction.into(),
        (true, true) => "\\.[0-9]*[1-9][0-9]*".into(),
        (false, _) => {
            let mut options: Vec<String> = larger(&fraction)
                .map(|(prefix, digit, _)| format!("{prefix}{digit}[0-9]*"))
                .collect();
            let more = if *exclusive {
                "[0-9]*[1-9][0-9]*"
            } else {
                "[0-9]*"
            };
            options.push(format!("{fraction}{more}"));
            format!("\\.(?:{})", options.join("|"))
        }
    };
    options.push(format!("{whole}{equal}"));
    RegexAst::Regex(options.join("|"))
}

/// The ways in which a number of the same length can be larger: the digits that are equal, the first that differs, and
/// how many follow.
fn larger(digits: &str) -> impl Iterator<Item = (&str, String, usize)> {
    digits
        .bytes()
        .enumerate()
        .filter(|(_, digit)| *digit < b'9')
        .map(|(at, digit)| {
            let next = char::from(digit + 1);
            (&digits[..at], format!("[{next}-9]"), digits.len() - at - 1)
        })
}

fn below((bound, exclusive): &(Decimal, bool)) -> RegexAst {
    not(above(&(bound.clone(), !exclusive)))
}

/// Numbers in scientific notation: one digit other than 0 before the point, and an exponent.
fn scientific(lower: Option<&(Decimal, bool)>, upper: Option<&(Decimal, bool)>) -> RegexAst {
    if upper.is_some_and(|(bound, _)| bound.is_zero()) {
        return RegexAst::NoMatch;
    }
    let exponent = |bound: &(Decimal, bool)| bound.0.point - 1;
    let mantissa = |(bound, exclusive): &(Decimal, bool)| {
        (
            Decimal {
                point: 1,
                ..bound.clone()
            },
            *exclusive,
        )
    };
    let first = lower.map_or(-MAX_EXPONENT - 1, exponent);
    let last = upper.map_or(MAX_EXPONENT + 1, exponent);
    if first > last {
        return RegexAst::NoMatch;
    }
    let mut options = Vec::new();
    let mut add = |mantissas: Vec<RegexAst>, first: i32, last: i32| {
        let (first, last) = (first.max(-MAX_EXPONENT), last.min(MAX_EXPONENT));
        if first > last {
            return;
        }
        let mut all = vec![RegexAst::Regex("[1-9](?:\\.[0-9]+)?".into())];
        all.extend(mantissas);
        let exponents: Vec<String> = (first..=last).map(exponent_regex).collect();
        let exponents = RegexAst::Regex(format!("[eE](?:{})", exponents.join("|")));
        options.push(RegexAst::Concat(vec![RegexAst::And(all), exponents]));
    };
    let least = lower.map(|bound| above(&mantissa(bound)));
    let most = upper.map(|bound| below(&mantissa(bound)));
    if first == last {
        add(least.into_iter().chain(most).collect(), first, last);
    } else {
        add(least.into_iter().collect(), first, first);
        add(Vec::new(), first + 1, last - 1);
        add(most.into_iter().collect(), last, last);
    }
    RegexAst::Or(options)
}

/// The spellings of an exponent: `5`, `+5`, `05`; `-5`.
fn exponent_regex(exponent: i32) -> String {
    let sign = match exponent {
        0 => "[+-]?",
        1.. => "\\+?",
        _ => "-",
    };
    let pad = if exponent.abs() < 10 { "0?" } else { "" };
    format!("{sign}{pad}{}", exponent.abs())
}

/// Numbers that are not multiples of `step`, with so few digits that readers with floats agree. A number with more
/// decimal places than `step` is no multiple; for others the library decides.
fn no_multiple_of(step: &Decimal) -> Reason<RegexAst> {
    let places = (step.digits.len() as i32 - step.point).max(0);
    let few = match places {
        0 => "[0-9]{1,9}".to_owned(),
        _ => format!("[0-9]{{1,9}}(?:\\.[0-9]{{1,{places}}})?"),
    };
    let more = format!("[0-9]{{1,9}}\\.[0-9]{{{places}}}[0-9]{{0,2}}[1-9]");
    let few = RegexAst::And(vec![RegexAst::Regex(few), not(multiple_of(step)?)]);
    Ok(RegexAst::Or(vec![few, RegexAst::Regex(more)]))
}

fn multiple_of(step: &Decimal) -> Reason<RegexAst> {
    const MAX_SCALE: i32 = 9;
    const MAX_STEP: u32 = 100_000_000;
    let scale = (step.digits.len() as i32 - step.point).max(0);
    let zeros = usize::try_from(step.point).unwrap_or(0);
    let coefficient = format!("{:0<zeros$}", step.digits);
    let coefficient = coefficient.parse().ok().filter(|step| *step <= MAX_STEP);
    match coefficient {
        Some(coefficient) if scale <= MAX_SCALE => {
            Ok(RegexAst::MultipleOf(coefficient, scale as u32))
        }
        _ => Err("\"multipleOf\" has too many digits".into()),
    }
}
