//! `format`: each format as a regular expression in Rust's syntax, for the decoded text of the string.
//!
//! Where a format is no regular language or needs tables (internationalised host names, regular expressions), the
//! expression covers a part of it: whatever it matches is of the format, but not everything of the format can be
//! written.

const MONTH_DAY: &str = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
/// Years divisible by 4 but not by 100, and years divisible by 400.
const LEAP_YEAR: &str =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
/// A time of RFC 3339, without leap seconds: they exist at one moment of the day only.
const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const OCTET: &str = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/// A label of a host name. One with hyphens as its third and fourth character would be a Punycode label.
const LABEL: &str = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,2}[a-zA-Z0-9]|[a-zA-Z0-9-](?:[a-zA-Z0-9][a-zA-Z0-9-]|-[a-zA-Z0-9])[a-zA-Z0-9-]{0,58}[a-zA-Z0-9])?";
/// A label of an internationalised host name: only letters that are valid whatever their neighbours, and few enough
/// that the label is not too long in Punycode.
const LETTERS: &str =
    "[a-z0-9à-öø-ÿ\u{3b1}-\u{3c1}\u{3c3}-\u{3c9}ά-ώа-я가-힣一-龥ぁ-ゖァ-ヺ]{1,12}";
/// The characters beyond ASCII that RFC 3987 allows in an IRI (`ucschar`), and those only in its query (`iprivate`).
const UCS: &str = "\\x{a0}-\\x{d7ff}\\x{f900}-\\x{fdcf}\\x{fdf0}-\\x{ffef}\\x{10000}-\\x{1fffd}\\x{20000}-\\x{2fffd}\\x{30000}-\\x{3fffd}";
const PRIVATE: &str = "\\x{e000}-\\x{f8ff}\\x{f0000}-\\x{ffffd}\\x{100000}-\\x{10fffd}";
/// The characters that stand for themselves in each part of a URI: RFC 3986's `unreserved` and `sub-delims`.
const PLAIN: &str = "a-zA-Z0-9._~!$&'()*+,;=-";
const ENCODED: &str = "%[0-9a-fA-F]{2}";
const SCHEME: &str = "[a-zA-Z][a-zA-Z0-9+.-]*:";
/// A JSON pointer of RFC 6901.
const POINTER: &str = "(?:/(?:[^/~]|~[01])*)*";

/// The regular expression of a format; `None` for an unknown format, which is only an annotation.
pub fn regex(name: &str) -> Option<String> {
    Some(match name {
        "date" => date(),
        "time" => TIME.into(),
        "date-time" => format!("(?:{})[tT]{TIME}", date()),
        "duration" => duration(),
        "email" => email(),
        "idn-email" => {
            let letter = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~\\x{80}-\\x{10ffff}-]";
            let quoted = "\"[a-zA-Z0-9 .@\\x{80}-\\x{10ffff}]{0,15}\"";
            format!(
                "{}|(?:{letter}{{1,16}}|{quoted})@(?:{})",
                email(),
                international()
            )
        }
        "hostname" => hostname(),
        "idn-hostname" => international(),
        "ipv4" => ipv4(),
        "ipv6" => ipv6(),
        "uuid" => "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".into(),
        "uri" => absolute(""),
        "iri" => absolute(UCS),
        // Without a scheme, the first segment of the path has no colon.
        "uri-reference" => format!("{}|{}", absolute(""), after_scheme(false, "")),
        "iri-reference" => format!("{}|{}", absolute(UCS), after_scheme(false, UCS)),
        "uri-template" => {
            let variable = "(?:[a-zA-Z0-9_]|%[0-9a-fA-F]{2})+(?:\\.(?:[a-zA-Z0-9_]|%[0-9a-fA-F]{2})+)*(?:\\*|:[1-9][0-9]{0,3})?";
            format!(
                "(?:[!#$&'()*+,./0-9:;=?@A-Z\\[\\]_a-z~{UCS}{PRIVATE}-]|%[0-9a-fA-F]{{2}}|\\{{[+#./;?&]?{variable}(?:,{variable})*\\}})*"
            )
        }
        "json-pointer" => POINTER.into(),
        "relative-json-pointer" => format!("(?:0|[1-9][0-9]*)(?:#|{POINTER})"),
        "regex" => {
            let class = "\\[\\^?(?:[a-zA-Z0-9_]|\\\\[dDwWsS])+\\]";
            let atom = format!(
                "(?:[a-zA-Z0-9 _,:;@%&=!<>~'\"/-]|\\.|\\\\[dDwWsSnrtfv.*+?()|^$/\\[\\]{{}}\\\\]|{class})"
            );
            let often = "(?:[*+?]|\\{[0-9]\\})?";
            let some = format!("(?:{atom}{often})*");
            let group = format!("\\((?:\\?:)?{some}(?:\\|{some})*\\)");
            let all = format!("\\^?(?:(?:{atom}|{group}){often})*\\$?");
            format!("{all}(?:\\|{all})*")
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
    // RFC 5321 limits both parts; the one before the @ to 64 characters.
    let local = format!("{atom}{{1,64}}|{atom}{{1,15}}(?:\\.{atom}{{1,15}}){{1,3}}");
    let quoted = "\"(?:[ !#-\\[\\]-~]|\\\\[ -~]){0,31}\"";
    let literal = format!("\\[(?:{}|IPv6:(?:{}))\\]", ipv4(), ipv6());
    format!("(?:{local}|{quoted})@(?:{}|{literal})", hostname())
}

fn hostname() -> String {
    // Three labels of at most 63 characters stay below the limit of 253.
    format!("{LABEL}(?:\\.{LABEL}){{0,2}}")
}

fn international() -> String {
    let label = format!("(?:{LABEL}|{LETTERS})");
    format!("{label}(?:\\.{label}){{0,2}}")
}

fn ipv4() -> String {
    format!("{OCTET}(?:\\.{OCTET}){{3}}")
}

fn ipv6() -> String {
    let group = "[0-9a-fA-F]{1,4}";
    let last = format!("(?:{group}:{group}|{})", ipv4());
    let mut options = vec![format!("(?:{group}:){{6}}{last}")];
    // At most `before` groups come before the `::`, and `after` groups and the last part behind it.
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

fn absolute(letters: &str) -> String {
    format!("{SCHEME}(?:{})", after_scheme(true, letters))
}

/// What follows a scheme, or a reference without one. `letters` are the allowed characters beyond ASCII.
fn after_scheme(has_scheme: bool, letters: &str) -> String {
    let some = |others: &str| format!("(?:[{letters}{others}{PLAIN}]|{ENCODED})");
    let (user, name, character) = (some(":"), some(""), some(":@"));
    let future = format!("[vV][0-9a-fA-F]+\\.[:{PLAIN}]+");
    let host = format!("(?:\\[(?:{}|{future})\\]|{name}*)", ipv6());
    let authority = format!("//(?:{user}*@)?{host}(?::[0-9]*)?(?:/{character}*)*");
    let first = if has_scheme { some(":@") } else { some("@") };
    let path = format!("(?:/(?:{character}+(?:/{character}*)*)?|{first}+(?:/{character}*)*)?");
    let private = if letters.is_empty() { "" } else { PRIVATE };
    let query = some(&format!(":@/?{private}"));
    let fragment = some(":@/?");
    format!("(?:{authority}|{path})(?:\\?{query}*)?(?:#{fragment}*)?")
}
