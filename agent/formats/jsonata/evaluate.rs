//! Evaluates an expression, within bounds.

use super::Undefined;
use super::functions;
use super::node::{Node, Operator};
use super::value::{Function, List, Map, Scope, Value};
use crate::jsontext::Tree;
use agent_api::{Result, bail, ensure};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An evaluation takes so many steps at most,
const STEPS: usize = 5_000_000;
/// goes so deep,
const DEEPEST: usize = 150;
/// and builds so many elements and bytes of text.
const LARGEST: usize = 128 << 20;

pub(super) struct Machine<'e> {
    steps: Cell<usize>,
    depth: Cell<usize>,
    built: Cell<usize>,
    /// Every scope, since a function that is kept in its own scope would never be freed.
    scopes: RefCell<Vec<Rc<Scope<'e>>>>,
    pub(super) now: i64,
}

pub(super) fn run(root: &Node, input: Tree) -> Result<Tree> {
    let machine = Machine {
        steps: Cell::new(0),
        depth: Cell::new(0),
        built: Cell::new(0),
        scopes: RefCell::default(),
        now: agent_api::plugin::now(),
    };
    let input = Value::from_tree(input);
    let scope = machine.scope(None);
    scope.variables.borrow_mut().insert("$", input.clone());
    let result = machine.evaluate(root, &input, &scope).map(|value| value.to_tree());
    machine.scopes.borrow().iter().for_each(|scope| scope.variables.borrow_mut().clear());
    result?.ok_or_else(|| Undefined.into())
}

impl<'e> Machine<'e> {
    pub(super) fn scope(&self, parent: Option<&Rc<Scope<'e>>>) -> Rc<Scope<'e>> {
        let scope = Rc::new(Scope { parent: parent.cloned(), ..Scope::default() });
        self.scopes.borrow_mut().push(scope.clone());
        scope
    }

    /// Counts what is built.
    pub(super) fn charge(&self, size: usize) -> Result<()> {
        self.built.set(self.built.get().saturating_add(size));
        ensure!(self.built.get() <= LARGEST, "the result is too large");
        Ok(())
    }

    /// Counts a step.
    pub(super) fn step(&self) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        ensure!(self.steps.get() <= STEPS, "more than {STEPS} steps");
        Ok(())
    }

    pub(super) fn evaluate(&self, node: &'e Node, input: &Value<'e>, scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        self.step()?;
        self.nested(|| self.node(node, input, scope))
    }

    /// Does something one level deeper.
    pub(super) fn nested<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let depth = self.depth.get();
        ensure!(depth < DEEPEST, "nested deeper than {DEEPEST}");
        self.depth.set(depth + 1);
        let result = work();
        self.depth.set(depth);
        result
    }

    fn node(&self, node: &'e Node, input: &Value<'e>, scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(value) => Value::Number(*value),
            Node::Text(text) => Value::text(text),
            Node::Regex(regex) => Value::Function(Rc::new(Function::Regex(regex))),
            Node::Name(name) => self.look_up(input, name),
            Node::Wildcard => self.wildcard(input),
            Node::Descendants => self.descendants(input)?,
            Node::Variable(name) if name.is_empty() => input.clone(),
            Node::Variable(name) => match scope.find(name) {
                Some(value) => value,
                None => {
                    functions::find(name).map_or(Value::Undefined, |b| Value::Function(Rc::new(Function::Builtin(b))))
                }
            },
            Node::Path(steps) => self.path(steps, input, scope)?,
            Node::Filter(inner, filter) => {
                let value = self.evaluate(inner, input, scope)?;
                self.filter(&value, filter, scope)?
            }
            Node::Keep(inner) => match self.evaluate(inner, input, scope)? {
                Value::Undefined => Value::Undefined,
                Value::List(list) => Value::List(Rc::new(List { keep: true, ..(*list).clone() })),
                value => {
                    Value::List(Rc::new(List { items: vec![value], sequence: true, keep: true, ..List::default() }))
                }
            },
            Node::Sort(inner, terms) => {
                let value = self.evaluate(inner, input, scope)?;
                self.sort(&value, terms, scope)?
            }
            Node::Negate(inner) => match self.evaluate(inner, input, scope)? {
                Value::Undefined => Value::Undefined,
                value => match value.number() {
                    Some(number) => Value::Number(-number),
                    None => bail!("cannot negate a {}", value.kind()),
                },
            },
            Node::Binary(operator, left, right) => self.binary(*operator, left, right, input, scope)?,
            Node::Range(..) => bail!("a range can only stand in an array"),
            Node::Array(nodes) => self.array(nodes, input, scope)?,
            Node::Object(grouped, pairs) => {
                let grouped = match grouped {
                    Some(node) => self.evaluate(node, input, scope)?,
                    None => input.clone(),
                };
                self.group(&grouped, pairs, scope)?
            }
            Node::Block(nodes) => {
                let scope = self.scope(Some(scope));
                let mut last = Value::Undefined;
                for node in nodes {
                    last = self.evaluate(node, input, &scope)?;
                }
                last
            }
            Node::Condition(condition, then, other) => match (self.evaluate(condition, input, scope)?.truth(), other) {
                (true, _) => self.evaluate(then, input, scope)?,
                (false, Some(other)) => self.evaluate(other, input, scope)?,
                (false, None) => Value::Undefined,
            },
            Node::Assign(name, value) => {
                let value = self.evaluate(value, input, scope)?;
                scope.variables.borrow_mut().insert(name, value.clone());
                value
            }
            Node::Lambda(parameters, body) => Value::Function(Rc::new(Function::Lambda {
                parameters,
                body,
                input: input.clone(),
                scope: scope.clone(),
            })),
            Node::Call(function, arguments) => {
                let function = self.evaluate(function, input, scope)?;
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.evaluate(argument, input, scope)?);
                }
                self.call(&function, values, input)?
            }
            Node::Partial(function, arguments) => {
                let function = self.evaluate(function, input, scope)?;
                ensure!(matches!(function, Value::Function(_)), "cannot call a {}", function.kind());
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(argument.as_ref().map(|node| self.evaluate(node, input, scope)).transpose()?);
                }
                Value::Function(Rc::new(Function::Partial(function, values)))
            }
            Node::Transform(pattern, update, delete) => Value::Function(Rc::new(Function::Transform {
                pattern,
                update,
                delete: delete.as_deref(),
                scope: scope.clone(),
            })),
        })
    }

    fn array(&self, nodes: &'e [Node], input: &Value<'e>, scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        let mut items = Vec::new();
        for node in nodes {
            if let Node::Range(from, to) = node {
                let (from, to) = (self.evaluate(from, input, scope)?, self.evaluate(to, input, scope)?);
                if from.is_undefined() || to.is_undefined() {
                    continue;
                }
                let whole = |v: &Value<'e>| v.number().filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
                let (Some(from), Some(to)) = (whole(&from), whole(&to)) else { bail!("a range is of whole numbers") };
                let (from, to) = (from as i64, to as i64);
                if from <= to {
                    ensure!(to - from < 10_000_000, "a range has at most 10 million numbers");
                    self.charge((to - from) as usize * size_of::<Value<'e>>())?;
                    items.extend((from..=to).map(|n| Value::Number(n as f64)));
                }
                continue;
            }
            match (self.evaluate(node, input, scope)?, node) {
                (Value::Undefined, _) => {}
                // An array that was written as one stays one, all others are joined.
                (value @ Value::List(_), Node::Array(_)) => items.push(value),
                (value, _) => items.extend_from_slice(value.items()),
            }
            self.charge(size_of::<Value<'e>>())?;
        }
        Ok(Value::list(items))
    }

    /// Builds an object: every item gives its pairs, and items with the same key are one.
    fn group(&self, value: &Value<'e>, pairs: &'e [(Node, Node)], scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        let nothing = [Value::Undefined];
        let items = match value.items() {
            [] => &nothing,
            items => items,
        };
        let mut groups: std::collections::BTreeMap<Rc<str>, (usize, Vec<Value<'e>>)> = Default::default();
        for item in items {
            for (i, (key, _)) in pairs.iter().enumerate() {
                let key = match self.evaluate(key, item, scope)? {
                    Value::Undefined => continue,
                    Value::Text(key) => key,
                    other => bail!("a key of an object must be a string, not a {}", other.kind()),
                };
                self.charge(key.len() + size_of::<Value<'e>>())?;
                let group = groups.entry(key.clone()).or_insert_with(|| (i, Vec::new()));
                ensure!(group.0 == i, "two pairs of an object have the key {key:?}");
                group.1.push(item.clone());
            }
        }
        let mut map = Map::new();
        for (key, (i, items)) in groups {
            // What the value works on is always an array, be it of one element.
            let value = self.evaluate(&pairs[i].1, &Value::list(items), scope)?;
            if !value.is_undefined() {
                map.insert(key, value);
            }
        }
        Ok(Value::map(map))
    }

    fn binary(
        &self,
        operator: Operator,
        left: &'e Node,
        right: &'e Node,
        input: &Value<'e>,
        scope: &Rc<Scope<'e>>,
    ) -> Result<Value<'e>> {
        let a = self.evaluate(left, input, scope)?;
        match operator {
            Operator::And if !a.truth() => return Ok(Value::Bool(false)),
            Operator::Or if a.truth() => return Ok(Value::Bool(true)),
            Operator::Apply => return self.apply(a, right, input, scope),
            _ => {}
        }
        let b = self.evaluate(right, input, scope)?;
        match operator {
            Operator::And | Operator::Or => return Ok(Value::Bool(b.truth())),
            Operator::Join => {
                let mut text = a.to_text();
                text.push_str(&b.to_text());
                self.charge(text.len())?;
                return Ok(Value::Text(text.into()));
            }
            Operator::Equal => return Ok(Value::Bool(!a.is_undefined() && a.equals(&b))),
            Operator::NotEqual => {
                return Ok(Value::Bool(!a.is_undefined() && !b.is_undefined() && !a.equals(&b)));
            }
            Operator::In => return Ok(Value::Bool(b.items().iter().any(|item| a.equals(item)))),
            _ => {}
        }
        if a.is_undefined() || b.is_undefined() {
            let compares =
                matches!(operator, Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual);
            return Ok(if compares { Value::Bool(false) } else { Value::Undefined });
        }
        if let (Value::Text(a), Value::Text(b)) = (&a, &b) {
            let order = match operator {
                Operator::Less => a < b,
                Operator::LessEqual => a <= b,
                Operator::Greater => a > b,
                Operator::GreaterEqual => a >= b,
                _ => bail!("strings have no arithmetic"),
            };
            return Ok(Value::Bool(order));
        }
        let (Some(x), Some(y)) = (a.number(), b.number()) else {
            bail!("expected numbers or strings, found a {} and a {}", a.kind(), b.kind());
        };
        let number = match operator {
            Operator::Add => x + y,
            Operator::Subtract => x - y,
            Operator::Multiply => x * y,
            Operator::Divide => x / y,
            Operator::Modulo => x % y,
            Operator::Less => return Ok(Value::Bool(x < y)),
            Operator::LessEqual => return Ok(Value::Bool(x <= y)),
            Operator::Greater => return Ok(Value::Bool(x > y)),
            _ => return Ok(Value::Bool(x >= y)),
        };
        ensure!(number.is_finite(), "number out of range");
        Ok(Value::Number(number))
    }
}
