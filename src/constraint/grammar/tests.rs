use super::*;
use crate::test_random::WideTestRandom;

/// The longer tokens of the test vocabulary, which come after the 256 bytes. A token that ends a generation follows.
const WORDS: [&str; 9] = ["{\"", "\":", "true", "ab", "abc", "🙂", "\"}", "ll", "null"];
const FIRST_WORD: TokenId = 256;
const END_TOKEN: TokenId = 256 + WORDS.len() as TokenId;

fn table(with_end: bool) -> Vec<u8> {
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    let words = WORDS.iter().map(|word| word.as_bytes().to_vec());
    let mut table = Vec::new();
    for word in bytes.chain(words) {
        table.extend((word.len() as u32).to_le_bytes());
        table.extend(word);
    }
    if with_end {
        table.extend(END.to_le_bytes());
    }
    // A token without text, as control tokens are.
    table.extend(0u32.to_le_bytes());
    table
}

fn grammar(kind: Kind, source: &str) -> Grammar {
    let vocabulary = Vocabulary::new(&table(true)).unwrap();
    match vocabulary.grammar(kind, source) {
        Ok(grammar) => grammar,
        Err(error) => panic!("{source}: {error}"),
    }
}

fn refused(kind: Kind, source: &str) -> String {
    let vocabulary = Vocabulary::new(&table(true)).unwrap();
    match vocabulary.grammar(kind, source) {
        Err(Error::InvalidOption { name, reason }) => {
            assert_eq!(name, kind.name());
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
            reason
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{source:?} was taken"),
    }
}

fn bytes(text: &str) -> Vec<TokenId> {
    text.bytes().map(TokenId::from).collect()
}

/// Whether the text may be written byte by byte, and may end there.
fn matches(grammar: &Grammar, text: &str) -> bool {
    let ids = bytes(text);
    for end in 0..ids.len() {
        match grammar.allowed_tokens(&ids[..end]).unwrap() {
            Some(mask) if mask.allows(ids[end]) => {}
            _ => return false,
        }
    }
    let last = grammar.allowed_tokens(&ids).unwrap();
    last.is_none_or(|mask| mask.allows(END_TOKEN))
}

fn check(kind: Kind, source: &str, good: &[&str], bad: &[&str]) {
    let grammar = grammar(kind, source);
    for text in good {
        assert!(matches(&grammar, text), "{source}: {text}");
    }
    for text in bad {
        assert!(!matches(&grammar, text), "{source}: {text}");
    }
}

#[test]
fn a_regular_expression_is_for_the_whole_text() {
    let good = ["2026-11-24", "0000-00-00"];
    let bad = ["", "2026-11", "2026-11-245", "a2026-11-24"];
    check(Kind::Regex, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", &good, &bad);
    check(Kind::Regex, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", &good, &bad);
    check(Kind::Regex, "a/b//c|#x", &["a/b//c", "#x"], &["a", "b//c"]);
    check(Kind::Regex, r"^a\$", &["a$"], &["a", "^a$"]);
    check(Kind::Regex, "//", &["//"], &["/", ""]);
    check(Kind::Regex, "[à-ü]🙂?", &["é", "é🙂"], &["e", "🙂"]);
    assert!(refused(Kind::Regex, "a(b").len() > 3);
    assert!(refused(Kind::Regex, "a[").len() > 3);
    refused(Kind::Regex, "a\\");
    refused(Kind::Regex, " ");
    refused(Kind::Regex, "^$");
    refused(Kind::Regex, "(?=a)b");
}

#[test]
fn a_schema_allows_what_it_describes() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"boolean"},"b":{"enum":["x",null]}},
        "required":["a"],"additionalProperties":false}"#;
    let good = [
        "{\"a\":true}",
        "{ \"a\": false,\n  \"b\": null}",
        "{\"a\":true, \"b\":\"x\"}",
    ];
    let bad = [
        "{}",
        "{\"a\":1}",
        "{\"b\":null}",
        "{\"a\":true,\"c\":1}",
        "{  \"a\":true}",
        "{\"a\":true} ",
    ];
    check(Kind::JsonSchema, schema, &good, &bad);
    check(
        Kind::JsonSchema,
        "true",
        &["[1,{}]", "null"],
        &["nul", "[1,]"],
    );
    assert!(refused(Kind::JsonSchema, "{\"type\":").contains("JSON"));
    refused(Kind::JsonSchema, "7");
    refused(Kind::JsonSchema, "false");
    refused(Kind::JsonSchema, r#"{"type":"thing"}"#);
    refused(Kind::JsonSchema, r##"{"$ref":"#/nowhere"}"##);
    refused(Kind::JsonSchema, r#"{"$ref":"https://example.com/schema"}"#);
    refused(Kind::JsonSchema, r#"{"type":"string","pattern":"("}"#);
}

#[test]
fn both_dialects_of_grammars_are_taken() {
    let lark = "start: \"(\" start \")\" | NAME\nNAME: /[a-z]+/\n";
    let gbnf = "# comment\nroot ::= \"(\" root \")\" | name # more\nname ::= [a-z]+\n";
    for source in [lark, gbnf] {
        check(
            Kind::Grammar,
            source,
            &["abc", "(a)", "((xyz))"],
            &["", "(a", "()", "A"],
        );
    }
    assert!(refused(Kind::Grammar, "start: \"a\" (\n").contains("1("));
    assert!(refused(Kind::Grammar, "start: missing").contains("missing"));
    refused(Kind::Grammar, "nothing here");
    for source in [
        "start: %json {\"type\":\"string\"}",
        "start: \"a\" x\nx: %json{}\n",
        "start: x\nx: %lark { start: %json { \"enum\": [1] } }\n",
    ] {
        assert!(refused(Kind::Grammar, source).contains("json_schema"));
    }
}

#[test]
fn gbnf_is_read_as_llama_cpp_reads_it() {
    let json = r#"
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
"#;
    let good = [
        "{}",
        "{\"a\": [1, -2.5e3, \"x\\u00e9\"],\n\t\"ü🙂\": {\"b\": null}}",
    ];
    let bad = [
        "[]",
        "{\"a\"}",
        "{\"a\":01}",
        "{\"a\":\"\u{7f}\"}",
        "{,}",
        "{\"a\":1,}",
    ];
    check(Kind::Grammar, json, &good, &bad);
    let some = "root ::= a{2} b{1,} (\"c\" | \"d\"){,2} e{0} [\\]\\-a^]? .\na ::= \"x\"\nb ::= [y-z]\ne ::= \"e\"";
    check(
        Kind::Grammar,
        some,
        &["xxy!", "xxzyzcd]\n", "xxy-🙂"],
        &["xy!", "xx!", "xxycdcd"],
    );
    check(
        Kind::Grammar,
        "root ::= [-a] [b-] [^\\x61-\\u0063]",
        &["-bd", "a--"],
        &["bbd", "aaa", "-ba"],
    );
    check(
        Kind::Grammar,
        "root ::= \"a\"\n | \"b\"\n\n\n\nx ::= \"y\"",
        &["a", "b"],
        &["y", ""],
    );
    for (source, reason) in [
        ("root ::= \"a", "line 1"),
        ("root ::= a\nb ::= \"\"", "\"a\""),
        ("x ::= \"a\"", "root"),
        ("root ::= \"a\"\nroot ::= \"b\"", "twice"),
        ("root ::= (\"a\"", "\")\""),
        ("root ::= \"a\"\n\nroot = 5", "line 3"),
        ("root ::= [z-a]", "range"),
        ("root ::= []", "class"),
        ("root ::= \"\\q\"", "escape"),
        ("root ::= \"\\uD800\"", "hexadecimal"),
        ("root ::= \"\\x€\"", "hexadecimal"),
        ("root ::= \"a\"{2,1}", "repetition"),
        ("root ::= <think>", "tokens"),
        ("root ::= \"a\" )", ")"),
    ] {
        let refused = refused(Kind::Grammar, source);
        assert!(refused.contains(reason), "{source}: {refused}");
    }
    let deep = format!("root ::= {}\"a\"{}", "(".repeat(5000), ")".repeat(5000));
    assert!(refused(Kind::Grammar, &deep).contains("deep"));
}

#[test]
fn tokens_cross_the_boundaries_of_the_grammar() {
    let grammar = grammar(
        Kind::JsonSchema,
        r#"{"type":"object","additionalProperties":{"const":true}}"#,
    );
    let mask = grammar.allowed_tokens(&[]).unwrap().unwrap();
    let word =
        |text: &str| FIRST_WORD + WORDS.iter().position(|word| *word == text).unwrap() as u32;
    assert!(mask.allows(word("{\"")) && mask.allows(u32::from(b'{')));
    assert!(!mask.allows(word("true")) && !mask.allows(END_TOKEN));
    let ids = [
        word("{\""),
        word("abc"),
        word("🙂"),
        word("\":"),
        word("true"),
    ];
    for end in 0..ids.len() {
        assert!(
            grammar
                .allowed_tokens(&ids[..end])
                .unwrap()
                .unwrap()
                .allows(ids[end])
        );
    }
    // The tokens of a half character may be generated, and then the character must be completed.
    let half = [word("{\""), 0xF0, 0x9F];
    let mask = grammar.allowed_tokens(&half).unwrap().unwrap();
    assert!(mask.allows(0x99) && !mask.allows(u32::from(b'"')) && !mask.allows(word("ab")));
    assert!(
        !grammar
            .allowed_tokens(&half[..1])
            .unwrap()
            .unwrap()
            .allows(0xFF)
    );
    // The token without a text.
    for end in 0..ids.len() {
        assert!(
            !grammar
                .allowed_tokens(&ids[..end])
                .unwrap()
                .unwrap()
                .allows(END_TOKEN + 1)
        );
    }
}

#[test]
fn a_text_ends_where_nothing_may_follow() {
    let done = |source: &str, text: &str, with_end: bool| {
        let vocabulary = Vocabulary::new(&table(with_end)).unwrap();
        let grammar = vocabulary.grammar(Kind::Regex, source).unwrap();
        grammar.allowed_tokens(&bytes(text)).unwrap().is_none()
    };
    assert!(done("ab", "ab", true) && done("ab", "ab", false));
    assert!(!done("ab+", "ab", true) && !done("ab+", "ab", false));
    assert!(!done("(ab)?", "", true));
    // A token after the end breaks the rule, which can be used again.
    let grammar = grammar(Kind::Regex, "ab");
    for _ in 0..2 {
        assert_eq!(
            grammar.allowed_tokens(&bytes("abc")).unwrap_err().code(),
            "constraint"
        );
        assert_eq!(
            grammar.allowed_tokens(&bytes("b")).unwrap_err().code(),
            "constraint"
        );
        assert!(
            grammar
                .allowed_tokens(&bytes("a"))
                .unwrap()
                .unwrap()
                .allows(u32::from(b'b'))
        );
    }
    assert_eq!(
        grammar.allowed_tokens(&[9999]).unwrap_err().code(),
        "constraint"
    );
}

#[test]
fn a_mask_depends_on_the_tokens_alone() {
    // The last one has a lexeme over which llguidance cannot roll back.
    for source in [
        "start: \"[\" [start (\",\" start)*] \"]\" | /[a-z]+/",
        "start: x \"!\"\nx[max_tokens=3]: /[a-z]+/",
    ] {
        let vocabulary = Vocabulary::new(&table(true)).unwrap();
        let compile = || vocabulary.grammar(Kind::Grammar, source).unwrap();
        let (one, mut random) = (compile(), WideTestRandom(1));
        let mut ids = Vec::new();
        for _ in 0..300 {
            let number = random.next();
            ids.truncate(ids.len() - number % 4 * ids.len() / 12);
            let mask = one.allowed_tokens(&ids).unwrap();
            assert_eq!(mask, compile().allowed_tokens(&ids).unwrap(), "{ids:?}");
            let allowed = |mask: &Mask| {
                (0..END_TOKEN)
                    .filter(|&id| mask.allows(id))
                    .collect::<Vec<_>>()
            };
            match mask.as_ref().map(allowed) {
                Some(ids_allowed) if !ids_allowed.is_empty() => {
                    ids.push(ids_allowed[number / 4 % ids_allowed.len()]);
                }
                _ => ids.clear(),
            }
        }
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    refused(
        Kind::JsonSchema,
        &format!("{{\"const\":{}}}", nested(10_000)),
    );
    refused(
        Kind::Regex,
        &format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000)),
    );
    refused(
        Kind::Grammar,
        &format!("start: {}\"a\"{}", "(".repeat(10_000), ")".repeat(10_000)),
    );
    refused(Kind::Regex, &"a".repeat(MAX_SOURCE + 1));
    let laughs = |head: &str, name: fn(usize) -> String, is: &str| {
        let rules = (0..40).map(|n| format!("{} {is} {} {}\n", name(n), name(n + 1), name(n + 1)));
        format!(
            "{head}{}{} {is} \"a\"\n",
            rules.collect::<String>(),
            name(40)
        )
    };
    let vocabulary = Vocabulary::new(&table(true)).unwrap();
    let many = vocabulary.grammar(Kind::Regex, "((a{1000}){1000}){1000}|(a|b)*a(a|b){40}");
    assert!(many.is_err() || many.unwrap().allowed_tokens(&bytes("aaba")).is_ok());
    for source in [
        laughs("root ::= x0\n", |n| format!("x{n}"), "::="),
        laughs("start: A0\n", |n| format!("A{n}"), ":"),
        laughs("start: a0\n", |n| format!("a{n}"), ":"),
    ] {
        // The source is compiled or refused within seconds.
        if let Ok(grammar) = vocabulary.grammar(Kind::Grammar, &source) {
            assert!(
                grammar
                    .allowed_tokens(&[])
                    .is_ok_and(|mask| mask.unwrap().allows(u32::from(b'a')))
            );
        }
    }
}

#[test]
fn a_table_that_is_none_is_refused() {
    for table in [&[1, 0, 0][..], &[1, 0, 0, 0], &[255, 255, 255, 127, 1]] {
        assert_eq!(Vocabulary::new(table).err().unwrap().code(), "constraint");
    }
    // One token is longer than the trie allows, one begins with the trie's marker.
    let mut table = Vec::new();
    for word in [&[b'a'; 5000][..], &[0xFF, b'a'], b"a"] {
        table.extend((word.len() as u32).to_le_bytes());
        table.extend(word);
    }
    let vocabulary = Vocabulary::new(&table).unwrap();
    let grammar = vocabulary.grammar(Kind::Regex, "a+").unwrap();
    let mask = grammar.allowed_tokens(&[]).unwrap().unwrap();
    assert_eq!(mask.words(), [0b100]);
    // No token may follow.
    let grammar = vocabulary.grammar(Kind::Regex, "ab").unwrap();
    assert!(
        grammar
            .allowed_tokens(&[2])
            .unwrap_err()
            .to_string()
            .contains("no token")
    );
    assert!(Vocabulary::new(&[]).is_ok());
}

#[test]
fn whatever_is_asked_for_there_is_an_answer() {
    let deep =
        |open: &str, close: &str, depth: usize| open.repeat(depth) + "true" + &close.repeat(depth);
    let vocabulary = Vocabulary::new(&table(true)).unwrap();
    for (kind, source) in [
        (Kind::JsonSchema, r##"{"$ref":"#"}"##.to_owned()),
        (Kind::JsonSchema, r##"{"allOf":[{"$ref":"#"}]}"##.to_owned()),
        (
            Kind::JsonSchema,
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##
                .to_owned(),
        ),
        (Kind::JsonSchema, deep("{\"items\":", "}", 120)),
        (Kind::JsonSchema, deep("{\"anyOf\":[", "]}", 60)),
        (Kind::JsonSchema, deep("{\"properties\":{\"a\":", "}}", 60)),
        (
            Kind::JsonSchema,
            r#"{"type":"string","maxLength":1000000000}"#.to_owned(),
        ),
        (
            Kind::JsonSchema,
            r#"{"type":"array","minItems":1000000000}"#.to_owned(),
        ),
        (Kind::JsonSchema, r#"{"x-guidance":5}"#.to_owned()),
        (
            Kind::JsonSchema,
            r#"{"type":"number","multipleOf":1e-300}"#.to_owned(),
        ),
        (Kind::Regex, "a?".repeat(20_000)),
        (
            Kind::Regex,
            format!("{}a{}", "(".repeat(200), ")*".repeat(200)),
        ),
        (Kind::Regex, "a|".repeat(50_000) + "b"),
        (Kind::Regex, r"\pL{50000}".to_owned()),
        (
            Kind::Grammar,
            "start: start start | \"a\" | \"\"".to_owned(),
        ),
        (Kind::Grammar, "start: a\na: b\nb: a".to_owned()),
        (Kind::Grammar, "root ::= root | root root | ".to_owned()),
        (
            Kind::Grammar,
            "start: \"a\"".to_owned() + &" \"a\"".repeat(50_000),
        ),
        (Kind::Grammar, "start: \"🙂€".to_owned()),
        (
            Kind::Grammar,
            "start: <[5]> <|end|> @other %json{".to_owned(),
        ),
        (Kind::Grammar, "start: \"a\"{2147483647}".to_owned()),
    ] {
        if let Ok(grammar) = vocabulary.grammar(kind, &source) {
            let next = grammar.allowed_tokens(&[]);
            assert!(next.is_ok() || next.is_err_and(|error| error.code() == "constraint"));
        }
    }
}
