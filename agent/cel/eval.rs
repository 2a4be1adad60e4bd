//! Runs a plan for one metric.
//!
//! The tree is walked directly; tests return a bare `bool`, so that a chain of comparisons moves no values. Whatever
//! may take long (loops, comparing and building lists and strings) is paid for from a budget of steps.

use std::cmp::Ordering;
use std::sync::Arc;

use agent_golang::regexp::Regexp;

use crate::ast::LoopKind;
use crate::error::{Fault, Outcome};
use crate::moment::Moment;
use crate::value::{Kind, Value};
use crate::{Field, Subject};

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
    Logic { or: bool, args: Box<[Node]> },
    Equal { negated: bool, sides: Box<(Node, Node)> },
    Compare(Comparison, Box<(Node, Node)>),
    In(Box<(Node, Node)>),
    Conditional(Box<(Node, Node, Node)>),
    Matches(Box<Node>, Regexp),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Call(Run, Box<[Node]>),
    Loop(Box<LoopNode>),
}

#[derive(Debug)]
pub(crate) struct LoopNode {
    pub(crate) kind: LoopKind,
    pub(crate) range: Node,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Option<Node>,
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

/// What one evaluation works on.
pub(crate) struct Context<'a> {
    pub(crate) subject: &'a dyn Subject,
    locals: Vec<Value<'a>>,
    steps: usize,
}

impl<'a> Context<'a> {
    /// An evaluation that may take `steps` units of work.
    pub(crate) fn new(subject: &'a dyn Subject, steps: usize) -> Self {
        Self { subject, locals: Vec::new(), steps }
    }

    /// Pays for `steps` units of work.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Fault<'a>> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => {
                self.steps = 0;
                return Err(Fault::Exhausted);
            }
        }
        Ok(())
    }

    /// Pays for reading or making `length` bytes.
    pub(crate) fn spend_bytes(&mut self, length: usize) -> Result<(), Fault<'a>> {
        self.spend(length / 16)
    }

    /// A string as a value, paid for.
    pub(crate) fn string(&mut self, text: &str) -> Outcome<'a> {
        self.spend_bytes(text.len())?;
        Ok(Value::Text(text.into()))
    }

    pub(crate) fn list(&mut self, items: Vec<Value<'a>>) -> Outcome<'a> {
        self.spend(items.len())?;
        Ok(Value::List(items.into()))
    }

    /// The entries of a map.
    pub(crate) fn entries(&mut self, map: &Value<'a>) -> Result<Arc<[(Value<'a>, Value<'a>)]>, Fault<'a>> {
        let subject = self.subject;
        let entries: Arc<[_]> = match map {
            Value::Map(entries) => Arc::clone(entries),
            Value::Tags => (0..subject.tag_count())
                .map_while(|at| subject.tag_at(at))
                .map(|(key, value)| (Value::Str(key), Value::Str(value)))
                .collect(),
            Value::Fields => (0..subject.field_count())
                .map_while(|at| subject.field_at(at))
                .map(|(key, value)| (Value::Str(key), value.into()))
                .collect(),
            _ => return Err(Fault::NoSuchOverload("")),
        };
        self.spend(entries.len())?;
        Ok(entries)
    }

    /// The number of elements of a list or map.
    pub(crate) fn count(&self, of: &Value<'a>) -> Option<usize> {
        match of {
            Value::List(items) => Some(items.len()),
            Value::Map(entries) => Some(entries.len()),
            Value::Tags => Some(self.subject.tag_count()),
            Value::Fields => Some(self.subject.field_count()),
            _ => None,
        }
    }

    /// The value of a key in a map.
    pub(crate) fn lookup(&mut self, map: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, Fault<'a>> {
        let subject = self.subject;
        match map {
            Value::Tags => Ok(key.text().and_then(|key| subject.tag(key)).map(Value::Str)),
            Value::Fields => Ok(key.text().and_then(|key| subject.field(key)).map(Value::from)),
            Value::Map(entries) => {
                for (candidate, value) in entries.iter() {
                    if self.equal(candidate, key)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            _ => Err(Fault::NoSuchOverload("")),
        }
    }

    pub(crate) fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, Fault<'a>> {
        self.spend(1)?;
        match (a.kind(), b.kind()) {
            (Kind::List, Kind::List) => {
                let (Value::List(a), Value::List(b)) = (a, b) else {
                    return Ok(false);
                };
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Kind::Map, Kind::Map) => {
                if self.count(a) != self.count(b) {
                    return Ok(false);
                }
                for (key, value) in self.entries(a)?.iter() {
                    match self.lookup(b, key)? {
                        Some(other) if self.equal(value, &other)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            _ => {
                if let (Some(a), Some(b)) = (a.text(), b.text()) {
                    self.spend_bytes(a.len().min(b.len()))?;
                }
                Ok(a.scalar_eq(b))
            }
        }
    }

    fn contains(&mut self, needle: &Value<'a>, hay: &Value<'a>) -> Result<bool, Fault<'a>> {
        match hay {
            Value::List(items) => {
                for item in items.iter() {
                    if self.equal(needle, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(self.lookup(hay, needle)?.is_some()),
        }
    }

    fn index(&mut self, of: &Value<'a>, key: Value<'a>) -> Outcome<'a> {
        match of {
            Value::List(items) => {
                let at = match key {
                    Value::Int(at) => at,
                    Value::Uint(at) => i64::try_from(at).unwrap_or(i64::MAX),
                    Value::Double(at) if at.fract() == 0.0 && at.abs() < 1e15 => at as i64,
                    _ => return Err(format!("unsupported index value {key} in list").into()),
                };
                match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                    Some(item) => Ok(item.clone()),
                    None => Err(format!("index out of bounds: {at}").into()),
                }
            }
            Value::Map(_) | Value::Tags | Value::Fields => match self.lookup(of, &key)? {
                Some(value) => Ok(value),
                None => Err(Fault::NoSuchKey(key)),
            },
            _ => Err(Fault::NoSuchKey(key)),
        }
    }

    /// What a loop over `range` visits: the items of a list, the keys of a map.
    fn elements(&mut self, range: Value<'a>) -> Result<Elements<'a>, Fault<'a>> {
        match range {
            Value::List(items) => Ok(Elements::Items(items)),
            Value::Map(entries) => Ok(Elements::Keys(entries)),
            Value::Tags => Ok(Elements::Tags),
            Value::Fields => Ok(Elements::Fields),
            _ => Err(Fault::from("value is neither list nor map: cannot run over it")),
        }
    }
}

enum Elements<'a> {
    Items(Arc<[Value<'a>]>),
    Keys(Arc<[(Value<'a>, Value<'a>)]>),
    Tags,
    Fields,
}

impl<'a> Elements<'a> {
    fn element(&self, at: usize, subject: &'a dyn Subject) -> Option<Value<'a>> {
        match self {
            Self::Items(items) => items.get(at).cloned(),
            Self::Keys(entries) => entries.get(at).map(|(key, _)| key.clone()),
            Self::Tags => subject.tag_at(at).map(|(key, _)| Value::Str(key)),
            Self::Fields => subject.field_at(at).map(|(key, _)| Value::Str(key)),
        }
    }
}

impl<'a> From<Field<'a>> for Value<'a> {
    fn from(field: Field<'a>) -> Self {
        match field {
            Field::Int(value) => Value::Int(value),
            Field::Uint(value) => Value::Uint(value),
            Field::Float(value) => Value::Double(value),
            Field::Bool(value) => Value::Bool(value),
            Field::Str(value) => Value::Str(value),
        }
    }
}

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

impl LoopNode {
    /// Runs `visit` with each element as the innermost variable, until it says stop.
    fn each<'a>(
        &'a self,
        context: &mut Context<'a>,
        mut visit: impl FnMut(&mut Context<'a>) -> Result<bool, Fault<'a>>,
    ) -> Result<(), Fault<'a>> {
        let range = self.range.value(context)?;
        let elements = context.elements(range)?;
        let mut at = 0;
        while let Some(element) = elements.element(at, context.subject) {
            context.spend(1)?;
            context.locals.push(element);
            let more = visit(context);
            context.locals.pop();
            if !more? {
                break;
            }
            at += 1;
        }
        Ok(())
    }

    /// `all`, `exists` and `exists_one`.
    fn decide<'a>(&'a self, context: &mut Context<'a>) -> Result<bool, Fault<'a>> {
        let Some(body) = &self.body else {
            return Err(Fault::NoSuchOverload(""));
        };
        if self.kind == LoopKind::ExistsOne {
            let mut count = 0_usize;
            self.each(context, |context| {
                count += usize::from(body.test(context)?);
                Ok(true)
            })?;
            return Ok(count == 1);
        }
        let deciding = self.kind == LoopKind::Exists;
        let mut decided = false;
        let mut fault = None;
        self.each(context, |context| {
            match body.test(context) {
                Ok(value) => decided = value == deciding,
                Err(found) => fault = fault.take().or(Some(found)),
            }
            Ok(!decided)
        })?;
        match fault {
            Some(fault) if !decided => Err(fault),
            _ => Ok(decided == deciding),
        }
    }

    /// `map` and `filter`.
    fn collect<'a>(&'a self, context: &mut Context<'a>) -> Outcome<'a> {
        let mut items = Vec::new();
        self.each(context, |context| {
            if let Some(filter) = &self.filter
                && !filter.test(context)?
            {
                return Ok(true);
            }
            let item = match &self.body {
                Some(body) => Some(body.value(context)?),
                None => context.locals.last().cloned(),
            };
            items.extend(item);
            Ok(true)
        })?;
        Ok(Value::List(items.into()))
    }
}
