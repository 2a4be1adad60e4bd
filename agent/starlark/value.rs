//! A value of a script: sixteen bytes that are copied freely.
//!
//! Numbers, booleans, durations and the host's objects are in the value itself; everything else is a place in the
//! [`Heap`](crate::Heap) of the script. So there are no reference counts, and a heap can move to another thread.

/// A place in one of the heap's arenas; only the heap makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(crate) u32);

impl Id {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of an attribute or method, as a small number given at compile time; see
/// [`Options::attributes`](crate::Options::attributes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub u16);

/// An object that belongs to the host, such as a metric, its tags or its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// What it is, as the host numbers its kinds.
    pub kind: u16,
    /// Which one, as the host numbers its objects.
    pub id: u32,
}

/// A value of a script.
///
/// Heap values stay valid until the next call into the script; only what globals and `state` hold lives longer.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of 64 bits; larger ones (up to 128 bits) are on the heap as [`Value::Other`].
    Int(i64),
    /// A float.
    Float(f64),
    /// A string; its text is [`Heap::text`](crate::Heap::text).
    Str(Id),
    /// A list; its items are [`Heap::items`](crate::Heap::items).
    List(Id),
    /// A tuple; its items are [`Heap::items`](crate::Heap::items).
    Tuple(Id),
    /// A dictionary; its entries are [`Heap::entries`](crate::Heap::entries).
    Dict(Id),
    /// A set.
    Set(Id),
    /// A function of the script.
    Function(Id),
    /// A builtin function.
    Builtin(u16),
    /// A span of time in nanoseconds, of the module `time`.
    Duration(i64),
    /// An object of the host.
    Host(Object),
    /// Everything that is rare: large integers, bytes, ranges, bound methods, modules, points in time.
    Other(Id),
    /// A variable shared with an inner function; never seen outside of the interpreter.
    #[doc(hidden)]
    Cell(Id),
    /// A variable without a value; never seen outside of the interpreter.
    #[doc(hidden)]
    Unset,
}

impl Value {
    pub(crate) fn is_unset(self) -> bool {
        matches!(self, Value::Unset)
    }
}
