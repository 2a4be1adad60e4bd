//! Compiled expressions, and what they answer.

use super::document::{Document, NodeId};
use super::evaluate::{Fault, Work};
use super::functions::Function;
use super::value::Value;
use super::{evaluate, parse};
use agent_golang::regexp::Regexp;
use std::fmt;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    text: Box<str>,
    inner: Expr,
}

/// What an expression gives where one value is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A node-set: its first node, if it has one.
    Node(Option<NodeId>),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
}

impl Expression {
    /// Compiles an expression of at most 64 KiB.
    pub fn compile(text: &str) -> Result<Expression, CompileError> {
        Ok(Expression { inner: parse::parse(text)?, text: text.into() })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All nodes that it selects from `node`, in the order in which it finds them; none if it is no node-set. Paths that begin at the
    /// root begin at `root`.
    pub fn select(&self, document: &Document, node: NodeId, root: NodeId, work: &Work) -> Result<Vec<NodeId>, Fault> {
        evaluate::Scope { document, root, work }.nodes(&self.inner, evaluate::Focus::top(node))
    }

    /// What it gives at `node`, of a node-set the first node.
    pub fn answer(&self, document: &Document, node: NodeId, root: NodeId, work: &Work) -> Result<Answer, Fault> {
        let scope = evaluate::Scope { document, root, work };
        let focus = evaluate::Focus::top(node);
        if self.inner.is_nodes() {
            return Ok(Answer::Node(scope.first(&self.inner, focus)?));
        }
        Ok(match scope.value(&self.inner, focus)? {
            Value::Nodes(nodes) => Answer::Node(nodes.first().copied()),
            Value::Number(number) => Answer::Number(number),
            Value::Text(text) => Answer::Text(text.into_owned()),
            Value::Bool(value) => Answer::Bool(value),
        })
    }
}

/// Why an expression cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The byte of the expression.
    pub at: usize,
    /// What is wrong there.
    pub cause: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.cause, self.at)
    }
}

impl std::error::Error for CompileError {}

/// The tree of an expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Number(f64),
    Text(Box<str>),
    /// Operators of one level, from left to right, so that long chains do not nest.
    Chain(Box<Expr>, Vec<(Operator, Expr)>),
    Negate(Box<Expr>),
    Union(Vec<Expr>),
    Call(Call),
    Path(Path),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) arguments: Vec<Expr>,
    /// The pattern of `matches` and `replace` where it is written out.
    pub(crate) pattern: Option<Regexp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) start: Start,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) enum Start {
    /// The node that is looked at.
    Here,
    Root,
    /// The nodes of an expression, filtered.
    Nodes(Box<Expr>, Vec<Expr>),
}

#[derive(Debug)]
pub(crate) enum Step {
    Axis {
        axis: Axis,
        test: Test,
        predicates: Vec<Expr>,
        /// Whether a predicate asks for the position.
        positional: bool,
        /// Whether a node may be reached from several nodes, but counts once.
        distinct: bool,
    },
    /// One of several steps: `(a, b)`.
    Any(Vec<Vec<Step>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Test {
    /// `*`.
    Any,
    /// `prefix:*`.
    Prefix(Box<str>),
    Name {
        prefix: Box<str>,
        local: Box<str>,
    },
    /// `node()`.
    Node,
    Text,
    Comment,
    /// `processing-instruction()`, which no document has.
    Nothing,
}

impl Expr {
    /// True if it surely gives a node-set.
    pub(crate) fn is_nodes(&self) -> bool {
        match self {
            Expr::Path(_) | Expr::Union(_) => true,
            Expr::Call(call) => call.function == Function::Reverse,
            _ => false,
        }
    }

    /// True if as a predicate it needs to know the position: it is a number, or asks for it.
    pub(crate) fn is_positional(&self) -> bool {
        let number = match self {
            Expr::Number(_) | Expr::Negate(_) => true,
            Expr::Chain(_, rest) => matches!(
                rest.first(),
                Some((
                    Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo,
                    _
                ))
            ),
            Expr::Call(call) => call.function.is_number(),
            Expr::Text(_) | Expr::Union(_) | Expr::Path(_) => false,
        };
        number || self.asks_position()
    }

    /// True if `position()` or `last()` is called, but for predicates within, which have positions of their own.
    fn asks_position(&self) -> bool {
        match self {
            Expr::Number(_) | Expr::Text(_) => false,
            Expr::Chain(first, rest) => first.asks_position() || rest.iter().any(|(_, e)| e.asks_position()),
            Expr::Negate(inner) => inner.asks_position(),
            Expr::Union(parts) => parts.iter().any(Expr::asks_position),
            Expr::Call(call) => {
                matches!(call.function, Function::Position | Function::Last)
                    || call.arguments.iter().any(Expr::asks_position)
            }
            Expr::Path(path) => match &path.start {
                Start::Nodes(inner, _) => inner.asks_position(),
                _ => false,
            },
        }
    }
}
