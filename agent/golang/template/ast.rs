//! The tree that a template is compiled into.

use super::functions::Function;

/// The templates of one source: the main one first, then those of `define` and `block`.
#[derive(Debug)]
pub(super) struct Definitions {
    pub(super) templates: Vec<Definition>,
}

#[derive(Debug)]
pub(super) struct Definition {
    pub(super) body: Vec<Node>,
    /// How many variables are alive at once at most; slot 0 is `$`.
    pub(super) slots: usize,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text(Box<str>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// The index of the definition, once the whole source is read.
    Template(usize, Option<Pipe>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Debug)]
pub(super) struct Pipe {
    /// The slots that get the result, new or old: one, or two for the index and the item of a range.
    pub(super) targets: Vec<usize>,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) head: Operand,
    pub(super) args: Vec<Operand>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Box<str>),
    Dot,
    /// A slot.
    Variable(usize),
    Function(&'static Function),
    Pipe(Box<Pipe>),
    /// Fields of an operand, `.a.b`.
    Fields(Box<Operand>, Vec<Box<str>>),
}
