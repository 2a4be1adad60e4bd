//! Makes a document, node by node in document order, and says where it becomes too large.

use super::document::{Document, NodeId, Show};
use super::node::{Data, Kind, MOST, Node, Place};
use std::fmt;

/// Elements may be nested so deep, since string-values of some sources are made by recursion.
const DEEPEST: usize = 500;
/// The texts of a document may take so many bytes.
const LONGEST: usize = 1 << 31;

/// A document that is too large or nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// More than eight million nodes.
    Nodes,
    /// More than 500 levels.
    Depth,
    /// More than 2 GiB of text.
    Text,
    /// More than 65 535 attributes of an element or namespaces of a document.
    Names,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TooLarge::Nodes => write!(f, "more than {MOST} nodes"),
            TooLarge::Depth => write!(f, "nested deeper than {DEEPEST} levels"),
            TooLarge::Text => f.write_str("more than 2 GiB of text"),
            TooLarge::Names => write!(f, "more than {} attributes or namespaces", u16::MAX),
        }
    }
}

impl std::error::Error for TooLarge {}

/// Makes a document, node by node in document order.
#[derive(Debug)]
pub struct Builder {
    document: Document,
    /// The open nodes with the last child of each.
    open: Vec<(u32, Option<u32>)>,
}

impl Builder {
    /// An empty document whose string-values are made by `show`.
    pub fn new(show: Show) -> Self {
        let root = Node::new(Kind::Root, 0, 0, Place::default());
        let document = Document { nodes: vec![root], text: String::new(), bytes: Vec::new(), spaces: Vec::new(), show };
        Builder { document, open: vec![(0, None)] }
    }

    /// Makes room for a source of so many bytes whose number of nodes is not known.
    pub fn reserve(&mut self, bytes: usize) {
        self.document.text.reserve(bytes.min(1 << 24));
        self.document.nodes.reserve((bytes / 8).min(1 << 18));
    }

    /// Makes room for exactly so many nodes, the root left out, and bytes of text, as far as a document may have them.
    pub fn reserve_exact(&mut self, nodes: usize, text: usize) {
        self.document.text.reserve_exact(text.min(LONGEST));
        self.document.nodes.reserve_exact(nodes.min(MOST));
    }

    /// Begins an element in the one that is open.
    pub fn open(&mut self, name: &str) -> Result<NodeId, TooLarge> {
        let id = self.leaf(Kind::Element, name)?;
        if self.open.len() > DEEPEST {
            return Err(TooLarge::Depth);
        }
        self.open.push((id.0, None));
        Ok(id)
    }

    /// Ends the element that was begun last; without one it does nothing.
    pub fn close(&mut self) {
        if self.open.len() > 1
            && let Some((id, _)) = self.open.pop()
        {
            self.end(id);
        }
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.open.len() - 1
    }

    /// Adds a node without children to the open element; the name of a text or comment is what it says.
    pub fn leaf(&mut self, kind: Kind, name: &str) -> Result<NodeId, TooLarge> {
        let name = self.put(name)?;
        let (parent, last) = self.open.last_mut().expect("the root stays open");
        let nodes = &mut self.document.nodes;
        if nodes.len() >= MOST {
            return Err(TooLarge::Nodes);
        }
        let id = nodes.len() as u32;
        let before = last.replace(id).unwrap_or(id);
        let mut node = Node::new(kind, id, *parent, name);
        node.before = before;
        nodes.push(node);
        Ok(NodeId(id))
    }

    /// Adds an attribute to the open element, which must have no children yet.
    pub fn attribute(&mut self, name: &str, value: &str) -> Result<NodeId, TooLarge> {
        let (name, value) = (self.put(name)?, self.put(value)?);
        let (parent, _) = *self.open.last().expect("the root stays open");
        let nodes = &mut self.document.nodes;
        if nodes.len() >= MOST {
            return Err(TooLarge::Nodes);
        }
        let id = nodes.len() as u32;
        let owner = &mut nodes[parent as usize];
        debug_assert_eq!(parent + 1 + u32::from(owner.attributes), id, "attributes stand before children");
        owner.attributes = owner.attributes.checked_add(1).ok_or(TooLarge::Names)?;
        owner.set_end(id + 1);
        let mut node = Node::new(Kind::Attribute, id, parent, name);
        node.set_data(Data::Text(value));
        nodes.push(node);
        Ok(NodeId(id))
    }

    /// Puts a node into a namespace.
    pub fn set_space(&mut self, node: NodeId, prefix: &str, uri: &str) -> Result<(), TooLarge> {
        let document = &self.document;
        let known = document.spaces.iter().rposition(|&(p, u)| document.slice(p) == prefix && document.slice(u) == uri);
        let number = match known {
            Some(i) => i + 1,
            None => {
                let pair = (self.put(prefix)?, self.put(uri)?);
                self.document.spaces.push(pair);
                self.document.spaces.len()
            }
        };
        let space = u16::try_from(number).map_err(|_| TooLarge::Names)?;
        self.document.nodes[node.0 as usize].space = space;
        Ok(())
    }

    /// Has a text passed over on the way from sibling to sibling; it counts in string-values, and as a first child.
    pub fn set_blank(&mut self, node: NodeId) {
        self.document.nodes[node.0 as usize].set_blank();
    }

    /// Sets the value of a node.
    pub fn set_data(&mut self, node: NodeId, data: Data) {
        self.document.nodes[node.0 as usize].set_data(data);
    }

    /// Stores a text as value.
    pub fn text(&mut self, text: &str) -> Result<Data, TooLarge> {
        Ok(Data::Text(self.put(text)?))
    }

    /// Stores bytes as value.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<Data, TooLarge> {
        let at = self.document.bytes.len();
        if at + bytes.len() >= LONGEST {
            return Err(TooLarge::Text);
        }
        self.document.bytes.extend_from_slice(bytes);
        Ok(Data::Bytes(Place { at: at as u32, len: bytes.len() as u32 }))
    }

    /// The document so far, to read.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Ends all that is open; `data` is the value of the document as a whole.
    pub fn finish(mut self, data: Data) -> Document {
        while let Some((id, _)) = self.open.pop() {
            self.end(id);
        }
        self.document.nodes[0].set_data(data);
        self.document
    }

    fn end(&mut self, id: u32) {
        let end = self.document.nodes.len() as u32;
        self.document.nodes[id as usize].set_end(end);
    }

    fn put(&mut self, text: &str) -> Result<Place, TooLarge> {
        let at = self.document.text.len();
        if at + text.len() >= LONGEST {
            return Err(TooLarge::Text);
        }
        self.document.text.push_str(text);
        Ok(Place { at: at as u32, len: text.len() as u32 })
    }
}
