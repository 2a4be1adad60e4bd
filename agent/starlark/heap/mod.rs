//! All data of one script: strings, lists, dictionaries and the rest, each kind in its own arena.
//!
//! An arena only grows while a script runs. Between two calls everything that the last call made is dropped by cutting
//! the arenas back, unless something of it was stored in older data (`state`); then it stays, and once enough of that
//! has gathered a compacting collection runs. Most calls therefore never allocate from the system nor trace anything.

mod access;
mod collect;
mod compare;
mod store;
mod symbols;
pub(crate) mod table;

pub(crate) use access::Iterable;
pub(crate) use compare::whole;
pub(crate) use symbols::{Method, Symbols};

use crate::builtins::{Builtin, Native};
use crate::error::{Error, Result, fail};
use crate::modules::moment::Moment;
use crate::value::{Id, Object, Symbol, Value};
use std::cell::Cell;
use std::hash::RandomState;
use table::Table;

/// The data of one script; see the module's text.
#[derive(Debug)]
pub struct Heap {
    /// The bytes of all strings; strings may share them.
    text: Vec<u8>,
    strings: Vec<Text>,
    /// The items of all tuples.
    fields: Vec<Value>,
    tuples: Vec<Span>,
    lists: Vec<List>,
    dicts: Vec<Table>,
    sets: Vec<Table>,
    functions: Vec<Function>,
    cells: Vec<Value>,
    others: Vec<Other>,
    /// What is below these is never collected: constants, modules, `state` itself.
    permanent: Marks,
    /// What is from these on was made by the running call.
    young: Marks,
    /// Something young was stored in something old.
    escaped: bool,
    /// Bytes taken by young and by old data, roughly.
    young_bytes: usize,
    old_bytes: usize,
    /// Old data is collected when it takes more than this.
    collect_at: usize,
    limit: usize,
    hasher: RandomState,
    /// Host objects that loops are running over.
    pub(crate) iterated: Vec<Object>,
    pub(crate) symbols: Symbols,
    /// All builtin functions, by the number in [`Value::Builtin`].
    pub(crate) builtins: Vec<Builtin>,
    /// Names of the script's functions, by their code.
    pub(crate) function_names: Vec<Box<str>>,
    /// Work done in loops outside of the interpreter, which the step limit counts as well.
    pub(crate) work: Cell<u64>,
}

/// A string: a part of the text, and its hash once that was wanted (0 before).
#[derive(Clone, Debug)]
struct Text {
    start: u32,
    len: u32,
    hash: Cell<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    pub(crate) iterating: u32,
    pub(crate) frozen: bool,
}

/// A function of the script with what it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Which code.
    pub(crate) code: u32,
    /// Default values, from the first parameter that has one; `Unset` for keyword-only ones without.
    pub(crate) defaults: Box<[Value]>,
    /// Cells of the variables of outer functions.
    pub(crate) captured: Box<[Value]>,
}

/// What is rare.
#[derive(Clone, Debug)]
pub(crate) enum Other {
    Big(i128),
    Bytes(Box<[u8]>),
    Range {
        start: i64,
        stop: i64,
        step: i64,
    },
    Method {
        receiver: Value,
        name: Symbol,
    },
    Module {
        name: Box<str>,
        members: Box<[(Symbol, Value)]>,
    },
    /// What `elems()` and its kin of strings and bytes give.
    Pieces {
        of: Value,
        kind: Pieces,
    },
    Time(Box<Moment>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pieces {
    Elems,
    ElemOrds,
    Codepoints,
    CodepointOrds,
    ByteElems,
}

impl Pieces {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pieces::Elems => "elems",
            Pieces::ElemOrds => "elem_ords",
            Pieces::Codepoints => "codepoints",
            Pieces::CodepointOrds => "codepoint_ords",
            Pieces::ByteElems => "elems",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    text: usize,
    strings: usize,
    fields: usize,
    tuples: usize,
    lists: usize,
    dicts: usize,
    sets: usize,
    functions: usize,
    cells: usize,
    others: usize,
}

impl Heap {
    /// A heap that refuses to grow beyond `limit` bytes.
    pub(crate) fn new(limit: usize) -> Heap {
        Heap {
            text: Vec::new(),
            strings: Vec::new(),
            fields: Vec::new(),
            tuples: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            sets: Vec::new(),
            functions: Vec::new(),
            cells: Vec::new(),
            others: Vec::new(),
            permanent: Marks::default(),
            young: Marks::default(),
            escaped: false,
            young_bytes: 0,
            old_bytes: 0,
            collect_at: COLLECT_FIRST,
            // Places in the text have 32 bits.
            limit: limit.min(u32::MAX as usize / 2),
            hasher: RandomState::new(),
            iterated: Vec::new(),
            symbols: Symbols::default(),
            builtins: Vec::new(),
            function_names: Vec::new(),
            work: Cell::new(0),
        }
    }

    /// Bytes of all values, those that nobody can reach any more included until they are collected.
    pub fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }

    /// Refuses to make something of `bytes` when that would exceed the limit.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<()> {
        if bytes > self.limit.saturating_sub(self.young_bytes + self.old_bytes) {
            return Err(self.full());
        }
        Ok(())
    }

    /// Counts work outside of the interpreter's own loop as so many steps.
    pub(crate) fn charge(&self, steps: usize) {
        self.work.set(self.work.get().saturating_add(steps as u64));
    }

    /// Whether so many bytes would be too many even for an empty heap.
    pub(crate) fn is_never_room(&self, bytes: usize) -> bool {
        bytes > self.limit
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.reserve(0).and(if self.young_bytes + self.old_bytes > self.limit { Err(self.full()) } else { Ok(()) })
    }

    fn full(&self) -> Error {
        Error::limit(format!("script exceeds its memory limit of {} bytes", self.limit))
    }

    /// A new string.
    pub fn string(&mut self, text: &str) -> Value {
        self.byte_string(text.as_bytes())
    }

    pub(crate) fn byte_string(&mut self, text: &[u8]) -> Value {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.charge(text.len() / BYTES_PER_STEP);
        self.young_bytes += text.len() + size_of::<Text>();
        self.push_string(start, text.len())
    }

    /// A string of parts one after the other, which must be given in order to be copied once only.
    pub(crate) fn concat(&mut self, left: Id, right: Id) -> Result<Value> {
        let (a, b) = (self.span(left), self.span(right));
        let len = a.len() + b.len();
        self.reserve(len)?;
        let start = self.text.len();
        self.text.reserve(len);
        self.text.extend_from_within(a);
        self.text.extend_from_within(b);
        self.charge(len / BYTES_PER_STEP);
        self.young_bytes += len + size_of::<Text>();
        Ok(self.push_string(start, len))
    }

    /// The part `from..to` (in bytes) of a string, which shares its text.
    pub(crate) fn substring(&mut self, of: Id, from: usize, to: usize) -> Value {
        let span = self.span(of);
        if from == 0 && to == span.len() {
            return Value::Str(of);
        }
        self.young_bytes += size_of::<Text>();
        self.push_string(span.start + from, to - from)
    }

    fn push_string(&mut self, start: usize, len: usize) -> Value {
        // `reserve` and the limit keep the text below 4 GiB.
        self.strings.push(Text { start: start as u32, len: len as u32, hash: Cell::new(0) });
        Value::Str(Id(self.strings.len() as u32 - 1))
    }

    /// A new tuple.
    pub fn tuple(&mut self, items: &[Value]) -> Value {
        let span = Span { start: self.fields.len() as u32, len: items.len() as u32 };
        self.fields.extend_from_slice(items);
        self.tuples.push(span);
        self.young_bytes += size_of_val(items) + size_of::<Span>();
        Value::Tuple(Id(self.tuples.len() as u32 - 1))
    }

    /// A new list.
    pub fn list(&mut self, items: Vec<Value>) -> Value {
        self.young_bytes += items.capacity() * size_of::<Value>() + size_of::<List>();
        self.lists.push(List { items, iterating: 0, frozen: false });
        Value::List(Id(self.lists.len() as u32 - 1))
    }

    /// A new empty dictionary; fill it with [`Heap::insert`].
    pub fn dict(&mut self, capacity: usize) -> Value {
        self.young_bytes += size_of::<Table>() + capacity * 48;
        self.dicts.push(Table::with_capacity(capacity));
        Value::Dict(Id(self.dicts.len() as u32 - 1))
    }

    pub(crate) fn set(&mut self) -> Id {
        self.young_bytes += size_of::<Table>();
        self.sets.push(Table::default());
        Id(self.sets.len() as u32 - 1)
    }

    /// An integer of any size up to 128 bits.
    pub fn int(&mut self, value: i128) -> Value {
        match i64::try_from(value) {
            Ok(value) => Value::Int(value),
            Err(_) => self.other(Other::Big(value)),
        }
    }

    pub(crate) fn cell(&mut self, value: Value) -> Value {
        self.young_bytes += size_of::<Value>();
        self.cells.push(value);
        Value::Cell(Id(self.cells.len() as u32 - 1))
    }

    pub(crate) fn function(&mut self, function: Function) -> Value {
        self.young_bytes += 64;
        self.functions.push(function);
        Value::Function(Id(self.functions.len() as u32 - 1))
    }

    pub(crate) fn other(&mut self, other: Other) -> Value {
        self.young_bytes += size_of::<Other>() + if let Other::Bytes(bytes) = &other { bytes.len() } else { 64 };
        self.others.push(other);
        Value::Other(Id(self.others.len() as u32 - 1))
    }

    /// Makes the host's functions known as builtins.
    pub(crate) fn add_host_functions(&mut self, names: &[&str]) -> Result<()> {
        for (at, name) in names.iter().enumerate() {
            let Ok(number) = u16::try_from(at) else { fail!("too many functions of the host") };
            self.builtins.push(Builtin { name: (*name).into(), native: Native::Host(number) });
        }
        Ok(())
    }

    fn span(&self, id: Id) -> std::ops::Range<usize> {
        match self.strings.get(id.index()) {
            Some(text) => text.start as usize..text.start as usize + text.len as usize,
            None => 0..0,
        }
    }
}

/// So many bytes of text can be looked through or copied in about the time of one step.
pub(crate) const BYTES_PER_STEP: usize = 1024;
const COLLECT_FIRST: usize = 1 << 20;
