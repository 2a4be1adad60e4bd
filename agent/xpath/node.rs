//! A node in 32 bytes: nearly all the memory of a document is its nodes.

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
    pub(crate) at: u32,
    pub(crate) len: u32,
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
    /// A text; see `Builder::text`.
    Text(Place),
    /// Bytes; see `Builder::bytes`.
    Bytes(Place),
    /// An array; its elements are the children.
    List,
    /// A map; its members are the children.
    Map,
}

/// A document may have so many nodes, which the 24 bits of `end` hold.
pub(crate) const MOST: usize = 1 << 23;

/// A node as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) parent: u32,
    /// The sibling before, or the node itself.
    pub(crate) before: u32,
    /// 24 bits: one past the last node of the subtree; 3: the kind; 1: whether the node is blank; 4: what the value is.
    packed: u32,
    /// Number of attributes, which follow the element.
    pub(crate) attributes: u16,
    /// Which namespace; 0 is none.
    pub(crate) space: u16,
    pub(crate) name: Place,
    value: u64,
}

const END: u32 = (1 << 24) - 1;
const BLANK: u32 = 1 << 27;

impl Node {
    /// A node without anything below it, at the place `id` of the document.
    pub(crate) fn new(kind: Kind, id: u32, parent: u32, name: Place) -> Self {
        let packed = (id + 1) | (kind as u32) << 24;
        Node { parent, before: id, packed, attributes: 0, space: 0, name, value: 0 }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.packed >> 24 & 7 {
            0 => Kind::Root,
            1 => Kind::Element,
            2 => Kind::Attribute,
            3 => Kind::Text,
            _ => Kind::Comment,
        }
    }

    /// One past the last node of the subtree.
    pub(crate) fn end(&self) -> u32 {
        self.packed & END
    }

    /// `end` is at most [`MOST`].
    pub(crate) fn set_end(&mut self, end: u32) {
        self.packed = self.packed & !END | end;
    }

    /// Whether this is a text that is passed over on the way from sibling to sibling.
    pub(crate) fn blank(&self) -> bool {
        self.packed & BLANK != 0
    }

    pub(crate) fn set_blank(&mut self) {
        self.packed |= BLANK;
    }

    pub(crate) fn data(&self) -> Data {
        let place = Place { at: (self.value >> 32) as u32, len: self.value as u32 };
        match self.packed >> 28 {
            0 => Data::None,
            1 => Data::Null,
            2 => Data::Bool(self.value != 0),
            3 => Data::Int(self.value.cast_signed()),
            4 => Data::Uint(self.value),
            5 => Data::Float(f64::from_bits(self.value)),
            6 => Data::Float32(f32::from_bits(self.value as u32)),
            7 => Data::Text(place),
            8 => Data::Bytes(place),
            9 => Data::List,
            _ => Data::Map,
        }
    }

    pub(crate) fn set_data(&mut self, data: Data) {
        let place = |place: Place| u64::from(place.at) << 32 | u64::from(place.len);
        let (what, value) = match data {
            Data::None => (0, 0),
            Data::Null => (1, 0),
            Data::Bool(value) => (2, u64::from(value)),
            Data::Int(value) => (3, value.cast_unsigned()),
            Data::Uint(value) => (4, value),
            Data::Float(value) => (5, value.to_bits()),
            Data::Float32(value) => (6, u64::from(value.to_bits())),
            Data::Text(at) => (7, place(at)),
            Data::Bytes(at) => (8, place(at)),
            Data::List => (9, 0),
            Data::Map => (10, 0),
        };
        self.packed = self.packed & !(15 << 28) | what << 28;
        self.value = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_what_was_meant() {
        assert_eq!(size_of::<Node>(), 32);
        let place = Place { at: (1 << 31) - 1, len: 7 };
        let values = [
            Data::None,
            Data::Null,
            Data::Bool(true),
            Data::Bool(false),
            Data::Int(i64::MIN),
            Data::Uint(u64::MAX),
            Data::Float(-0.5),
            Data::Float32(f32::MAX),
            Data::Text(place),
            Data::Bytes(Place::default()),
            Data::List,
            Data::Map,
        ];
        for kind in [Kind::Root, Kind::Element, Kind::Attribute, Kind::Text, Kind::Comment] {
            let last = MOST as u32 - 1;
            let mut node = Node::new(kind, last, 0, place);
            assert_eq!((node.kind(), node.end(), node.blank(), node.data()), (kind, last + 1, false, Data::None));
            for data in values {
                node.set_data(data);
                assert_eq!((node.kind(), node.end(), node.blank(), node.data()), (kind, last + 1, false, data));
            }
            node.set_blank();
            node.set_end(5);
            assert_eq!((node.kind(), node.end(), node.blank(), node.data()), (kind, 5, true, Data::Map));
            assert_eq!(node.name, place);
        }
    }
}
