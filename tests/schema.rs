//! JSON schemas: what they let through is valid, by the JSON-Schema-Test-Suite and by random walks.
#![cfg(not(target_arch = "wasm32"))]

#[path = "schema/composed.rs"]
mod composed;
#[path = "common/grammars.rs"]
mod grammars;
#[path = "schema/numbers.rs"]
mod numbers;

use grammars::{accepts, vocabulary};
use nexttoken::TokenId;
use nexttoken::constraint::{Kind, Rule};
use serde_json::Value;

#[test]
fn nothing_invalid_of_the_test_suite_is_let_through() {
    let suite = include_str!("data/json-schema/suite.json");
    let suite: Vec<(String, Value, Vec<String>, Vec<String>)> =
        serde_json::from_str(suite).unwrap();
    let vocabulary = vocabulary();
    let (mut compiled, mut accepted, mut valid, mut rejected) = (0, 0, 0, 0);
    let mut unsound: Vec<String> = Vec::new();
    for (file, schema, right, wrong) in &suite {
        let grammar = match vocabulary.grammar(Kind::JsonSchema, &schema.to_string()) {
            Ok(grammar) => grammar,
            Err(error) => {
                println!("{file}: {schema}: {error}");
                continue;
            }
        };
        compiled += 1;
        for text in wrong {
            rejected += 1;
            if accepts(&grammar, text) {
                unsound.push(format!("{file}: {schema} lets {text} through"));
            }
        }
        for text in right {
            valid += 1;
            if accepts(&grammar, text) {
                accepted += 1;
            } else {
                println!("{file}: {schema} does not let {text} through");
            }
        }
    }
    println!(
        "{compiled} of {} schemas, {accepted} of {valid} valid texts, {rejected} invalid ones",
        suite.len()
    );
    assert!(unsound.is_empty(), "{}", unsound.join("\n"));
    // What is refused, or cannot be written, does not grow unseen.
    assert!(compiled >= 388 && accepted >= 1065 && rejected >= 874);
}

/// Texts that a schema allows, and others that it does not.
fn check(schema: &str, valid: &[&str], invalid: &[&str]) {
    let grammar = match vocabulary().grammar(Kind::JsonSchema, schema) {
        Ok(grammar) => grammar,
        Err(error) => panic!("{schema}: {error}"),
    };
    for text in valid {
        assert!(accepts(&grammar, text), "{schema} does not allow {text}");
    }
    for text in invalid {
        assert!(!accepts(&grammar, text), "{schema} allows {text}");
    }
}

fn refused(schema: &str) -> String {
    match vocabulary().grammar(Kind::JsonSchema, schema) {
        Err(nexttoken::Error::InvalidOption { reason, .. }) => reason,
        Err(other) => panic!("{schema}: {other}"),
        Ok(_) => panic!("{schema} is taken"),
    }
}

#[test]
fn strings_may_be_escaped() {
    check(
        r#"{"type":"string"}"#,
        &[
            r#""caf\u00e9""#,
            r#""caf\u00E9 é""#,
            r#""\u2013""#,
            r#""\ud83d\ude00""#,
            r#""a\/b""#,
            r#""\u0009\t\b\f\n\r\"\\""#,
        ],
        &[
            "\"\t\"",
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\x41""#,
            r#""\u12g4""#,
        ],
    );
    check(
        r#"{"type":"string","minLength":1,"maxLength":1}"#,
        &[
            "\"😀\"",
            r#""\ud83d\ude00""#,
            r#""\n""#,
            r#""\u00e9""#,
            "\"x\"",
        ],
        &["\"\"", "\"ab\"", r#""\n\n""#, r#""\u00e9x""#, "\"😀😀\""],
    );
    check(
        r#"{"type":"string","pattern":"^[à-ü]+[^\"]$"}"#,
        &["\"éa\"", r#""\u00e9\u00E8a""#, r#""é\\""#],
        &["\"e\"", r#""\u0065a""#, r#""é\"""#, r#""é\u0022""#],
    );
    check(
        r#"{"const":"né"}"#,
        &["\"né\"", r#""n\u00e9""#, r#""\u006e\u00e9""#],
        &["\"ne\""],
    );
}

#[test]
fn patterns_mean_what_they_mean_in_ecmascript() {
    let pattern = |source: &str| format!("{{\"type\":\"string\",\"pattern\":\"{source}\"}}");
    let texts = |source: &str, valid: &[&str], invalid: &[&str]| {
        let quoted = |texts: &[&str]| -> Vec<String> {
            texts.iter().map(|text| format!("\"{text}\"")).collect()
        };
        let (valid, invalid) = (quoted(valid), quoted(invalid));
        let valid: Vec<&str> = valid.iter().map(String::as_str).collect();
        let invalid: Vec<&str> = invalid.iter().map(String::as_str).collect();
        check(&pattern(source), &valid, &invalid);
    };
    for (source, valid, invalid) in [
        // A range that ends in a hyphen.
        ("^[^!--a]$", &["b", ".", " "][..], &["!", "+", "-", "a"][..]),
        ("^[!--a]$", &["!", "+", "-", "a"], &["b", "."]),
        ("^[--0]$", &["-", ".", "0"], &["1", ","]),
        ("^[a-c-e]$", &["a", "b", "c", "-", "e"], &["d"]),
        ("^[-a]$", &["-", "a"], &["b"]),
        ("^[^-a]$", &["b"], &["-", "a"]),
        ("^[a-]$", &["-", "a"], &["b"]),
        ("^[\\\\d-z]$", &["5", "-", "z"], &["a"]),
        ("^[!-\\\\d]$", &["5", "-", "!"], &["+", "a"]),
        ("^[\\\\D5]$", &["5", "a"], &["4"]),
        ("^[a&&b~~c]$", &["a", "&", "b", "~", "c"], &["d"]),
        ("^[[a]$", &["[", "a"], &["b"]),
        ("^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]),
        ("^\\\\{,2}$", &["{,2}"], &["", "{"]),
    ] {
        texts(source, valid, invalid);
    }
    for (source, valid, invalid) in [
        (
            "^$|^https?://",
            &["", "http://a"][..],
            &["a", " http://a"][..],
        ),
        ("^a$|^bc$", &["a", "bc"], &["", "ab", "b", "abc", "bcd"]),
        ("^(a$|b)", &["a", "b", "bx"], &["ax", "xa"]),
        ("^x(?:a|b$)", &["xa", "xay", "xb"], &["xby", "xxa", "x"]),
        ("[xy]a$|[xy]b$", &["xa", "1yb"], &["xa1", "a"]),
        ("(^a|b$)", &["ax", "xb", "a"], &["xa", "bx"]),
    ] {
        texts(source, valid, invalid);
    }
    for source in ["^a{,2}$", "^a{ 2}$", "^a{2, 3}$", "^a{}$"] {
        refused(&pattern(source));
    }
}

#[test]
fn names_are_told_apart_however_they_are_spelled() {
    check(
        r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":{"type":"integer"}}"#,
        &[
            r#"{"name":"x"}"#,
            r#"{"\u006eame":"x"}"#,
            r#"{"n":1,"name":"x","names":2,"nam\u0065s ":3}"#,
        ],
        &[
            r#"{"name":"x","\u006eame":1}"#,
            r#"{"name":"x","n\u0061me":1}"#,
            r#"{"name":"x","name":1}"#,
            r#"{"name":"x","name":"y"}"#,
            r#"{"name":"x","a":1,"a":2}"#,
            r#"{"name":"x","a":1,"\u0061":2}"#,
            r#"{"a":1}"#,
        ],
    );
    check(
        r#"{"type":"object","properties":{"id":{"const":1}},"required":["id"]}"#,
        &[r#"{"id":1}"#, r#"{"id":1,"ie":{"id":2}}"#],
        &[
            r#"{"id":1,"\u0069d":2}"#,
            r#"{"id":1,"o":{"a":1,"\u0061":1}}"#,
        ],
    );
    check(
        r#"{"type":"object","patternProperties":{"^x-":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#,
        &[r#"{"x-a":"b","y":1}"#, r#"{"x\u002da":"b"}"#],
        &[r#"{"x\u002da":1}"#, r#"{"x-a":1}"#, r#"{"y":"b"}"#],
    );
}

#[test]
fn properties_come_in_any_order() {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"note":{}},"required":["days"],"additionalProperties":false}"#;
    check(
        schema,
        &[
            r#"{"days":3,"city":"Oslo"}"#,
            r#"{"city":"Oslo","days":3}"#,
            r#"{"note":[{"a":null}], "days":3, "city":"x"}"#,
            r#"{"days":3}"#,
        ],
        &[
            r#"{"city":"Oslo"}"#,
            r#"{}"#,
            r#"{"days":3,"days":3}"#,
            r#"{"days":3,}"#,
            r#"{"days":3,"citys":"x"}"#,
        ],
    );
    let grammar = vocabulary().grammar(Kind::JsonSchema, r#"{"type":"object","properties":{"a":{"const":1},"b":{"const":2}},"required":["a","b"],"additionalProperties":false}"#).unwrap();
    let ids = |text: &str| text.bytes().map(TokenId::from).collect::<Vec<_>>();
    // After the first, only the other; after both, only the end.
    let mask = grammar
        .allowed_tokens(&ids(r#"{"b":2,""#))
        .unwrap()
        .unwrap();
    assert!(mask.allows(u32::from(b'a')) && !mask.allows(u32::from(b'b')));
    let mask = grammar
        .allowed_tokens(&ids(r#"{"b":2,"a":1"#))
        .unwrap()
        .unwrap();
    assert!(mask.allows(u32::from(b'}')) && !mask.allows(u32::from(b',')));
    // More than bits can count come in the order of the schema.
    let many: Vec<String> = (0..100)
        .map(|n| format!("\"p{n}\":{{\"const\":{n}}}"))
        .collect();
    check(
        &format!(
            "{{\"type\":\"object\",\"properties\":{{{}}},\"required\":[\"p7\"]}}",
            many.join(",")
        ),
        &[r#"{"p7":7}"#, r#"{"p1":1,"p7":7,"p99":99,"q":true}"#],
        &[r#"{"p1":1}"#, r#"{"p7":8}"#, r#"{"p7":7,"p7":7}"#],
    );
    check(
        r#"{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"minProperties":2,"maxProperties":3}"#,
        &[
            r#"{"a":1,"b":2}"#,
            r#"{"b":1,"x":2,"a":3}"#,
            r#"{"x":1,"a":2}"#,
        ],
        &[
            r#"{"a":1}"#,
            r#"{"b":1,"x":2,"y":3}"#,
            r#"{"a":1,"b":2,"x":3,"y":4}"#,
            r#"{"a":1,"a":2}"#,
        ],
    );
}

#[test]
fn more_properties_than_are_allowed_cannot_be_required() {
    for count in [3, 80] {
        let names: Vec<String> = (0..count).map(|name| format!("\"p{name}\"")).collect();
        let properties: Vec<String> = names
            .iter()
            .map(|name| format!("{name}:{{\"type\":\"null\"}}"))
            .collect();
        refused(&format!(
            r#"{{"type":"object","properties":{{{}}},"required":[{}],"additionalProperties":false,"maxProperties":2}}"#,
            properties.join(","),
            names.join(","),
        ));
    }
}

#[test]
fn formats_are_kept_and_unknown_ones_are_remarks() {
    let format = |name: &str| format!("{{\"type\":\"string\",\"format\":\"{name}\"}}");
    check(
        &format("date"),
        &[
            "\"2024-02-29\"",
            "\"2000-02-29\"",
            "\"2026-02-28\"",
            "\"1999-12-31\"",
        ],
        &[
            "\"2026-02-29\"",
            "\"1900-02-29\"",
            "\"2024-02-30\"",
            "\"2026-04-31\"",
            "\"2026-13-01\"",
        ],
    );
    check(
        &format("date-time"),
        &[
            "\"2024-02-29T23:59:59.5Z\"",
            "\"2026-11-25t00:00:00+01:30\"",
        ],
        &["\"2026-02-29T00:00:00Z\"", "\"2026-02-28T24:00:00Z\""],
    );
    check(
        &format("uuid"),
        &["\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""],
        &["\"2eb8aa08aa9811eab4aa73b441d16380\""],
    );
    check(
        &format("ipv6"),
        &[
            "\"::1\"",
            "\"1::8\"",
            "\"::ffff:192.0.2.1\"",
            "\"1:2:3:4:5:6:7:8\"",
        ],
        &["\"1::2::3\"", "\"12345::\"", "\"1:2:3:4:5:6:7\""],
    );
    check(&format("password"), &["\"a\"", "\"\""], &["1"]);
    check(
        &format("email"),
        &["\"ada@example.com\""],
        &["\"ada\"", "\"a..b@example.com\""],
    );
    let local = |characters: usize| format!("\"{}@example.com\"", "a".repeat(characters));
    check(&format("email"), &[&local(64)], &[&local(65)]);
    let atom = "a".repeat(16);
    let long = format!("\"{atom}.{atom}.{atom}.{atom}@example.com\"");
    check(&format("email"), &["\"a.b.c.d@example.com\""], &[&long]);
}

#[test]
fn references_are_followed_as_their_standards_say() {
    check(
        r##"{"$defs":{"shared/City":{"type":"integer"}},"type":"object","properties":{"x":{"$ref":"#/$defs/shared~1City"}},"required":["x"]}"##,
        &[r#"{"x":1}"#],
        &[r#"{"x":"1"}"#],
    );
    check(
        r##"{"$defs":{"a~b":{"type":"integer"}},"$ref":"#/$defs/a~0b"}"##,
        &["1"],
        &["null"],
    );
    check(
        r##"{"$defs":{"List<str>":{"type":"integer"}},"$ref":"#/$defs/List%3Cstr%3E"}"##,
        &["1"],
        &["null"],
    );
    for reference in [
        "https://example.com/s.json#/$defs/A",
        "s.json#/$defs/A",
        "/s.json#/$defs/A",
        "#/$defs/A",
        "#a",
    ] {
        check(
            &format!(
                r##"{{"$id":"https://example.com/s.json","$defs":{{"A":{{"$anchor":"a","type":"integer"}}}},"$ref":"{reference}"}}"##
            ),
            &["1"],
            &["null"],
        );
    }
    check(
        r#"{"type":"array","items":{"type":"string"},"uniqueItems":false}"#,
        &[r#"["a","a"]"#],
        &["[1]"],
    );
    check(
        r#"{"type":"array","items":{"enum":["a","b",3]},"uniqueItems":true}"#,
        &["[]", r#"["b","a"]"#, r#"[3,"a","b"]"#],
        &[r#"["a","a"]"#, r#"["a",]"#],
    );
    refused(r#"{"type":"array","items":{"type":"string"},"uniqueItems":true}"#);
    refused(r##"{"$ref":"other.json#/a"}"##);
    refused(r##"{"$ref":"#/$defs/none"}"##);
    refused(r##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##);
}
