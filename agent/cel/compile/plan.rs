//! Chooses the node of a call: the common shapes have nodes of their own, everything else calls a function.

use std::collections::HashSet;

use agent_golang::regexp::Regexp;

use crate::error::Mistake;
use crate::eval::{Comparison, Node};
use crate::functions::Function;
use crate::value::Value;

/// From this length on, a set finds a string sooner than a walk does.
const MANY: usize = 8;

pub(super) const ORDERED: &[&str] = &[
    "(bool, bool) -> bool",
    "(int, int) -> bool",
    "(uint, uint) -> bool",
    "(double, double) -> bool",
    "(string, string) -> bool",
    "(bytes, bytes) -> bool",
    "(timestamp, timestamp) -> bool",
    "(duration, duration) -> bool",
];

/// What else may be ordered behind the first loop of an expression: cel-go loses the restriction there, and what it
/// accepts must work.
pub(super) const MIXED: [&str; 6] = [
    "(int, uint) -> bool",
    "(int, double) -> bool",
    "(uint, int) -> bool",
    "(uint, double) -> bool",
    "(double, int) -> bool",
    "(double, uint) -> bool",
];

/// The operators that have nodes of their own, with their signatures.
pub(super) const OPERATORS: [(&str, &[&str]); 10] = [
    ("_==_", &["(A, A) -> bool"]),
    ("_!=_", &["(A, A) -> bool"]),
    ("_<_", ORDERED),
    ("_<=_", ORDERED),
    ("_>_", ORDERED),
    ("_>=_", ORDERED),
    ("@in", &["(A, list(A)) -> bool", "(A, map(A, B)) -> bool"]),
    ("_[_]", &["(list(A), int) -> A", "(map(A, B), A) -> B"]),
    ("_?_:_", &["(bool, A, A) -> A"]),
    ("!_", &["(bool) -> bool"]),
];

/// The node of `of[key]` and `of.key`.
pub(super) fn index(of: Node, key: Node) -> Node {
    match (of, key) {
        (Node::Const(Value::Tags), Node::Const(Value::Text(key))) => Node::Tag((*key).into()),
        (Node::Const(Value::Fields), Node::Const(Value::Text(key))) => Node::Field((*key).into()),
        (of, key) => Node::Index(Box::new((of, key))),
    }
}

/// The node of a call whose arguments fit.
pub(super) fn plan(
    name: &str,
    function: Option<&'static Function>,
    nodes: Vec<Node>,
    at: usize,
) -> Result<Node, Mistake> {
    let comparison = match name {
        "_<_" => Some(Comparison::Less),
        "_<=_" => Some(Comparison::LessOrEqual),
        "_>_" => Some(Comparison::Greater),
        "_>=_" => Some(Comparison::GreaterOrEqual),
        _ => None,
    };
    if let Some(comparison) = comparison {
        return Ok(Node::Compare(comparison, Box::new(operands(nodes).into())));
    }
    Ok(match (name, function) {
        ("!_", _) => {
            let [operand] = operands(nodes);
            Node::Not(Box::new(operand))
        }
        ("_?_:_", _) => Node::Conditional(Box::new(operands(nodes).into())),
        ("_==_", _) => Node::Equal { negated: false, sides: Box::new(operands(nodes).into()) },
        ("_!=_", _) => Node::Equal { negated: true, sides: Box::new(operands(nodes).into()) },
        ("_[_]", _) => {
            let [of, key] = operands(nodes);
            index(of, key)
        }
        ("@in", _) => match operands(nodes) {
            [Node::Const(Value::Text(key)), Node::Const(Value::Tags)] => Node::HasTag((*key).into()),
            [Node::Const(Value::Text(key)), Node::Const(Value::Fields)] => Node::HasField((*key).into()),
            // Not even looked at, so that what fails beside it does no harm.
            [_, Node::Const(Value::List(items))] if items.is_empty() => Node::Const(Value::Bool(false)),
            [needle, Node::Const(Value::List(items))] => match names(&items) {
                Some(names) => Node::OneOf(Box::new(needle), names),
                None => Node::In(Box::new((needle, Node::Const(Value::List(items))))),
            },
            sides => Node::In(Box::new(sides.into())),
        },
        ("matches", Some(function)) => match operands(nodes) {
            [of, Node::Const(Value::Text(source))] => {
                let pattern = Regexp::compile(&source).map_err(|error| Mistake::new(at, error.to_string()))?;
                Node::Matches(Box::new(of), pattern)
            }
            sides => Node::Call(function.run, sides.into()),
        },
        (_, function) => Node::Call(function.expect("what is no operator is a function").run, nodes.into()),
    })
}

/// A list of many strings as a set.
fn names(items: &[Value<'_>]) -> Option<HashSet<Box<str>>> {
    if items.len() < MANY {
        return None;
    }
    items.iter().map(|item| item.text().map(Box::from)).collect()
}

fn operands<const N: usize>(nodes: Vec<Node>) -> [Node; N] {
    nodes.try_into().expect("the overload chosen has as many parameters")
}
