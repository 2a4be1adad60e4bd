//! The syntax tree: what the parser builds, the checker types and the planner turns into a program.

use crate::value::Value;

#[derive(Debug)]
pub(crate) struct Expr {
    /// Byte offset in the source, for errors.
    pub(crate) at: usize,
    /// Height of this tree; bounded by the parser, so that everything behind it may recurse.
    pub(crate) height: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Literal(Value<'static>),
    /// A name; with a dot in front it is none of a loop's variables.
    Ident(String),
    /// `operand.field`, or `has(operand.field)`.
    Select {
        operand: Box<Expr>,
        field: String,
        test: bool,
    },
    /// A function, method or operator (`_+_`).
    Call {
        function: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    /// `a && b && c` or `a || b || c`, flat, however many there are.
    Logic {
        or: bool,
        args: Vec<Expr>,
    },
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Loop(Box<Loop>),
}

/// A macro that runs over a list or the keys of a map.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: Expr,
    pub(crate) variable: String,
    /// The condition of `filter` and of `map` with three arguments.
    pub(crate) filter: Option<Expr>,
    /// What is tested for each element or, in `map`, collected; `filter` collects the variable.
    pub(crate) body: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Collect,
}

impl Expr {
    /// The dotted name, if this is `a` or `a.b.c`.
    pub(crate) fn dotted(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Ident(name) => Some(name.trim_start_matches('.').to_owned()),
            ExprKind::Select { operand, field, test: false } => Some(format!("{}.{field}", operand.dotted()?)),
            _ => None,
        }
    }
}
