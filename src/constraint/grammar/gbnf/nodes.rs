//! The rules of a grammar as a list of nodes, in which parts come before the nodes that contain them.

use super::super::Reason;

/// The most nodes of a grammar.
const MAX_NODES: usize = 50_000;

/// A class of characters: ranges, both ends included.
pub type Class = Vec<(char, char)>;

/// The index of a node in the list.
pub type Id = usize;

pub enum Node {
    /// One character of a class.
    Character(Class),
    Sequence(Vec<Id>),
    Choice(Vec<Id>),
    /// A node repeated: minimum and maximum.
    Repeat(Id, u32, Option<u32>),
    /// A reference to a rule.
    Rule(usize),
}

#[derive(Default)]
pub struct Nodes {
    pub list: Vec<Node>,
    /// The node of each rule.
    pub rules: Vec<Id>,
}

impl Nodes {
    pub fn add(&mut self, node: Node) -> Reason<Id> {
        if self.list.len() >= MAX_NODES {
            return Err("it is too large".into());
        }
        self.list.push(node);
        Ok(self.list.len() - 1)
    }

    /// The direct parts of a node.
    pub fn within(&self, id: Id) -> &[Id] {
        match &self.list[id] {
            Node::Character(_) => &[],
            Node::Sequence(parts) | Node::Choice(parts) => parts,
            Node::Repeat(part, ..) => std::slice::from_ref(part),
            Node::Rule(rule) => std::slice::from_ref(&self.rules[*rule]),
        }
    }
}
