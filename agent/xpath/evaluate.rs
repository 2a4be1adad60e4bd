//! Evaluates expressions at a node.
//!
//! Node-sets are walked, not built, wherever the first node or any node will do: most queries ask for one value. They come in the order
//! in which the steps find them, as in Telegraf's library; a union gives its left side first.

use super::document::{Document, NodeId};
use super::expression::{Expr, Operator, Path, Start, Step};
use super::value::{self, Value};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;

/// Why an expression gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The queries to one document visit too many nodes.
    TooMuchWork,
    /// A function cannot use what it was given.
    Argument(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooMuchWork => f.write_str("the queries visit too many nodes"),
            Fault::Argument(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Fault {}

/// How many nodes may still be visited.
#[derive(Debug)]
pub struct Work(Cell<u64>);

impl Work {
    /// So many visits.
    pub fn new(visits: u64) -> Self {
        Work(Cell::new(visits))
    }

    /// One visit.
    #[inline]
    pub fn take(&self) -> Result<(), Fault> {
        self.spend(1)
    }

    #[inline]
    pub(crate) fn spend(&self, visits: u64) -> Result<(), Fault> {
        let left = self.0.get().checked_sub(visits).ok_or(Fault::TooMuchWork)?;
        self.0.set(left);
        Ok(())
    }
}

/// Whether to go on.
pub(crate) type Flow = Result<ControlFlow<()>, Fault>;

const ON: Flow = Ok(ControlFlow::Continue(()));
const DONE: Flow = Ok(ControlFlow::Break(()));

/// What stays the same for all of an expression.
pub(crate) struct Scope<'d> {
    pub(crate) document: &'d Document,
    /// Where absolute paths begin.
    pub(crate) root: NodeId,
    pub(crate) work: &'d Work,
}

/// The node that is looked at, and its place among those that a predicate filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Focus {
    pub(crate) node: NodeId,
    /// From 1; 0 outside of predicates.
    pub(crate) position: usize,
    pub(crate) size: usize,
}

impl Focus {
    /// Outside of predicates.
    pub(crate) fn top(node: NodeId) -> Focus {
        Focus { node, position: 0, size: 0 }
    }
}

/// The nodes that steps have reached, by step, for those that give a node only once.
type Seen = Vec<HashSet<NodeId>>;

impl<'d> Scope<'d> {
    /// The value of an expression.
    pub(crate) fn value(&self, expr: &Expr, focus: Focus) -> Result<Value<'d>, Fault> {
        Ok(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(Cow::Owned(text.to_string())),
            Expr::Negate(inner) => Value::Number(-self.number(inner, focus)?),
            Expr::Chain(first, rest) => return self.chain(first, rest, focus),
            Expr::Call(call) => return self.call(call, focus),
            Expr::Union(_) | Expr::Path(_) => Value::Nodes(self.nodes(expr, focus)?),
        })
    }

    /// Operators of one level, from left to right.
    fn chain(&self, first: &Expr, rest: &[(Operator, Expr)], focus: Focus) -> Result<Value<'d>, Fault> {
        let level = rest.first().map(|(operator, _)| *operator);
        if matches!(level, Some(Operator::Or | Operator::And)) {
            let wanted = level == Some(Operator::Or);
            for expr in std::iter::once(first).chain(rest.iter().map(|(_, e)| e)) {
                if self.truth(expr, focus)? == wanted {
                    return Ok(Value::Bool(wanted));
                }
            }
            return Ok(Value::Bool(!wanted));
        }
        if let [(operator, second)] = rest
            && !is_arithmetic(*operator)
        {
            return Ok(Value::Bool(self.compare(*operator, first, second, focus)?));
        }
        let mut left = self.value(first, focus)?;
        for (operator, expr) in rest {
            let right = self.value(expr, focus)?;
            left = if is_arithmetic(*operator) {
                let (a, b) = (self.to_number(&left)?, self.to_number(&right)?);
                Value::Number(match operator {
                    Operator::Add => a + b,
                    Operator::Subtract => a - b,
                    Operator::Multiply => a * b,
                    Operator::Divide => a / b,
                    _ => a % b,
                })
            } else {
                Value::Bool(self.compare_values(*operator, &left, &right)?)
            };
        }
        Ok(left)
    }

    pub(crate) fn number(&self, expr: &Expr, focus: Focus) -> Result<f64, Fault> {
        if expr.is_nodes() {
            let first = self.first(expr, focus)?;
            return first.map_or(Ok(f64::NAN), |n| Ok(value::number(&self.string(n)?)));
        }
        self.to_number(&self.value(expr, focus)?)
    }

    pub(crate) fn text(&self, expr: &Expr, focus: Focus) -> Result<Cow<'d, str>, Fault> {
        if expr.is_nodes() {
            return self.first(expr, focus)?.map_or(Ok(Cow::Borrowed("")), |n| self.string(n));
        }
        Ok(match self.value(expr, focus)? {
            Value::Text(text) => text,
            Value::Number(number) => value::text(number),
            Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Value::Nodes(nodes) => return nodes.first().map_or(Ok(Cow::Borrowed("")), |&n| self.string(n)),
        })
    }

    pub(crate) fn truth(&self, expr: &Expr, focus: Focus) -> Result<bool, Fault> {
        if expr.is_nodes() {
            return Ok(self.first(expr, focus)?.is_some());
        }
        Ok(to_truth(&self.value(expr, focus)?))
    }

    pub(crate) fn to_number(&self, value: &Value<'_>) -> Result<f64, Fault> {
        Ok(match value {
            Value::Number(number) => *number,
            Value::Text(text) => value::number(text),
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Nodes(nodes) => match nodes.first() {
                Some(&n) => value::number(&self.string(n)?),
                None => f64::NAN,
            },
        })
    }

    /// All nodes of a node-set; none of anything else.
    pub(crate) fn nodes(&self, expr: &Expr, focus: Focus) -> Result<Vec<NodeId>, Fault> {
        let mut nodes = Vec::new();
        self.every(expr, focus, |n| {
            nodes.push(n);
            Ok(())
        })?;
        Ok(nodes)
    }

    /// Calls `sink` for every node of a node-set.
    pub(crate) fn every(
        &self,
        expr: &Expr,
        focus: Focus,
        mut sink: impl FnMut(NodeId) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.visit(expr, focus, &mut |n| {
            sink(n)?;
            ON
        })
        .map(drop)
    }

    /// The string-value of a node; making it is work.
    pub(crate) fn string(&self, node: NodeId) -> Result<Cow<'d, str>, Fault> {
        self.work.spend(u64::from(self.document.end(node) - node.0))?;
        Ok(self.document.text(node))
    }

    /// The first node of a node-set.
    pub(crate) fn first(&self, expr: &Expr, focus: Focus) -> Result<Option<NodeId>, Fault> {
        let mut first = None;
        self.visit(expr, focus, &mut |n| {
            first = Some(n);
            DONE
        })
        .map(|_| first)
    }

    /// Calls `sink` for every node of a node-set, until it has enough.
    pub(crate) fn visit(&self, expr: &Expr, focus: Focus, sink: &mut dyn FnMut(NodeId) -> Flow) -> Flow {
        match expr {
            Expr::Path(path) => self.path(path, focus, sink),
            Expr::Union(parts) => {
                let mut seen = HashSet::new();
                for part in parts {
                    let flow = self.visit(part, focus, &mut |n| if seen.insert(n) { sink(n) } else { ON })?;
                    if flow.is_break() {
                        return DONE;
                    }
                }
                ON
            }
            Expr::Call(_) => {
                if let Value::Nodes(nodes) = self.value(expr, focus)? {
                    for node in nodes {
                        if sink(node)?.is_break() {
                            return DONE;
                        }
                    }
                }
                ON
            }
            _ => ON,
        }
    }

    fn path(&self, path: &Path, focus: Focus, sink: &mut dyn FnMut(NodeId) -> Flow) -> Flow {
        let mut seen = Seen::new();
        match &path.start {
            Start::Here => self.walk(&path.steps, focus.node, 0, &mut seen, sink),
            Start::Root => self.walk(&path.steps, self.root, 0, &mut seen, sink),
            Start::Nodes(inner, predicates) => {
                let nodes = self.filter(self.nodes(inner, focus)?, predicates)?;
                for node in nodes {
                    if self.walk(&path.steps, node, 0, &mut seen, sink)?.is_break() {
                        return DONE;
                    }
                }
                ON
            }
        }
    }

    /// Takes the steps from a node on; `done` steps of the path have been taken.
    fn walk(
        &self,
        steps: &[Step],
        node: NodeId,
        done: usize,
        seen: &mut Seen,
        sink: &mut dyn FnMut(NodeId) -> Flow,
    ) -> Flow {
        let Some(step) = steps.get(done) else { return sink(node) };
        let (axis, test, predicates, positional, distinct) = match step {
            Step::Axis { axis, test, predicates, positional, distinct } => {
                (*axis, test, predicates, *positional, *distinct)
            }
            Step::Any(choices) => {
                let mut found = HashSet::new();
                for choice in choices {
                    let flow = self.walk(choice, node, 0, &mut Seen::new(), &mut |n| {
                        if found.insert(n) { self.walk(steps, n, done + 1, seen, sink) } else { ON }
                    })?;
                    if flow.is_break() {
                        return DONE;
                    }
                }
                return ON;
            }
        };
        let mut go_on = |n: NodeId| -> Flow {
            if distinct {
                if seen.len() <= done {
                    seen.resize_with(done + 1, HashSet::new);
                }
                if !seen[done].insert(n) {
                    return ON;
                }
            }
            self.walk(steps, n, done + 1, seen, sink)
        };
        if positional {
            let mut found = Vec::new();
            self.along(axis, test, node, &mut |n| {
                found.push(n);
                ON
            })
            .map(drop)?;
            for n in self.filter(found, predicates)? {
                if go_on(n)?.is_break() {
                    return DONE;
                }
            }
            return ON;
        }
        self.along(axis, test, node, &mut |n| {
            for predicate in predicates {
                // Without a question for the position any will do.
                if !self.truth(predicate, Focus { node: n, position: 1, size: 1 })? {
                    return ON;
                }
            }
            go_on(n)
        })
    }

    /// Those nodes that pass all predicates, each of which counts positions anew.
    fn filter(&self, mut nodes: Vec<NodeId>, predicates: &[Expr]) -> Result<Vec<NodeId>, Fault> {
        for predicate in predicates {
            if let Expr::Number(number) = predicate {
                nodes = at_position(*number).and_then(|p| nodes.get(p - 1)).copied().into_iter().collect();
                continue;
            }
            let size = nodes.len();
            let mut passed = Vec::new();
            for (i, node) in nodes.into_iter().enumerate() {
                self.work.take()?;
                let focus = Focus { node, position: i + 1, size };
                let passes = if predicate.is_nodes() {
                    self.first(predicate, focus)?.is_some()
                } else {
                    match self.value(predicate, focus)? {
                        Value::Number(number) => at_position(number) == Some(i + 1),
                        value => to_truth(&value),
                    }
                };
                if passes {
                    passed.push(node);
                }
            }
            nodes = passed;
        }
        Ok(nodes)
    }
}

/// The position that a number is, its fraction cut off, as in Telegraf's library.
fn at_position(number: f64) -> Option<usize> {
    (number >= 1.0 && number < u32::MAX as f64).then_some(number as usize)
}

pub(crate) fn to_truth(value: &Value<'_>) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Nodes(nodes) => !nodes.is_empty(),
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    matches!(operator, Add | Subtract | Multiply | Divide | Modulo)
}
