//! The document: nodes in document order in one vector, their texts in one string.
//!
//! Attributes stand right behind their element and before its children, so the subtree of a node is the range up to its end, the first
//! child stands behind the attributes, and the next sibling of a node is at its end.

use std::borrow::Cow;
use std::fmt;

/// A node of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document itself.
    Root,
    /// An element.
    Element,
    /// An attribute of an element.
    Attribute,
    /// A text.
    Text,
    /// A comment.
    Comment,
}

/// A place in the texts or bytes of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    at: u32,
    len: u32,
}

/// The value that a node has in the source, where the source has types.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Data {
    /// The source has no types, or the node no value of its own.
    #[default]
    None,
    /// Nothing, and said to be.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above zero.
    Uint(u64),
    /// A number.
    Float(f64),
    /// A number of 32 bits.
    Float32(f32),
    /// A text; see [`Document::text`].
    Text(Place),
    /// Bytes; see [`Document::bytes`].
    Bytes(Place),
    /// An array; its elements are the children.
    List,
    /// A map; its members are the children.
    Map,
}

/// Makes the string-value of a node, as the source of the document defines it.
pub type Show = for<'d> fn(&'d Document, NodeId) -> Cow<'d, str>;

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Number of attributes, which follow the element.
    attributes: u16,
    /// Which namespace; 0 is none.
    space: u16,
    parent: u32,
    /// One past the last node of the subtree.
    end: u32,
    /// The sibling before, or the node itself.
    before: u32,
    /// A text that is passed over on the way from sibling to sibling.
    blank: bool,
    name: Place,
    data: Data,
}

/// A tree of nodes.
#[derive(Clone, Debug)]
pub struct Document {
    nodes: Vec<Node>,
    text: String,
    bytes: Vec<u8>,
    /// Prefix and URI.
    spaces: Vec<(Place, Place)>,
    show: Show,
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
        self.node(node).kind
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
        self.node(node).data
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
        let Node { end, attributes, .. } = *self.node(node);
        let first = node.0 + 1 + u32::from(attributes);
        (first < end).then_some(NodeId(first))
    }

    /// The sibling behind that is not blank; attributes have none.
    pub fn next(&self, node: NodeId) -> Option<NodeId> {
        let Node { mut end, parent, kind, .. } = *self.node(node);
        if node.0 == 0 || kind == Kind::Attribute {
            return None;
        }
        let last = self.nodes[parent as usize].end;
        while end < last && self.nodes[end as usize].blank {
            end += 1;
        }
        (end < last).then_some(NodeId(end))
    }

    /// The sibling before that is not blank; attributes have none.
    pub fn previous(&self, node: NodeId) -> Option<NodeId> {
        let mut at = node.0;
        loop {
            let before = self.nodes[at as usize].before;
            if before == at {
                return None;
            }
            if !self.nodes[before as usize].blank {
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
        let Node { kind, blank, before, .. } = *self.node(node);
        kind != Kind::Attribute && (!blank || before == node.0)
    }

    fn below(&self, node: NodeId) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        ((node.0 + 1)..self.node(node).end.max(node.0 + 1)).map(NodeId)
    }

    /// One past the last node below the node; with [`Document::root`] of that number of nodes.
    pub(crate) fn end(&self, node: NodeId) -> u32 {
        self.node(node).end
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

/// A document may have so many nodes; each takes 40 bytes.
const MOST: usize = 1 << 23;
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
        let root = Node {
            kind: Kind::Root,
            attributes: 0,
            space: 0,
            parent: 0,
            end: 1,
            before: 0,
            blank: false,
            name: Place::default(),
            data: Data::None,
        };
        let document = Document { nodes: vec![root], text: String::new(), bytes: Vec::new(), spaces: Vec::new(), show };
        Builder { document, open: vec![(0, None)] }
    }

    /// Makes room for a source of so many bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.document.text.reserve(bytes.min(1 << 24));
        self.document.nodes.reserve((bytes / 8).min(1 << 18));
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
        let data = Data::None;
        nodes.push(Node {
            kind,
            attributes: 0,
            space: 0,
            parent: *parent,
            end: id + 1,
            before,
            blank: false,
            name,
            data,
        });
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
        owner.end = id + 1;
        let node = Node {
            kind: Kind::Attribute,
            attributes: 0,
            space: 0,
            parent,
            end: id + 1,
            before: id,
            blank: false,
            name,
            data: Data::Text(value),
        };
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
        self.document.nodes[node.0 as usize].blank = true;
    }

    /// Sets the value of a node.
    pub fn set_data(&mut self, node: NodeId, data: Data) {
        self.document.nodes[node.0 as usize].data = data;
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
        self.document.nodes[0].data = data;
        self.document
    }

    fn end(&mut self, id: u32) {
        self.document.nodes[id as usize].end = self.document.nodes.len() as u32;
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
