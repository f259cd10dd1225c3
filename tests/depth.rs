//! What leads deep is refused or taken, and never ends the process: every source that recurs, in a small thread.
#![cfg(not(target_arch = "wasm32"))]

#[path = "common/grammars.rs"]
mod grammars;

use grammars::vocabulary;
use nexttoken::constraint::{Kind, Rule};

/// A rule for each number, each leading to the next, between two texts. `first` is the name of the first rule, and
/// `is` stands behind a name.
fn chain(
    count: usize,
    (first, is): (&str, &str),
    name: &str,
    around: [&str; 2],
    last: &str,
) -> String {
    let [before, after] = around;
    let rule = |n: usize| format!("{name}{n}{is} {before}{name}{}{after}\n", n + 1);
    let rules: String = (0..count).map(rule).collect();
    format!("{first}{is} {name}0\n{rules}{name}{count}{is} {last}\n")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

fn sources(count: usize) -> Vec<(Kind, String)> {
    let mut sources = Vec::new();
    let definitions = |definition: &dyn Fn(usize) -> String| {
        let definitions: Vec<String> = (0..count)
            .map(|n| format!("\"a{n}\":{}", definition(n)))
            .collect();
        format!(
            "{{\"$ref\":\"#/$defs/a0\",\"$defs\":{{{},\"a{count}\":{{\"type\":\"null\"}}}}}}",
            definitions.join(",")
        )
    };
    let reference = |n: usize| format!("{{\"$ref\":\"#/$defs/a{}\"}}", n + 1);
    for definition in [
        &(|n| reference(n)) as &dyn Fn(usize) -> String,
        &|n| format!("{{\"allOf\":[{}]}}", reference(n)),
        &|n| format!("{{\"anyOf\":[{},{{\"type\":\"string\"}}]}}", reference(n)),
        &|n| format!("{{\"oneOf\":[{},{{\"type\":\"boolean\"}}]}}", reference(n)),
        &|n| format!("{{\"type\":\"array\",\"items\":{}}}", reference(n)),
        &|n| {
            format!(
                "{{\"type\":\"object\",\"properties\":{{\"x\":{}}},\"required\":[\"x\"]}}",
                reference(n)
            )
        },
    ] {
        sources.push((Kind::JsonSchema, definitions(definition)));
    }
    for (open, close) in [
        ("{\"items\":", "}"),
        ("{\"allOf\":[", "]}"),
        ("{\"anyOf\":[", "]}"),
        ("{\"properties\":{\"a\":", "}}"),
        ("{\"not\":", "}"),
    ] {
        sources.push((Kind::JsonSchema, nested(open, "true", close, count)));
    }
    sources.push((
        Kind::JsonSchema,
        format!("{{\"const\":{}}}", nested("[", "1", "]", count)),
    ));
    let pattern = |pattern: String| format!("{{\"type\":\"string\",\"pattern\":\"{pattern}\"}}");
    sources.push((Kind::JsonSchema, pattern(nested("(", "a", ")", count))));
    sources.push((Kind::JsonSchema, pattern(nested("(", "a", ")?", count))));
    for (rule, last) in [("a", "\"x\""), ("A", "\"x\""), ("A", "/x/")] {
        for around in [["", ""], ["\"(\" ", " \")\""], ["(\"(\" ", " | \"y\")?"]] {
            let source = chain(count, ("start", ":"), rule, around, last);
            sources.push((Kind::Grammar, source));
        }
    }
    sources.push((
        Kind::Grammar,
        format!("start: {}\n", nested("(", "\"a\"", ")", count)),
    ));
    sources.push((
        Kind::Grammar,
        format!("start: {}\n", nested("[", "\"a\"", "]", count)),
    ));
    sources.push((
        Kind::Grammar,
        format!("start: A\nA: {}\n", nested("(", "\"a\"", ")?", count)),
    ));
    sources.push((
        Kind::Grammar,
        format!("start: A\nA: {}\"a\"\n", "~".repeat(count)),
    ));
    sources.push((
        Kind::Grammar,
        format!("start: %json {}\n", definitions(&reference)),
    ));
    sources.push((
        Kind::Grammar,
        format!("start: /{}/\n", nested("(", "a", ")", count)),
    ));
    sources.push((
        Kind::Grammar,
        format!(
            "start: x\nx: {}",
            nested("%lark {\nstart: ", "\"a\"", "\n}", count)
        ),
    ));
    for around in [
        ["", ""],
        ["\"(\" ", " \")\""],
        ["(", ")*"],
        ["\"x\" | ", " \"y\"{2,3}"],
    ] {
        let source = chain(count, ("root", " ::="), "a", around, "\"x\"");
        sources.push((Kind::Grammar, source));
    }
    sources.push((
        Kind::Grammar,
        format!("root ::= {}\n", nested("(", "\"a\"", ")", count)),
    ));
    sources.push((
        Kind::Grammar,
        format!("root ::= \"a\"{}\n", "?".repeat(count)),
    ));
    sources.push((Kind::Regex, nested("(", "a", ")", count)));
    sources.push((Kind::Regex, nested("(", "a", ")*", count)));
    sources.push((Kind::Regex, nested("(a|", "b", ")", count)));
    sources.push((Kind::Regex, nested("[a", "b", "]", count)));
    sources
}

#[test]
fn what_leads_deep_ends_in_a_small_thread() {
    for count in [50, 800] {
        for (kind, source) in sources(count) {
            let name = format!("{source:.40}… {count}");
            let thread = std::thread::Builder::new().stack_size(1 << 20);
            let thread = thread.spawn(move || {
                let started = std::time::Instant::now();
                let outcome = match vocabulary().grammar(kind, &source) {
                    Err(nexttoken::Error::InvalidOption { reason, .. }) => reason,
                    Err(other) => panic!("{other}"),
                    Ok(grammar) => match grammar.allowed_tokens(&[]) {
                        Ok(_) => "taken".to_owned(),
                        Err(error) => error.to_string(),
                    },
                };
                println!("{:?} {name}: {outcome}", started.elapsed());
                outcome
            });
            let outcome = thread.unwrap().join().unwrap();
            assert!(!outcome.contains("panic"), "{outcome}");
        }
    }
}
