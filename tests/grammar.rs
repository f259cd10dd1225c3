//! GBNF grammars: a text is a sentence here where it is one character by character.
#![cfg(not(target_arch = "wasm32"))]

#[path = "common/grammars.rs"]
mod grammars;

use grammars::test_random::WideTestRandom;
use grammars::{accepts, vocabulary};
use nexttoken::constraint::Kind;
use std::collections::{BTreeSet, HashMap};

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

/// A random grammar, and its sentences by the definition.
enum Item {
    Text(&'static str),
    Class(&'static str),
    Rule(usize),
    Repeat(Box<Item>, usize, Option<usize>),
    Group(Vec<Vec<Item>>),
}

type Rules = Vec<Vec<Vec<Item>>>;

impl WideTestRandom {
    fn choice(&mut self, rules: usize, depth: usize) -> Vec<Vec<Item>> {
        let options = 1 + self.below(3);
        (0..options)
            .map(|_| {
                (0..self.below(4))
                    .map(|_| self.item(rules, depth))
                    .collect()
            })
            .collect()
    }

    fn item(&mut self, rules: usize, depth: usize) -> Item {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 | 1 => Item::Text(["a", "b", "ab", "ba", "aab", ""][self.below(6)]),
            2 | 3 => Item::Class(["a", "ab", "bc", "abc"][self.below(4)]),
            4 | 5 => Item::Rule(self.below(rules)),
            6 => Item::Group(self.choice(rules, depth - 1)),
            _ => {
                let (least, most) = [
                    (0, None),
                    (1, None),
                    (0, Some(1)),
                    (2, Some(2)),
                    (1, Some(5)),
                    (0, Some(7)),
                ][self.below(6)];
                Item::Repeat(Box::new(self.item(rules, depth - 1)), least, most)
            }
        }
    }
}

fn written(choice: &[Vec<Item>]) -> String {
    let sequence = |sequence: &Vec<Item>| match sequence.is_empty() {
        true => "\"\"".to_owned(),
        false => sequence.iter().map(item).collect::<Vec<_>>().join(" "),
    };
    choice.iter().map(sequence).collect::<Vec<_>>().join(" | ")
}

fn item(one: &Item) -> String {
    match one {
        Item::Text(text) => format!("{text:?}"),
        Item::Class(class) => format!("[{class}]"),
        Item::Rule(number) => format!("r{number}"),
        Item::Group(choice) => format!("( {} )", written(choice)),
        Item::Repeat(one, least, most) => {
            let most = most.map_or(String::new(), |most| most.to_string());
            format!("({}){{{least},{most}}}", item(one))
        }
    }
}

/// Where each rule can end that begins at each place of a text, made to grow until it does not.
struct Ends<'a> {
    text: &'a str,
    rules: &'a Rules,
    known: HashMap<(usize, usize), BTreeSet<usize>>,
}

impl Ends<'_> {
    fn is_sentence(&mut self) -> bool {
        loop {
            let before = self.known.clone();
            for rule in 0..self.rules.len() {
                for begin in 0..=self.text.len() {
                    let ends = self.choice(&self.rules[rule], begin);
                    self.known.insert((rule, begin), ends);
                }
            }
            if before == self.known {
                return self.known[&(0, 0)].contains(&self.text.len());
            }
        }
    }

    fn choice(&self, choice: &[Vec<Item>], begin: usize) -> BTreeSet<usize> {
        let sequence = |sequence: &Vec<Item>| {
            sequence
                .iter()
                .fold(BTreeSet::from([begin]), |places, one| {
                    places
                        .into_iter()
                        .flat_map(|place| self.item(one, place))
                        .collect()
                })
        };
        choice.iter().flat_map(sequence).collect()
    }

    fn item(&self, one: &Item, begin: usize) -> BTreeSet<usize> {
        let rest = &self.text[begin..];
        match one {
            Item::Text(text) => rest
                .starts_with(text)
                .then_some(begin + text.len())
                .into_iter()
                .collect(),
            Item::Class(class) => rest
                .starts_with(|c| class.contains(c))
                .then_some(begin + 1)
                .into_iter()
                .collect(),
            Item::Rule(rule) => self.known.get(&(*rule, begin)).cloned().unwrap_or_default(),
            Item::Group(choice) => self.choice(choice, begin),
            Item::Repeat(one, least, most) => {
                let mut ends = BTreeSet::new();
                let mut places = BTreeSet::from([begin]);
                for count in 0..=most.unwrap_or(least + self.text.len() + 1) {
                    if count >= *least {
                        ends.extend(&places);
                    }
                    places = places
                        .iter()
                        .flat_map(|&place| self.item(one, place))
                        .collect();
                }
                ends
            }
        }
    }
}

#[test]
fn random_grammars_have_the_sentences_of_their_definition() {
    let mut random = WideTestRandom(7);
    let vocabulary = vocabulary();
    let (mut sentences, mut compiled) = (0, 0);
    for _ in 0..400 {
        let count = 1 + random.below(4);
        let rules: Rules = (0..count).map(|_| random.choice(count, 2)).collect();
        let source: String = rules
            .iter()
            .enumerate()
            .map(|(number, rule)| format!("r{number} ::= {}\n", written(rule)))
            .collect();
        let source = format!("root ::= r0\n{source}");
        let grammar = vocabulary.grammar(Kind::Grammar, &source);
        compiled += usize::from(grammar.is_ok());
        for _ in 0..12 {
            let text: String = (0..random.below(8))
                .map(|_| ["a", "b", "c"][random.below(3)])
                .collect();
            let mut ends = Ends {
                text: &text,
                rules: &rules,
                known: HashMap::new(),
            };
            let expected = ends.is_sentence();
            sentences += usize::from(expected);
            let found = grammar
                .as_ref()
                .is_ok_and(|grammar| accepts(grammar, &text));
            assert_eq!(
                found,
                expected,
                "{source}{text:?} {:?}",
                grammar.as_ref().err()
            );
        }
    }
    println!("{compiled} grammars, {sentences} sentences");
    assert!(compiled > 200 && sentences > 400);
}
