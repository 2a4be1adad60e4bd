//! The document: nodes in document order in one vector, their texts in one string.
//!
//! Attributes stand right behind their element and before its children, so the subtree of a node is the range up to its end, the first
//! child stands behind the attributes, and the next sibling of a node is at its end.

use super::node::{Data, Kind, Node, Place};
use std::borrow::Cow;

/// A node of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// Makes the string-value of a node, as the source of the document defines it.
pub type Show = for<'d> fn(&'d Document, NodeId) -> Cow<'d, str>;

/// A tree of nodes.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) nodes: Vec<Node>,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// Prefix and URI.
    pub(crate) spaces: Vec<(Place, Place)>,
    pub(crate) show: Show,
}

impl Document {
    /// The document itself as a node.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// What the node is.
    pub fn kind(&self, node: NodeId) -> Kind {
        self.node(node).kind()
    }

    /// The name without prefix; of texts and comments what they say, as their library does it.
    pub fn name(&self, node: NodeId) -> &str {
        self.slice(self.node(node).name)
    }

    /// The prefix of the name, or nothing.
    pub fn prefix(&self, node: NodeId) -> &str {
        self.space(node).map_or("", |(prefix, _)| self.slice(prefix))
    }

    /// The URI of the namespace, or nothing.
    pub fn uri(&self, node: NodeId) -> &str {
        self.space(node).map_or("", |(_, uri)| self.slice(uri))
    }

    /// The value in the source.
    pub fn data(&self, node: NodeId) -> Data {
        self.node(node).data()
    }

    /// A text of the document.
    pub fn slice(&self, place: Place) -> &str {
        &self.text[place.at as usize..][..place.len as usize]
    }

    /// Bytes of the document.
    pub fn bytes(&self, place: Place) -> &[u8] {
        &self.bytes[place.at as usize..][..place.len as usize]
    }

    /// The string-value.
    pub fn text(&self, node: NodeId) -> Cow<'_, str> {
        (self.show)(self, node)
    }

    /// The element or document that the node is in.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        (node.0 != 0).then(|| NodeId(self.node(node).parent))
    }

    /// The first child.
    pub fn first_child(&self, node: NodeId) -> Option<NodeId> {
        let first = node.0 + 1 + u32::from(self.node(node).attributes);
        (first < self.end(node)).then_some(NodeId(first))
    }

    /// The sibling behind that is not blank; attributes have none.
    pub fn next(&self, node: NodeId) -> Option<NodeId> {
        if node.0 == 0 || self.kind(node) == Kind::Attribute {
            return None;
        }
        let mut next = self.end(node);
        let last = self.end(NodeId(self.node(node).parent));
        while next < last && self.nodes[next as usize].blank() {
            next += 1;
        }
        (next < last).then_some(NodeId(next))
    }

    /// The sibling before that is not blank; attributes have none.
    pub fn previous(&self, node: NodeId) -> Option<NodeId> {
        let mut at = node.0;
        loop {
            let before = self.nodes[at as usize].before;
            if before == at {
                return None;
            }
            if !self.nodes[before as usize].blank() {
                return Some(NodeId(before));
            }
            at = before;
        }
    }

    /// The children.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.first_child(node), |&n| self.next(n))
    }

    /// The attributes of an element.
    pub fn attributes(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let count = u32::from(self.node(node).attributes);
        (node.0 + 1..=node.0 + count).map(NodeId)
    }

    /// All below the node in document order that is on the way from a first child to its siblings; attributes left out.
    pub fn descendants(&self, node: NodeId) -> impl DoubleEndedIterator<Item = NodeId> {
        self.below(node).filter(|&n| self.is_reached(n))
    }

    /// Whether a walk over first children and their siblings comes to a node: to a blank text only where it is the first child.
    pub(crate) fn is_reached(&self, node: NodeId) -> bool {
        let stored = self.node(node);
        stored.kind() != Kind::Attribute && (!stored.blank() || stored.before == node.0)
    }

    fn below(&self, node: NodeId) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        ((node.0 + 1)..self.end(node).max(node.0 + 1)).map(NodeId)
    }

    /// One past the last node below the node; with [`Document::root`] of that number of nodes.
    pub(crate) fn end(&self, node: NodeId) -> u32 {
        self.node(node).end()
    }

    /// The string-value of XML: the texts below an element, one after the other; what an attribute, text or comment says.
    pub fn inner_text(&self, node: NodeId) -> Cow<'_, str> {
        match self.kind(node) {
            Kind::Text | Kind::Comment => Cow::Borrowed(self.name(node)),
            Kind::Attribute => match self.data(node) {
                Data::Text(place) => Cow::Borrowed(self.slice(place)),
                _ => Cow::Borrowed(""),
            },
            Kind::Root | Kind::Element => {
                let mut texts = self.below(node).filter(|&n| self.kind(n) == Kind::Text).map(|n| self.name(n));
                let Some(first) = texts.next() else { return Cow::Borrowed("") };
                let Some(second) = texts.next() else { return Cow::Borrowed(first) };
                let mut all = String::from(first);
                all.push_str(second);
                all.extend(texts);
                Cow::Owned(all)
            }
        }
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0 as usize]
    }

    fn space(&self, node: NodeId) -> Option<(Place, Place)> {
        let space = self.node(node).space;
        (space > 0).then(|| self.spaces[usize::from(space) - 1])
    }
}
