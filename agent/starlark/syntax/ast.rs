//! The syntax tree, as the parser makes it and the compiler takes it apart; it does not outlive the compilation.

use crate::error::Position;
use std::rc::Rc;

pub(crate) type Name = Rc<str>;

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: Position,
    /// Length of the longest way down to a leaf.
    pub(crate) depth: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Name(Name),
    Int(i128),
    Float(f64),
    Str(Rc<[u8]>),
    Bytes(Rc<[u8]>),
    Unary(&'static str, Box<Expr>),
    /// Every operator of two sides, with `and`, `or`, `in` and `not in`.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Cond {
        test: Box<Expr>,
        then: Box<Expr>,
        other: Box<Expr>,
    },
    Attr(Box<Expr>, Name),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, [Option<Box<Expr>>; 3]),
    Call(Box<Expr>, Vec<Arg>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Comprehension {
        key: Option<Box<Expr>>,
        value: Box<Expr>,
        clauses: Vec<Clause>,
    },
    Lambda(Rc<Def>),
}

impl ExprKind {
    /// The depth of the deepest part.
    pub(crate) fn depth(&self) -> usize {
        let most = |parts: &[Expr]| parts.iter().map(|part| part.depth).max().unwrap_or(0);
        match self {
            ExprKind::Name(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bytes(_) => 0,
            ExprKind::Unary(_, value) | ExprKind::Attr(value, _) => value.depth,
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => left.depth.max(right.depth),
            ExprKind::Cond { test, then, other } => test.depth.max(then.depth).max(other.depth),
            ExprKind::Slice(value, parts) => {
                parts.iter().flatten().map(|part| part.depth).fold(value.depth, usize::max)
            }
            ExprKind::Call(function, args) => args.iter().map(Arg::depth).fold(function.depth, usize::max),
            ExprKind::List(items) | ExprKind::Tuple(items) => most(items),
            ExprKind::Dict(entries) => entries.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0),
            ExprKind::Comprehension { key, value, clauses } => {
                let inner = key.as_ref().map_or(0, |key| key.depth).max(value.depth);
                clauses.iter().map(Clause::depth).fold(inner, usize::max)
            }
            ExprKind::Lambda(def) => def.params.iter().map(Param::depth).fold(def.body_depth(), usize::max),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Clause {
    For { target: Expr, over: Expr },
    If(Expr),
}

impl Clause {
    fn depth(&self) -> usize {
        match self {
            Clause::For { target, over } => target.depth.max(over.depth),
            Clause::If(test) => test.depth,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Arg {
    Plain(Expr),
    Named(Name, Expr),
    Star(Expr),
    StarStar(Expr),
}

impl Arg {
    fn depth(&self) -> usize {
        match self {
            Arg::Plain(value) | Arg::Named(_, value) | Arg::Star(value) | Arg::StarStar(value) => value.depth,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Def {
    pub(crate) name: Name,
    pub(crate) at: Position,
    pub(crate) params: Vec<Param>,
    pub(crate) body: Vec<Stmt>,
}

impl Def {
    /// Of a lambda, whose body is one `return`.
    fn body_depth(&self) -> usize {
        match self.body.first().map(|stmt| &stmt.kind) {
            Some(StmtKind::Return(Some(value))) => value.depth,
            _ => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Param {
    Plain(Name, Option<Expr>),
    /// The name is missing in a bare `*`, which only separates.
    Star(Option<Name>),
    StarStar(Name),
}

impl Param {
    fn depth(&self) -> usize {
        match self {
            Param::Plain(_, Some(default)) => default.depth,
            _ => 0,
        }
    }

    pub(crate) fn name(&self) -> Option<&Name> {
        match self {
            Param::Plain(name, _) | Param::Star(Some(name)) | Param::StarStar(name) => Some(name),
            Param::Star(None) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) at: Position,
    pub(crate) kind: StmtKind,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    Expr(Expr),
    Assign(Expr, Expr),
    /// The operator without its `=`.
    Augmented(&'static str, Expr, Expr),
    Def(Rc<Def>),
    /// Tests with their blocks, then the block of `else`.
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    For(Expr, Expr, Vec<Stmt>),
    While(Expr, Vec<Stmt>),
    Return(Option<Expr>),
    Break,
    Continue,
    Pass,
    /// Module and pairs of (name here, name there).
    Load(Rc<[u8]>, Vec<(Name, Name)>),
}
