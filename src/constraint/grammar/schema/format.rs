//! `format`: the texts of each, as regular expressions in Rust's syntax.
//!
//! Where a format is no regular language or needs tables (internationalised host names, regular expressions), a
//! part of it is here: what is written is of the format, though not all of the format can be written.

const MONTH_DAY: &str = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
/// Years divisible by 4 that are no full century, and centuries divisible by 4.
const LEAP_YEAR: &str =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
/// Without leap seconds, which are at one moment of the day only.
const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const OCTET: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/// A part of a host name; with hyphens in the third and fourth place it would be an encoded one.
const LABEL: &str = "[a-zA-Z0-9](?:[a-zA-Z0-9]|[a-zA-Z0-9-][a-zA-Z0-9]|[a-zA-Z0-9-][a-zA-Z0-9](?:[a-zA-Z0-9-]{0,59})[a-zA-Z0-9])?";
/// A character of a path or query.
const PCHAR: &str = "(?:[a-zA-Z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})";
const USER: &str = "(?:[a-zA-Z0-9._~!$&'()*+,;=:-]|%[0-9a-fA-F]{2})*";
const REGISTERED_NAME: &str = "(?:[a-zA-Z0-9._~!$&'()*+,;=-]|%[0-9a-fA-F]{2})*";
const SCHEME: &str = "[a-zA-Z][a-zA-Z0-9+.-]*:";
/// A piece of a JSON pointer.
const POINTER: &str = "(?:/(?:[^/~]|~[01])*)*";

/// The texts of a format; `None` for one that is only a remark.
pub fn regex(name: &str) -> Option<String> {
    Some(match name {
        "date" => date(),
        "time" => TIME.into(),
        "date-time" => format!("(?:{})[tT]{TIME}", date()),
        "duration" => duration(),
        "email" | "idn-email" => email(),
        "hostname" | "idn-hostname" => hostname(),
        "ipv4" => ipv4(),
        "ipv6" => ipv6(),
        "uuid" => "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".into(),
        "uri" | "iri" => format!("{SCHEME}(?:{})", after_scheme(true)),
        // What could be taken for a scheme is none: its first part has no colon.
        "uri-reference" | "iri-reference" => {
            format!("{SCHEME}(?:{})|{}", after_scheme(true), after_scheme(false))
        }
        "uri-template" => {
            let variable = "(?:[a-zA-Z0-9_]|%[0-9a-fA-F]{2})+(?:\\.(?:[a-zA-Z0-9_]|%[0-9a-fA-F]{2})+)*(?:\\*|:[1-9][0-9]{0,3})?";
            format!(
                "(?:[!#$&()*+,./0-9:;=?@A-Z\\[\\]_a-z~-]|%[0-9a-fA-F]{{2}}|\\{{[+#./;?&]?{variable}(?:,{variable})*\\}})*"
            )
        }
        "json-pointer" => POINTER.into(),
        "relative-json-pointer" => format!("(?:0|[1-9][0-9]*)(?:#|{POINTER})"),
        "regex" => {
            let class = "\\[\\^?(?:[a-zA-Z0-9_]|\\\\[dDwWsS])+\\]";
            let atom = format!("(?:[a-zA-Z0-9 _,:;@%&=!<>~'\"/-]|\\.|\\\\[dDwWsSnrt.]|{class})");
            format!("\\^?(?:{atom}(?:[*+?]|\\{{[0-9]\\}})?)*\\$?")
        }
        _ => return None,
    })
}

fn date() -> String {
    format!("[0-9]{{4}}-{MONTH_DAY}|{LEAP_YEAR}-02-29")
}

fn duration() -> String {
    let some = |units: [char; 3]| {
        let [first, second, third] = units.map(|unit| format!("[0-9]+{unit}"));
        format!("(?:{first}(?:{second}(?:{third})?)?|{second}(?:{third})?|{third})")
    };
    let (date, time) = (some(['Y', 'M', 'D']), some(['H', 'M', 'S']));
    format!("P(?:{date}(?:T{time})?|T{time}|[0-9]+W)")
}

fn email() -> String {
    let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]";
    // Both lengths are bounded by RFC 5321: before the @ to 64 characters.
    let local = format!("{atom}{{1,64}}|{atom}{{1,15}}(?:\\.{atom}{{1,15}}){{1,3}}");
    format!("(?:{local})@(?:{})", hostname())
}

fn hostname() -> String {
    // 253 characters at the most.
    format!("{LABEL}(?:\\.{LABEL}){{0,2}}")
}

fn ipv4() -> String {
    format!("{OCTET}(?:\\.{OCTET}){{3}}")
}

fn ipv6() -> String {
    let group = "[0-9a-fA-F]{1,4}";
    let last = format!("(?:{group}:{group}|{})", ipv4());
    let mut options = vec![format!("(?:{group}:){{6}}{last}")];
    // So many groups stand before the gap at most, so many after it.
    for after in (0..=5).rev() {
        let before = 5 - after;
        let head = match before {
            0 => String::new(),
            _ => format!("(?:(?:{group}:){{0,{}}}{group})?", before - 1),
        };
        options.push(format!("{head}::(?:{group}:){{{after}}}{last}"));
    }
    options.push(format!("(?:(?:{group}:){{0,5}}{group})?::{group}"));
    options.push(format!("(?:(?:{group}:){{0,6}}{group})?::"));
    options.join("|")
}

/// What follows a scheme, or the same without one.
fn after_scheme(has_scheme: bool) -> String {
    let host = format!("(?:\\[(?:{})\\]|{REGISTERED_NAME})", ipv6());
    let authority = format!("//(?:{USER}@)?{host}(?::[0-9]*)?(?:/{PCHAR}*)*");
    let first = match has_scheme {
        true => PCHAR.to_owned(),
        false => PCHAR.replace(":@-", "@-"),
    };
    let path = format!("(?:/(?:{PCHAR}+(?:/{PCHAR}*)*)?|{first}+(?:/{PCHAR}*)*)?");
    format!("(?:{authority}|{path})(?:\\?(?:{PCHAR}|[/?])*)?(?:#(?:{PCHAR}|[/?])*)?")
}
