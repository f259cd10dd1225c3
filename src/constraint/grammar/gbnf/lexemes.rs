//! Chooses the parts of a grammar that become lexemes.
//!
//! A lexer takes the longest match among the lexemes that may stand at a position, and never backtracks. That is quick,
//! but right only if the next character tells where a lexeme has ended: no character that may follow a lexeme may also
//! continue it, or another lexeme that began at the same position. So the largest regular parts of the grammar are
//! tried first; those that fail are broken up into their parts, down to single characters, which never fail.
//!
//! The test compares position (Glushkov) automata, in which each state is a position of a character in the expression.

use super::nodes::{Class, Id, Node, Nodes};
use std::collections::{HashSet, VecDeque};

/// The most positions of one automaton, and the most transitions of all automata together.
const MAX_PLACES: usize = 400;
const MAX_WAYS: usize = 2_000_000;

/// The most pairs of positions when two lexemes are compared; a comparison that needs more counts as failed.
const MAX_PAIRS: usize = 100_000;

/// The most comparisons of pairs in all; beyond that, everything is broken up.
const MAX_COMPARED: usize = 20_000_000;

/// A set of characters as bits. Each bit stands for a range between two neighbouring ends of the grammar's classes,
/// within which no class tells characters apart.
type Set = Vec<u64>;

/// The position automaton of a regular expression.
#[derive(Clone, Default)]
struct Automaton {
    /// The class of characters at each position.
    places: Vec<usize>,
    /// The positions that may follow each position.
    ways: Vec<Vec<usize>>,
    first: Vec<usize>,
    last: Vec<usize>,
    is_nullable: bool,
}

/// The nodes that are regular, parts before the nodes that contain them, and for each node of the grammar whether it is
/// a lexeme.
pub fn choose(nodes: &Nodes, root: Id) -> (Vec<Id>, Vec<bool>) {
    let classes = Classes::new(nodes);
    let (regular, automata) = regular(nodes, &classes);
    let mut is_broken = vec![false; nodes.list.len()];
    // Each round breaks up twice as many levels, so that deep nesting takes few rounds.
    let (mut compared, mut levels) = (0, 1);
    loop {
        let lexemes = lexemes(nodes, root, &automata, &is_broken);
        let mut is_lexeme = vec![false; nodes.list.len()];
        for &id in &lexemes {
            is_lexeme[id] = true;
        }
        let follow = follow(nodes, root, &is_lexeme, &automata, &classes);
        let mut broken = Vec::new();
        for &other in &lexemes {
            let longer = automata[other].as_ref();
            let Some(longer) = longer.filter(|longer| longer.is_longer_than_one()) else {
                continue;
            };
            let fails = |&one: &Id| {
                let ended = automata[one].as_ref();
                compared > MAX_COMPARED
                    || ended.is_some_and(|ended| {
                        goes_on(ended, longer, &follow[one], &classes, &mut compared)
                    })
            };
            if lexemes.iter().any(fails) {
                broken.push(other);
            }
        }
        if broken.is_empty() {
            return (regular, is_lexeme);
        }
        for id in broken {
            break_up(nodes, id, levels, &mut is_broken);
        }
        levels = (2 * levels).min(nodes.list.len());
    }
}

/// Marks a node and its parts as broken up, `levels` levels down; single characters stay.
fn break_up(nodes: &Nodes, id: Id, levels: usize, is_broken: &mut [bool]) {
    let mut open = vec![(id, levels)];
    while let Some((id, levels)) = open.pop() {
        let within = nodes.within(id);
        if levels > 0 && !within.is_empty() && !std::mem::replace(&mut is_broken[id], true) {
            open.extend(within.iter().map(|&part| (part, levels - 1)));
        }
    }
}

/// Whether some text is complete for `ended` and a prefix for `longer`, and a character that may follow `ended` can
/// continue `longer`. Both begin at the same position of the text. True also where the comparison takes too much work.
fn goes_on(
    ended: &Automaton,
    longer: &Automaton,
    follow: &Set,
    classes: &Classes,
    compared: &mut usize,
) -> bool {
    let may_follow = |place: &usize| meet(classes.of(longer.places[*place]), follow);
    let is_last: HashSet<usize> = ended.last.iter().copied().collect();
    let mut seen = HashSet::new();
    let mut open = VecDeque::new();
    let mut step = |from: &[usize], others: &[usize], open: &mut VecDeque<(usize, usize)>| {
        for &one in from {
            for &other in others {
                let same = meet(
                    classes.of(ended.places[one]),
                    classes.of(longer.places[other]),
                );
                if same && seen.insert((one, other)) {
                    open.push_back((one, other));
                }
            }
        }
        *compared += from.len() * others.len() + 1;
        seen.len() > MAX_PAIRS
    };
    if step(&ended.first, &longer.first, &mut open) {
        return true;
    }
    while let Some((one, other)) = open.pop_front() {
        let ways = &longer.ways[other];
        if is_last.contains(&one) && ways.iter().any(may_follow) {
            return true;
        }
        if step(&ended.ways[one], ways, &mut open) {
            return true;
        }
    }
    false
}

/// The largest regular nodes that are reachable from the root and not broken up.
fn lexemes(nodes: &Nodes, root: Id, automata: &[Option<Automaton>], is_broken: &[bool]) -> Vec<Id> {
    let mut found = Vec::new();
    let mut seen = vec![false; nodes.list.len()];
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        match &automata[id] {
            // A node with one part, unless it repeats that, needs no lexeme of its own: the part's is used.
            Some(automaton)
                if !is_broken[id]
                    && !automaton.places.is_empty()
                    && (nodes.within(id).len() != 1
                        || matches!(nodes.list[id], Node::Repeat(..))) =>
            {
                found.push(id);
            }
            _ => open.extend(nodes.within(id)),
        }
    }
    found.sort_unstable();
    found
}

/// The automata of all nodes that are regular and not too large, and these nodes with parts before wholes.
fn regular(nodes: &Nodes, classes: &Classes) -> (Vec<Id>, Vec<Option<Automaton>>) {
    let mut automata: Vec<Option<Automaton>> = vec![None; nodes.list.len()];
    let mut users: Vec<Vec<Id>> = vec![Vec::new(); nodes.list.len()];
    let mut waiting: Vec<usize> = Vec::new();
    let mut ready = VecDeque::new();
    for id in 0..nodes.list.len() {
        let within = nodes.within(id);
        waiting.push(within.len());
        for &part in within {
            users[part].push(id);
        }
        ready.extend(within.is_empty().then_some(id));
    }
    let (mut order, mut ways) = (Vec::new(), 0);
    // A recursive node waits for itself, and is never ready.
    while let Some(id) = ready.pop_front() {
        let Some(automaton) = automaton(nodes, id, &automata, classes) else {
            continue;
        };
        ways += automaton.ways.iter().map(Vec::len).sum::<usize>() + 1;
        if ways > MAX_WAYS {
            break;
        }
        automata[id] = Some(automaton);
        order.push(id);
        for &user in &users[id] {
            waiting[user] -= 1;
            ready.extend((waiting[user] == 0).then_some(user));
        }
    }
    (order, automata)
}

fn automaton(
    nodes: &Nodes,
    id: Id,
    automata: &[Option<Automaton>],
    classes: &Classes,
) -> Option<Automaton> {
    let known = |id: Id| automata[id].as_ref();
    match &nodes.list[id] {
        Node::Character(_) => Some(Automaton {
            places: vec![classes.numbers[id]?],
            ways: vec![Vec::new()],
            first: vec![0],
            last: vec![0],
            is_nullable: false,
        }),
        Node::Sequence(parts) => {
            let mut all = Automaton::empty();
            for &part in parts {
                all = all.then(known(part)?)?;
            }
            Some(all)
        }
        Node::Choice(parts) => {
            let mut all = Automaton::default();
            for &part in parts {
                all = all.or(known(part)?)?;
            }
            Some(all)
        }
        Node::Repeat(part, least, most) => {
            let part = known(*part)?;
            let copies = most.unwrap_or((*least).max(1)) as usize;
            if copies.max(1) * part.places.len().max(1) > MAX_PLACES {
                return None;
            }
            let mut all = Automaton::empty();
            for copy in 0..copies {
                let mut next = part.clone();
                if most.is_none() && copy + 1 == copies {
                    next = next.again();
                }
                next.is_nullable |= copy >= *least as usize;
                all = all.then(&next)?;
            }
            Some(all)
        }
        Node::Rule(rule) => known(nodes.rules[*rule]).cloned(),
    }
}

impl Automaton {
    /// The automaton of the empty text.
    fn empty() -> Self {
        Automaton {
            is_nullable: true,
            ..Automaton::default()
        }
    }

    fn beside(&mut self, other: &Automaton) -> Option<impl Fn(&Vec<usize>) -> Vec<usize> + use<>> {
        let offset = self.places.len();
        if offset + other.places.len() > MAX_PLACES {
            return None;
        }
        let shift = move |places: &Vec<usize>| places.iter().map(|place| place + offset).collect();
        self.places.extend(&other.places);
        self.ways.extend(other.ways.iter().map(shift));
        Some(shift)
    }

    fn then(mut self, other: &Automaton) -> Option<Self> {
        let shift = self.beside(other)?;
        let (first, last) = (shift(&other.first), shift(&other.last));
        for &place in &self.last {
            self.ways[place].extend(&first);
        }
        if self.is_nullable {
            self.first.extend(first);
        }
        if other.is_nullable {
            self.last.extend(last);
        } else {
            self.last = last;
        }
        self.is_nullable &= other.is_nullable;
        Some(self)
    }

    fn or(mut self, other: &Automaton) -> Option<Self> {
        let shift = self.beside(other)?;
        self.first.extend(shift(&other.first));
        self.last.extend(shift(&other.last));
        self.is_nullable |= other.is_nullable;
        Some(self)
    }

    /// Whether it matches a text of more than one character.
    fn is_longer_than_one(&self) -> bool {
        self.ways.iter().any(|ways| !ways.is_empty())
    }

    /// The automaton of one or more repetitions.
    fn again(mut self) -> Self {
        for &place in &self.last {
            let ways = &mut self.ways[place];
            for first in &self.first {
                if !ways.contains(first) {
                    ways.push(*first);
                }
            }
        }
        self
    }
}

/// For each node the set of characters that may follow it (FOLLOW, with the help of FIRST).
fn follow(
    nodes: &Nodes,
    root: Id,
    is_lexeme: &[bool],
    automata: &[Option<Automaton>],
    classes: &Classes,
) -> Vec<Set> {
    let count = nodes.list.len();
    let none = || vec![0; classes.words];
    let (first, nullable) = first_and_nullable(nodes, is_lexeme, automata, classes);
    let mut follow = vec![none(); count];
    let mut reached = vec![false; count];
    reached[root] = true;
    until_settled(count, |id| {
        if !reached[id] || is_lexeme[id] {
            return false;
        }
        let mut changed = false;
        let mut after = follow[id].clone();
        if let Node::Repeat(part, _, most) = &nodes.list[id]
            && most.is_none_or(|most| most > 1)
        {
            join(&mut after, &first[*part]);
        }
        for &part in nodes.within(id).iter().rev() {
            changed |= !std::mem::replace(&mut reached[part], true);
            changed |= join(&mut follow[part], &after);
            if matches!(nodes.list[id], Node::Sequence(_)) {
                if !nullable[part] {
                    after = none();
                }
                join(&mut after, &first[part]);
            }
        }
        changed
    });
    follow
}

/// For each node the set of characters that its texts may begin with (FIRST), and whether it derives the empty text.
fn first_and_nullable(
    nodes: &Nodes,
    is_lexeme: &[bool],
    automata: &[Option<Automaton>],
    classes: &Classes,
) -> (Vec<Set>, Vec<bool>) {
    let count = nodes.list.len();
    let none = || vec![0; classes.words];
    let (mut first, mut nullable) = (vec![none(); count], vec![false; count]);
    for id in (0..count).filter(|&id| is_lexeme[id]) {
        if let Some(automaton) = &automata[id] {
            nullable[id] = automaton.is_nullable;
            for &place in &automaton.first {
                join(&mut first[id], classes.of(automaton.places[place]));
            }
        }
    }
    until_settled(count, |id| {
        if is_lexeme[id] {
            return false;
        }
        let (mut set, mut empty) = (none(), false);
        match &nodes.list[id] {
            Node::Character(_) => {}
            Node::Sequence(parts) => {
                empty = true;
                for &part in parts {
                    join(&mut set, &first[part]);
                    empty = nullable[part];
                    if !empty {
                        break;
                    }
                }
            }
            Node::Choice(_) | Node::Rule(_) => {
                for &part in nodes.within(id) {
                    join(&mut set, &first[part]);
                    empty |= nullable[part];
                }
            }
            Node::Repeat(part, least, most) => {
                empty = nullable[*part] || *least == 0;
                if *most != Some(0) {
                    set.clone_from(&first[*part]);
                }
            }
        }
        let changed = join(&mut first[id], &set) || (empty && !nullable[id]);
        nullable[id] |= empty;
        changed
    });
    (first, nullable)
}

/// Calls `step` with each of `count` nodes until it changes none. It goes through the nodes in both directions by turns,
/// because chains of rules may run either way.
fn until_settled(count: usize, mut step: impl FnMut(Id) -> bool) {
    loop {
        let forward = (0..count).fold(false, |changed, id| step(id) | changed);
        if !forward
            || !(0..count)
                .rev()
                .fold(false, |changed, id| step(id) | changed)
        {
            return;
        }
    }
}

/// The classes of the grammar as sets.
struct Classes {
    sets: Vec<Set>,
    /// The number of each node's set, by node.
    numbers: Vec<Option<usize>>,
    words: usize,
}

impl Classes {
    fn new(nodes: &Nodes) -> Self {
        let class = |node: &Node| match node {
            Node::Character(class) => Some(class.clone()),
            _ => None,
        };
        let classes: Vec<Option<Class>> = nodes.list.iter().map(class).collect();
        // The ends of all ranges: where each begins, and the character behind its last.
        let ranges = classes.iter().flatten().flatten();
        let mut ends: Vec<u32> = ranges
            .flat_map(|(first, last)| [u32::from(*first), u32::from(*last) + 1])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let words = ends.len().div_ceil(64);
        let (mut sets, mut numbers) = (Vec::new(), Vec::new());
        let mut known = std::collections::HashMap::new();
        for class in classes {
            numbers.push(class.map(|class| {
                *known.entry(class).or_insert_with_key(|class| {
                    let mut set = vec![0; words];
                    for (first, last) in class {
                        let begin = ends.partition_point(|end| *end < u32::from(*first));
                        let end = ends.partition_point(|end| *end <= u32::from(*last));
                        for atom in begin..end {
                            set[atom / 64] |= 1 << (atom % 64);
                        }
                    }
                    sets.push(set);
                    sets.len() - 1
                })
            }));
        }
        Classes {
            sets,
            numbers,
            words,
        }
    }

    fn of(&self, number: usize) -> &Set {
        &self.sets[number]
    }
}

fn meet(one: &Set, other: &Set) -> bool {
    one.iter().zip(other).any(|(one, other)| one & other != 0)
}

/// Adds `other` to `set`, and returns whether that changed it.
fn join(set: &mut Set, other: &Set) -> bool {
    let mut changed = false;
    for (word, other) in set.iter_mut().zip(other) {
        changed |= *other & !*word != 0;
        *word |= other;
    }
    changed
}
