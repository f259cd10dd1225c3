//! Finds where the spellings of special tokens begin in a text.

use std::ops::Range;

use crate::Result;
use crate::allocation::{reserve, with_capacity};
use crate::order::sort;

/// The node at which the automaton starts.
const ROOT: usize = 0;
/// Stands for no spelling.
const NONE: u32 = u32::MAX;

/// Finds the longest of many spellings that begins at each position of a text: the automaton of Aho and Corasick (1975)
/// over the reversed spellings. It reads the text backwards, each byte once, however many spellings there are and
/// however they overlap.
pub(super) struct AhoCorasick {
    /// The nodes of a trie, level by level.
    nodes: Vec<Node>,
}

struct Node {
    /// The byte that leads here from the parent.
    byte: u8,
    /// The first child. The children of a node lie together, in the order of their bytes, and end where those of the
    /// next node begin.
    first_child: u32,
    /// The failure link: the node of the longest proper suffix of what was read up to here.
    failure: u32,
    /// The output, failure links included: the longest spelling that begins at the byte just read.
    output: u32,
}

impl AhoCorasick {
    /// The automaton of `spellings`, all of which differ.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(spellings: &[&[u8]]) -> Result<Self> {
        let backwards = |spelling: usize| spellings[spelling].iter().rev();
        let mut order = with_capacity(spellings.len())?;
        order.extend(0..spellings.len());
        sort(&mut order, |a, b| backwards(*a).cmp(backwards(*b)))?;
        let byte = |place: usize, depth: usize| {
            let spelling = spellings[order[place]];
            spelling[spelling.len() - 1 - depth]
        };
        let mut automaton = Self { nodes: Vec::new() };
        // For each node: the range of spellings in `order` that lead through it, and its depth.
        let mut through: Vec<(Range<usize>, usize)> = Vec::new();
        let root = Node {
            byte: 0,
            first_child: 0,
            failure: 0,
            output: NONE,
        };
        automaton.nodes.push(root);
        through.push((0..order.len(), 0));
        let mut at = ROOT;
        while let Some((mut places, depth)) = through.get(at).cloned() {
            automaton.nodes[at].first_child = through.len() as u32;
            // A spelling that ends at this node comes first.
            places.start += usize::from(depth > 0 && spellings[order[places.start]].len() == depth);
            while let Some(first) = places.clone().next() {
                let next = byte(first, depth);
                let same = places
                    .clone()
                    .take_while(|place| byte(*place, depth) == next);
                let branch = first..first + same.count();
                places.start = branch.end;
                let failure = match at {
                    ROOT => ROOT,
                    _ => automaton.step(automaton.nodes[at].failure as usize, next),
                };
                let ends = spellings[order[first]].len() == depth + 1;
                let output = if ends {
                    order[first] as u32
                } else {
                    automaton.nodes[failure].output
                };
                reserve(&mut automaton.nodes, 1)?;
                reserve(&mut through, 1)?;
                through.push((branch, depth + 1));
                automaton.nodes.push(Node {
                    byte: next,
                    first_child: 0,
                    failure: failure as u32,
                    output,
                });
            }
            at += 1;
        }
        Ok(automaton)
    }

    /// Each position of `text` where a spelling begins, with the longest such spelling, from the last position to the
    /// first.
    pub fn find_starts<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut node = ROOT;
        text.iter().enumerate().rev().filter_map(move |(at, byte)| {
            node = self.step(node, *byte);
            let output = self.nodes[node].output;
            (output != NONE).then_some((at, output as usize))
        })
    }

    /// The node that the automaton is in after one more byte.
    fn step(&self, mut node: usize, byte: u8) -> usize {
        loop {
            let first_child = self.nodes[node].first_child as usize;
            let next = self.nodes.get(node + 1);
            let end = next.map_or(self.nodes.len(), |next| next.first_child as usize);
            let place = self.nodes[first_child..end].binary_search_by_key(&byte, |node| node.byte);
            match place {
                Ok(place) => return first_child + place,
                Err(_) if node == ROOT => return ROOT,
                Err(_) => node = self.nodes[node].failure as usize,
            }
        }
    }
}
