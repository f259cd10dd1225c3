//! Grammars as people write them, each with a reader of its own that knows the same sentences.

use regex::Regex;

/// A grammar, whether a text is one of its sentences, and a text that is and one that is none.
pub struct Language {
    pub source: &'static str,
    pub knows: fn(&str) -> bool,
    pub sentence: &'static str,
    pub other: &'static str,
}

/// In GBNF and in Lark.
pub const LANGUAGES: [Language; 20] = [
    Language {
        source: r#"root ::= (sum "=" ws number "\n"){1,2}
sum ::= item ([-+*/] ws item){0,3}
item ::= number | name | "(" ws sum ")" ws
name ::= [a-z] [a-z0-9_]{0,5} ws
number ::= [0-9]{1,4} ws
ws ::= [ \n]{0,2}
"#,
        knows: |text| {
            let mut rest = text;
            while sum(&mut rest) && eat(&mut rest, "=") && blanks(&mut rest) && number(&mut rest) {
                if rest.is_empty() {
                    return text.ends_with('\n');
                }
            }
            false
        },
        sentence: "(a_1 + 2)*3 = 4 \n",
        other: "1+=2\n",
    },
    Language {
        source: r##"root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value){0,3})? "}" ws
array ::= "[" ws (value ("," ws value){0,3})? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-cA-CeE] [0-9a-fA-F]{3})){0,20} "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]{1,5})? ([eE] [-+]? [0-9] [1-9]?)? ws
ws ::= | " " | "\n" [ \t]{0,20}
"##,
        knows: |text| {
            serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object())
        },
        sentence: "{\"a\": [1.5e3, \"\\u00e9\"], \"b\":{}}",
        other: "{\"a\":01}",
    },
    Language {
        source: r#"root ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n"){0,2}
move ::= (pawn | piece | castle) [+#]?
piece ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBQR])?
castle ::= "O-O" "-O"?
"#,
        knows: |text| {
            let one = r"(?:(?:[a-h]x)?[a-h][1-8](?:=[NBQR])?|[NBKQR][a-h]?[1-8]?x?[a-h][1-8]|O-O(?:-O)?)[+#]?";
            matches(
                text,
                &format!(r"1\. {one} {one}\n(?:[1-9][0-9]?\. {one} {one}\n){{0,2}}"),
            )
        },
        sentence: "1. e4 e5\n2. Nf3 O-O-O+\n",
        other: "1. e9 e5\n",
    },
    Language {
        source: "root ::= item{1,4}\nitem ::= \"- \" [^\\r\\n]{1,30} \"\\n\"\n",
        knows: |text| matches(text, r"(?:- [^\r\n]{1,30}\n){1,4}"),
        sentence: "- bread\n- é - x\n",
        other: "- a\nb\n",
    },
    Language {
        source: r#"root ::= ("+" [1-9] [0-9]{0,2} " ")? ("(" area ") " | area "-") digit{3} "-" digit{4}
area ::= [2-9] digit digit
digit ::= [0-9]
"#,
        knows: |text| {
            matches(
                text,
                r"(?:\+[1-9][0-9]{0,2} )?(?:\([2-9][0-9]{2}\) |[2-9][0-9]{2}-)[0-9]{3}-[0-9]{4}",
            )
        },
        sentence: "+1 (555) 123-4567",
        other: "155-123-4567",
    },
    Language {
        source: r#"root ::= number "." number "." number ("-" pre ("." pre){0,2})? ("+" part ("." part){0,2})?
number ::= "0" | [1-9] [0-9]{0,3}
pre ::= number | [0-9]{0,3} [a-zA-Z-] [0-9a-zA-Z-]{0,5}
part ::= [0-9a-zA-Z-]{1,6}
"#,
        knows: |text| {
            let number = "(?:0|[1-9][0-9]*)";
            let pre = format!("(?:{number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)");
            let part = "[0-9a-zA-Z-]+";
            matches(
                text,
                &format!(
                    r"{number}\.{number}\.{number}(?:-{pre}(?:\.{pre})*)?(?:\+{part}(?:\.{part})*)?"
                ),
            )
        },
        sentence: "1.0.12-rc.1+build.-7",
        other: "1.0.12-01",
    },
    Language {
        source: r#"root ::= year "-" (long "-" day31 | short "-" day30 | "02-" day28)
year ::= [12] [0-9]{3}
long ::= "0" [13578] | "1" [02]
short ::= "0" [469] | "11"
day28 ::= "0" [1-9] | "1" [0-9] | "2" [0-8]
day30 ::= day28 | "29" | "30"
day31 ::= day30 | "31"
"#,
        knows: |text| {
            let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
            let [Some(year), Some(month), Some(day)] = parts[..] else {
                return false;
            };
            let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let last = days.get((month as usize).wrapping_sub(1));
            text.len() == 10
                && (1000..3000).contains(&year)
                && last.is_some_and(|last| (1..=*last).contains(&day))
        },
        sentence: "2026-11-30",
        other: "2026-11-31",
    },
    Language {
        source: r#"root ::= pair{1,3}
pair ::= "(" pair{0,2} ")" | "[" pair{0,2} "]" | "{" pair{0,2} "}"
"#,
        knows: |text| {
            let mut open = Vec::new();
            let is_closed = text.chars().all(|c| match c {
                '(' | '[' | '{' => {
                    open.push(c);
                    true
                }
                ')' => open.pop() == Some('('),
                ']' => open.pop() == Some('['),
                '}' => open.pop() == Some('{'),
                _ => false,
            });
            is_closed && open.is_empty() && !text.is_empty()
        },
        sentence: "([]{})()",
        other: "([)]",
    },
    Language {
        source: r#"root ::= "SELECT " columns " FROM " name (" WHERE " condition (" AND " condition)?)? (" LIMIT " [1-9] [0-9]?)? ";"
columns ::= "*" | name (", " name){0,3}
condition ::= name (" = " | " < " | " <> ") ("'" [^'\r\n]{0,12} "'" | [0-9]{1,5})
name ::= [a-z] [a-z_]{0,10}
"#,
        knows: |text| {
            let name = "[a-z][a-z_]{0,10}";
            let condition = format!("{name} (?:=|<|<>) (?:'[^'\\r\\n]{{0,12}}'|[0-9]{{1,5}})");
            matches(
                text,
                &format!(
                    "SELECT (?:\\*|{name}(?:, {name}){{0,3}}) FROM {name}(?: WHERE {condition}(?: AND {condition})?)?(?: LIMIT [1-9][0-9]?)?;"
                ),
            )
        },
        sentence: "SELECT id, name FROM users WHERE age < 30 LIMIT 5;",
        other: "SELECT id name FROM users;",
    },
    Language {
        source: r#"root ::= list
list ::= "(" ws symbol (" " ws expression){0,3} ")"
expression ::= symbol | number | list
symbol ::= [a-z+*/-] [a-z]{0,5}
number ::= [0-9]{1,3}
ws ::= " "?
"#,
        knows: |text| {
            let mut rest = text;
            list(&mut rest) && rest.is_empty()
        },
        sentence: "(add 1  (* x 22))",
        other: "(add 1",
    },
    Language {
        source: r#"start: sum
sum: item (OPERATOR WS? item)~0..3
item: NUMBER WS? | NAME WS? | "(" WS? sum ")" WS?
OPERATOR: /[-+*\/]/
NUMBER: /[0-9]{1,4}/
NAME: /[a-z][a-z0-9_]{0,5}/
WS: /[ \n]{1,2}/
"#,
        knows: |text| {
            let mut rest = text;
            sum(&mut rest) && rest.is_empty()
        },
        sentence: "(1 + x_2) * 3",
        other: "1 +",
    },
    Language {
        source: "start: row~1..3\nrow: field \",\" field \",\" field \"\\n\"\nfield: PLAIN? | QUOTED\nPLAIN: /[^\",\\r\\n]{1,15}/\nQUOTED: /\"([^\"]|\"\"){0,15}\"/\n",
        knows: |text| {
            let field = "(?:[^\",\\r\\n]{0,15}|\"(?:[^\"]|\"\"){0,15}\")";
            matches(text, &format!("(?:{field},{field},{field}\n){{1,3}}"))
        },
        sentence: "a,\"b, \"\"c\"\"\",\n1,2,3\n",
        other: "a,b\n",
    },
    Language {
        source: "start: octet (\".\" octet)~3\noctet: \"25\" /[0-5]/ | \"2\" /[0-4][0-9]/ | /1[0-9][0-9]/ | /[1-9]?[0-9]/\n",
        knows: |text| text.parse::<std::net::Ipv4Addr>().is_ok(),
        sentence: "192.0.2.255",
        other: "192.0.2.256",
    },
    Language {
        source: "start: SELECTOR \" { \" rule~1..3 \"}\"\nrule: PROPERTY \": \" value \"; \"\nvalue: COLOR | LENGTH\nSELECTOR: /[.#]?[a-z]{1,8}/\nPROPERTY: /[a-z]{1,8}(-[a-z]{1,6})?/\nCOLOR: /#([0-9a-f]{3}|[0-9a-f]{6})/\nLENGTH: /[0-9]{1,3}(px|em|%)/\n",
        knows: |text| {
            matches(
                text,
                r"[.#]?[a-z]{1,8} \{ (?:[a-z]{1,8}(?:-[a-z]{1,6})?: (?:#(?:[0-9a-f]{3}){1,2}|[0-9]{1,3}(?:px|em|%)); ){1,3}\}",
            )
        },
        sentence: "#top { color: #00ff7f; margin-top: 12px; }",
        other: "#top { color: #00ff; }",
    },
    Language {
        source: "start: entry~1..3\nentry: KEY \"=\" VALUE NEWLINE\nKEY: /[a-z]{1,10}/\nVALUE: /[A-Za-z0-9]{1,10}/\nNEWLINE: \"\\n\"\n%ignore / /\n",
        knows: |text| {
            let unspaced = text.replace(' ', "");
            // A blank does not part a word in two.
            matches(&unspaced, "(?:[a-z]{1,10}=[A-Za-z0-9]{1,10}\n){1,3}")
                && !Regex::new("[A-Za-z0-9] +[A-Za-z0-9]")
                    .unwrap()
                    .is_match(text)
        },
        sentence: "key = Value\nb=2 \n",
        other: "key value\n",
    },
    Language {
        source: "start: \"?\" pair (\"&\" pair)~0..3\npair: NAME \"=\" VALUE\nNAME: /[a-z][a-z0-9_]{0,8}/\nVALUE: /([A-Za-z0-9._~-]|%[0-9A-F]{2}|\\+){0,12}/\n",
        knows: |text| {
            let pair = "[a-z][a-z0-9_]{0,8}=(?:[A-Za-z0-9._~-]|%[0-9A-F]{2}|\\+){0,12}";
            matches(text, &format!("\\?{pair}(?:&{pair}){{0,3}}"))
        },
        sentence: "?q=a+b%20c&page=2",
        other: "?q=a b",
    },
    Language {
        source: "start: thousands hundreds tens ones\nthousands: \"M\"~0..3\nhundreds: \"CM\" | \"CD\" | \"D\"? \"C\"~0..3\ntens: \"XC\" | \"XL\" | \"L\"? \"X\"~0..3\nones: \"IX\" | \"IV\" | \"V\"? \"I\"~0..3\n",
        knows: |text| (0..4000).any(|number| roman(number) == text),
        sentence: "MCMXCIV",
        other: "IIII",
    },
    Language {
        source: "start: time \" - \" time (\", \" time \" - \" time)~0..2\ntime: HOUR \":\" MINUTE\nHOUR: /[01][0-9]|2[0-3]/\nMINUTE: /[0-5][0-9]/\n",
        knows: |text| {
            text.split(", ").count() <= 3
                && text.split(", ").all(|range| {
                    range.split(" - ").count() == 2
                        && range.split(" - ").all(|time| {
                            let parts = time.split_once(':');
                            parts.is_some_and(|(hour, minute)| {
                                let below = |part: &str, most| {
                                    part.len() == 2
                                        && part.parse::<u32>().is_ok_and(|part| part < most)
                                };
                                below(hour, 24) && below(minute, 60)
                            })
                        })
                })
        },
        sentence: "09:00 - 17:30, 20:15 - 23:59",
        other: "09:00 - 24:00",
    },
    Language {
        source: "start: \"a\" start \"b\" | \"a\" \"b\"\n",
        knows: |text| {
            let half = text.len() / 2;
            half > 0 && text == "a".repeat(half) + &"b".repeat(half)
        },
        sentence: "aaabbb",
        other: "aabbb",
    },
    Language {
        source: "start: either\neither: both (\" or \" both)~0..2\nboth: one (\" and \" one)~0..2\none: \"not \" one | \"true\" | \"false\" | NAME | \"(\" either \")\"\nNAME: /[p-r]/\n",
        knows: |text| {
            let mut rest = text;
            either(&mut rest) && rest.is_empty()
        },
        sentence: "not (p or true) and q",
        other: "p not q",
    },
];

fn matches(text: &str, pattern: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$"))
        .unwrap()
        .is_match(text)
}

/// Takes what comes next off, if it is this.
fn eat(rest: &mut &str, text: &str) -> bool {
    let after = rest.strip_prefix(text);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

/// As many of these characters as there are; whether there were some.
fn some(rest: &mut &str, is: fn(char) -> bool) -> bool {
    let after = rest.trim_start_matches(is);
    let found = after.len() < rest.len();
    *rest = after;
    found
}

fn blanks(rest: &mut &str) -> bool {
    some(rest, |c| matches!(c, ' ' | '\n'));
    true
}

fn number(rest: &mut &str) -> bool {
    some(rest, |c| c.is_ascii_digit()) && blanks(rest)
}

fn sum(rest: &mut &str) -> bool {
    loop {
        let is_item = if eat(rest, "(") {
            blanks(rest) && sum(rest) && eat(rest, ")")
        } else {
            some(rest, |c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
        };
        blanks(rest);
        if !is_item || !["+", "-", "*", "/"].iter().any(|sign| eat(rest, sign)) {
            return is_item;
        }
        blanks(rest);
    }
}

fn list(rest: &mut &str) -> bool {
    let word = |rest: &mut &str| {
        some(
            rest,
            |c| matches!(c, 'a'..='z' | '0'..='9' | '+' | '*' | '/' | '-'),
        )
    };
    if !eat(rest, "(") {
        return false;
    }
    some(rest, |c| c == ' ');
    if !word(rest) {
        return false;
    }
    while some(rest, |c| c == ' ') {
        if !word(rest) && !list(rest) {
            return false;
        }
    }
    eat(rest, ")")
}

fn either(rest: &mut &str) -> bool {
    both(rest) && (!eat(rest, " or ") || either(rest))
}

fn both(rest: &mut &str) -> bool {
    one(rest) && (!eat(rest, " and ") || both(rest))
}

fn one(rest: &mut &str) -> bool {
    if eat(rest, "not ") {
        return one(rest);
    }
    if eat(rest, "(") {
        return either(rest) && eat(rest, ")");
    }
    ["true", "false", "p", "q", "r"]
        .iter()
        .any(|word| eat(rest, word))
}

fn roman(mut number: usize) -> String {
    let steps = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut text = String::new();
    for (value, letters) in steps {
        while number >= value {
            text.push_str(letters);
            number -= value;
        }
    }
    text
}
