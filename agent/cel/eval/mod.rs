//! Runs a plan for one metric.
//!
//! The tree is walked directly; tests return a bare `bool`, so that a chain of comparisons moves no values. Whatever
//! may take long (loops, comparing and building lists and strings) is paid for from a budget of steps.

mod context;
mod loops;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use agent_golang::regexp::Regexp;

use crate::ast::LoopKind;
use crate::error::{Fault, Outcome};
use crate::moment::Moment;
use crate::value::Value;
pub(crate) use context::Context;
pub(crate) use loops::LoopNode;

/// A compiled expression.
#[derive(Debug)]
pub(crate) enum Node {
    Const(Value<'static>),
    Name,
    Time,
    Local(usize),
    Tag(Box<str>),
    Field(Box<str>),
    HasTag(Box<str>),
    HasField(Box<str>),
    Index(Box<(Node, Node)>),
    Has(Box<Node>, Arc<str>),
    Not(Box<Node>),
    Logic {
        or: bool,
        args: Box<[Node]>,
    },
    Equal {
        negated: bool,
        sides: Box<(Node, Node)>,
    },
    Compare(Comparison, Box<(Node, Node)>),
    In(Box<(Node, Node)>),
    /// Whether a string is in a constant list.
    OneOf(Box<Node>, HashSet<Box<str>>),
    Conditional(Box<(Node, Node, Node)>),
    Matches(Box<Node>, Regexp),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Call(Run, Box<[Node]>),
    Loop(Box<LoopNode>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// The implementation of a function.
pub(crate) type Run = for<'a> fn(&mut Context<'a>, &[Value<'a>]) -> Outcome<'a>;

/// The most arguments a function takes, the value before the dot included.
pub(crate) const MAX_ARGS: usize = 4;

impl Node {
    /// The value of this node.
    pub(crate) fn value<'a>(&'a self, context: &mut Context<'a>) -> Outcome<'a> {
        match self {
            Self::Const(value) => Ok(value.borrowed()),
            Self::Name => Ok(Value::Str(context.subject.name())),
            Self::Time => Ok(Value::Timestamp(Moment::from_nanos(context.subject.time_ns()))),
            Self::Local(slot) => Ok(context.locals[*slot].clone()),
            Self::Tag(key) => match context.subject.tag(key) {
                Some(value) => Ok(Value::Str(value)),
                None => Err(Fault::NoSuchKey(Value::Str(key))),
            },
            Self::Field(key) => match context.subject.field(key) {
                Some(value) => Ok(value.into()),
                None => Err(Fault::NoSuchKey(Value::Str(key))),
            },
            Self::Index(sides) => {
                let of = sides.0.value(context)?;
                let key = sides.1.value(context)?;
                context.index(&of, key)
            }
            Self::Conditional(parts) => {
                let branch = if parts.0.test(context)? { &parts.1 } else { &parts.2 };
                branch.value(context)
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.value(context)).collect::<Result<Vec<_>, _>>()?;
                context.list(items)
            }
            Self::Map(entries) => map(entries, context),
            Self::Call(run, args) => call(*run, args, context),
            Self::Loop(node) if node.kind == LoopKind::Collect => node.collect(context),
            _ => self.test(context).map(Value::Bool),
        }
    }

    /// The value of this node, which must be a boolean.
    pub(crate) fn test<'a>(&'a self, context: &mut Context<'a>) -> Result<bool, Fault<'a>> {
        match self {
            Self::HasTag(key) => Ok(context.subject.tag(key).is_some()),
            Self::HasField(key) => Ok(context.subject.field(key).is_some()),
            Self::Has(of, key) => match of.value(context)? {
                map @ (Value::Map(_) | Value::Tags | Value::Fields) => {
                    Ok(context.lookup(&map, &Value::Str(key))?.is_some())
                }
                Value::List(_) => Err(Fault::from("unsupported index type 'string' in list")),
                _ => Ok(false),
            },
            Self::Not(operand) => operand.test(context).map(|value| !value),
            Self::Logic { or, args } => {
                let mut fault = None;
                for arg in args {
                    match arg.test(context) {
                        Ok(value) if value == *or => return Ok(*or),
                        Ok(_) => {}
                        Err(found) => fault = fault.or(Some(found)),
                    }
                }
                fault.map_or(Ok(!or), Err)
            }
            Self::Equal { negated, sides } => {
                let a = sides.0.value(context)?;
                let b = sides.1.value(context)?;
                Ok(context.equal(&a, &b)? != *negated)
            }
            Self::Compare(comparison, sides) => {
                let a = sides.0.value(context)?;
                let b = sides.1.value(context)?;
                if let (Some(a), Some(b)) = (a.text(), b.text()) {
                    context.spend_bytes(a.len().min(b.len()))?;
                }
                match a.order(&b) {
                    Some(order) => Ok(order.is_some_and(|order| comparison.holds(order))),
                    None => Err(Fault::NoSuchOverload("")),
                }
            }
            Self::In(sides) => {
                let needle = sides.0.value(context)?;
                match &sides.1 {
                    // Looked at in place: a constant list is the usual case.
                    Self::Const(hay) => context.contains(&needle, hay),
                    hay => {
                        let hay = hay.value(context)?;
                        context.contains(&needle, &hay)
                    }
                }
            }
            Self::OneOf(needle, names) => Ok(needle.value(context)?.text().is_some_and(|name| names.contains(name))),
            Self::Matches(of, pattern) => match of.value(context)?.text() {
                Some(text) => {
                    context.spend(1 + text.len() / 4)?;
                    Ok(pattern.is_match(text))
                }
                None => Err(Fault::NoSuchOverload("matches")),
            },
            Self::Loop(node) if node.kind != LoopKind::Collect => node.decide(context),
            _ => match self.value(context)? {
                Value::Bool(value) => Ok(value),
                _ => Err(Fault::NoSuchOverload("")),
            },
        }
    }
}

fn map<'a>(entries: &'a [(Node, Node)], context: &mut Context<'a>) -> Outcome<'a> {
    let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let (key, value) = (key.value(context)?, value.value(context)?);
        context.spend(made.len())?;
        let mut known = None;
        for (at, (other, _)) in made.iter().enumerate() {
            if other.kind() == key.kind() && context.equal(other, &key)? {
                known = Some(at);
                break;
            }
        }
        match known {
            Some(at) => made[at].1 = value,
            None => made.push((key, value)),
        }
    }
    Ok(Value::Map(made.into()))
}

fn call<'a>(run: Run, args: &'a [Node], context: &mut Context<'a>) -> Outcome<'a> {
    let mut values = [const { Value::Null }; MAX_ARGS];
    for (value, arg) in values.iter_mut().zip(args) {
        *value = arg.value(context)?;
    }
    run(context, &values[..args.len().min(MAX_ARGS)])
}
