//! GBNF grammars: a text is a sentence here where it is one character by character.

use nexttoken::TokenId;
use nexttoken::constraint::{Grammar, Kind, Rule, Vocabulary};

/// Ends a text.
const END: TokenId = 256;

/// Each byte, and a token that ends a text.
fn vocabulary() -> Vocabulary {
    let mut table = Vec::new();
    for byte in 0..=255u8 {
        table.extend(1u32.to_le_bytes());
        table.push(byte);
    }
    table.extend(u32::MAX.to_le_bytes());
    Vocabulary::new(&table).unwrap()
}

/// Whether the text can be written byte by byte, and end there.
fn accepts(grammar: &Grammar, text: &str) -> bool {
    let ids: Vec<TokenId> = text.bytes().map(TokenId::from).collect();
    for end in 0..ids.len() {
        match grammar.next(&ids[..end]) {
            Ok(Some(mask)) if mask.allows(ids[end]) => {}
            _ => return false,
        }
    }
    let last = grammar.next(&ids);
    last.is_ok_and(|mask| mask.is_none_or(|mask| mask.allows(END)))
}

fn check(source: &str, sentences: &[&str], others: &[&str]) {
    let grammar = match vocabulary().grammar(Kind::Grammar, source) {
        Ok(grammar) => grammar,
        Err(error) => panic!("{source}: {error}"),
    };
    for text in sentences {
        assert!(accepts(&grammar, text), "{source}\n{text:?} is a sentence");
    }
    for text in others {
        assert!(
            !accepts(&grammar, text),
            "{source}\n{text:?} is no sentence"
        );
    }
}

#[test]
fn what_ends_a_rule_may_begin_the_next() {
    check(
        "root ::= (item \"\\n\")+\nitem ::= word | \"(\" item \")\" ws\nword ::= [a-z]+ ws\nws ::= [ \\n]*\n",
        &["a\n", "(a)\n", "a\n\n\n", "a \nb\n", "((a ) )\n\n"],
        &["a", "(a\n", "\n"],
    );
    check(
        "root ::= (sum \"=\" ws num \"\\n\")+\nsum ::= item ([-+*/] item)*\nitem ::= name | num | \"(\" ws sum \")\" ws\nname ::= [a-z] [a-z0-9_]* ws\nnum ::= [0-9]+ ws\nws ::= [ \\t\\n]*\n",
        &["a+1=2\n", "(a)=1\n", "a_1 *( 2-b )\n= 3 \n\n4=4\n"],
        &["a+1=2", "1a=2\n", "a=b\n"],
    );
    check(
        "root ::= \"Q: \" any \"\\nA: \" any \"\\n\" root?\nany ::= .*\n",
        &["Q: a\nA: b\n", "Q: \nA: \n", "Q: a\nb\nA: c\nQ: d\nA: e\n"],
        &["Q: a\n", "Q: a\nA: b", "A: b\n"],
    );
    check(
        "root ::= a b | c root c\na ::= \"x\"*\nb ::= \"x\" \"y\"\nc ::= \"(\"\n",
        &["xy", "xxy", "((xxxy(("],
        &["y", "x", "(xy"],
    );
    check(
        "root ::= \"<\" inner \">\"\ninner ::= [a-z>]+ | root\n",
        &["<a>", "<>>", "<a>b>", "<<a>>"],
        &["<>", "<a"],
    );
    check(
        "root ::= \"if\" name | name \"if\"\nname ::= [a-z]{1,3} | \"(\" name \")\"",
        &["ifa", "aif", "ifif", "if(a)", "abcif"],
        &["if", "a", "abcdif"],
    );
    check(
        "root ::= number \".\" | number number\nnumber ::= [0-9]+ (\".\" [0-9]+)? | \"(\" number \")\"",
        &["1.", "1.5.", "12", "1.51.5", "1.5(2)"],
        &["1", ".5", "1..5"],
    );
    check(
        "root ::= word (\" \" word)* \".\" | root root\nword ::= [^ .]+ \"!\"?",
        &["a b.", "a! b!.", "a!b!! c.d."],
        &["a", "a  b.", "."],
    );
}
