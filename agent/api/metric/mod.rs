//! Metrics: name, tags, fields, time and kind, kept as columns of a batch over one shared text.
//!
//! A metric on its way through the agent never stands alone. A [`Batch`] holds the text that its metrics were parsed from
//! (shared, never copied), an arena for everything made later, and three flat columns (heads, tags, fields) whose entries are
//! offsets into those two. So parsing allocates per batch and not per metric, a copy for a second output is a reference
//! count, and changing one tag of one metric appends to the arena. Decision 001 has the candidates and the measurements.
//!
//! Plugins see a batch through three views: [`MetricRef`] to read one metric, [`MetricMut`] to change one, [`Builder`] to add
//! one. [`Metric`] is a metric on its own for state that outlives a batch.

mod batch;
mod body;
mod build;
mod edit;
mod hash;
mod owned;
mod pack;
mod pieces;
mod read;
mod receipt;
mod stored;
mod view;

#[cfg(test)]
mod tests;

pub use batch::{Batch, round_time};
pub use body::Body;
pub use build::{BorrowedBuilder, Borrower, Builder, Place};
pub use edit::MetricMut;
pub use hash::{SeriesState, partition};
pub use owned::Metric;
pub use pack::{Packed, Packer};
pub use read::{FieldRef, MetricRef};
pub use receipt::{Outcome, Receipt, Settled};
pub use view::{Chunk, View};

/// Something that is dropped when the last piece of a batch is gone, such as a share of a budget.
pub type Guard = std::sync::Arc<dyn std::any::Any + Send + Sync>;

/// What travels in a batch beside its metrics, such as packets: too many to be metrics each. Whoever made it and whoever takes it know its
/// type; nobody else looks at it.
pub type Cargo = std::sync::Arc<dyn std::any::Any + Send + Sync>;

/// What a metric measures, as Prometheus and Telegraf name it. Parsers and inputs set it, aggregators and outputs may use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing is known.
    #[default]
    Untyped,
    /// Only ever grows, but for restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Quantiles with sum and count.
    Summary,
    /// Buckets with sum and count.
    Histogram,
}

/// The value of a field. Text is borrowed from the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A 64-bit float; NaN and infinities are kept and left out by formats that cannot write them.
    Float(f64),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Str(&'a str),
}

impl Value<'_> {
    /// The value as a float, as aggregators see it: numbers only, booleans as 0 and 1 are left to the caller.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Value::Float(v) => Some(v),
            Value::Int(v) => Some(v as f64),
            Value::Uint(v) => Some(v as f64),
            Value::Bool(_) | Value::Str(_) => None,
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident as $to:ty),+ $(,)?) => { $(
        impl From<$from> for Value<'_> {
            fn from(v: $from) -> Self {
                Value::$variant(v as $to)
            }
        }
    )+ };
}
value_from!(f64 => Float as f64, f32 => Float as f64, i64 => Int as i64, i32 => Int as i64, i16 => Int as i64,
    u64 => Uint as u64, u32 => Uint as u64, u16 => Uint as u64, u8 => Uint as u64, usize => Uint as u64);

impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Value::Bool(v)
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Value::Str(v)
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Value::Str(v)
    }
}

/// A place in a batch's texts: the shared body, or (top bit set) the arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Str {
    at: u32,
    len: u32,
}

/// The top bit of an offset: the text is in the arena.
const ARENA: u32 = 1 << 31;

/// What a field slot holds; `Decimal` is a float still in the form in which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Type {
    Float,
    Int,
    Uint,
    Bool,
    Str,
    Decimal,
}

/// One field in 16 bytes: where the key is, the type in the top byte of the key's length, and the value's bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    key: u32,
    len_type: u32,
    bits: u64,
}

/// The longest key of a field in bytes.
pub(crate) const KEY_MAX: usize = (1 << 24) - 1;

impl Slot {
    fn new(key: Str, kind: Type, bits: u64) -> Self {
        Slot { key: key.at, len_type: key.len & KEY_MAX as u32 | (kind as u32) << 24, bits }
    }
    fn key(self) -> Str {
        Str { at: self.key, len: self.len_type & KEY_MAX as u32 }
    }
    fn kind(self) -> Type {
        match self.len_type >> 24 {
            0 => Type::Float,
            1 => Type::Int,
            2 => Type::Uint,
            3 => Type::Bool,
            4 => Type::Str,
            _ => Type::Decimal,
        }
    }
    fn text(self) -> Str {
        Str { at: (self.bits >> 32) as u32, len: self.bits as u32 }
    }
}

impl Str {
    fn bits(self) -> u64 {
        (self.at as u64) << 32 | self.len as u64
    }
}

/// A metric's row: where its name, tags and fields are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    name: Str,
    tags: u32,
    fields: u32,
    field_len: u32,
    tag_len: u16,
    kind: Kind,
    /// No part of it needs an escape in line protocol.
    clean: bool,
    time: i64,
    /// The hash of name and tags, 0 while it is not known.
    series: u64,
}

/// The time of a metric that has none yet: the agent sets the time of collection.
pub(crate) const UNSET: i64 = i64::MIN;

/// True if no byte of a name, key or tag value needs an escape in line protocol.
pub(crate) fn clean(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| !matches!(b, b',' | b' ' | b'=' | b'\\' | 9..=13))
}
