//! Paths: every step is taken from each result of the step before, and the results are joined.

use super::evaluate::Machine;
use super::node::Node;
use super::value::{List, Scope, Value};
use agent_api::{Result, bail};
use std::cmp::Ordering;
use std::rc::Rc;

impl<'e> Machine<'e> {
    pub(super) fn path(&self, steps: &'e [Node], input: &Value<'e>, scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        let mut keep = false;
        let mut items: Vec<Value<'e>> = Vec::new();
        let mut result = Value::Undefined;
        for (i, step) in steps.iter().enumerate() {
            let step = match step {
                Node::Keep(inner) => {
                    keep = true;
                    inner
                }
                step => step,
            };
            if i == 0 {
                items = match step {
                    // An array or variable at the start is taken as a whole.
                    Node::Array(_) | Node::Variable(_) | Node::Block(_) | Node::Call(..) => {
                        result = self.evaluate(step, input, scope)?;
                        if matches!(step, Node::Array(_)) && result.items().is_empty() {
                            return Ok(Value::Undefined);
                        }
                        result.items().to_vec()
                    }
                    _ => self.results(step, input.items(), scope, &mut result)?,
                };
            } else {
                items = self.results(step, &items, scope, &mut result)?;
            }
            if items.is_empty() {
                break;
            }
        }
        if keep && !items.is_empty() {
            return Ok(Value::List(Rc::new(List { items, sequence: true, keep: true, ..List::default() })));
        }
        Ok(match result {
            // An array that is the only result stays what it is.
            Value::List(list) if !list.sequence && !items.is_empty() => Value::List(list),
            _ => Value::results(items),
        })
    }

    /// The results of a step from each item; `only` is the result itself, where there is just one.
    fn results(
        &self,
        step: &'e Node,
        from: &[Value<'e>],
        scope: &Rc<Scope<'e>>,
        only: &mut Value<'e>,
    ) -> Result<Vec<Value<'e>>> {
        let mut items = Vec::new();
        *only = Value::Undefined;
        let mut count = 0;
        for item in from {
            let value = self.evaluate(step, item, scope)?;
            if value.is_undefined() {
                continue;
            }
            count += 1;
            match step {
                // Arrays that are built anew in a step stay apart.
                Node::Array(_) => items.push(value.clone()),
                _ => items.extend_from_slice(value.items()),
            }
            self.charge(size_of_val(value.items()))?;
            *only = if count == 1 { value } else { Value::Undefined };
        }
        Ok(items)
    }

    pub(super) fn look_up(&self, input: &Value<'e>, name: &str) -> Value<'e> {
        match input {
            Value::Map(map) => map.get(name).cloned().unwrap_or(Value::Undefined),
            Value::List(list) => {
                let mut found = Vec::new();
                for item in &list.items {
                    found.extend_from_slice(self.look_up(item, name).items());
                }
                Value::results(found)
            }
            _ => Value::Undefined,
        }
    }

    pub(super) fn wildcard(&self, input: &Value<'e>) -> Value<'e> {
        let mut found = Vec::new();
        for item in input.items() {
            match item {
                Value::Map(map) => map.values().for_each(|value| found.extend_from_slice(value.items())),
                Value::List(list) => found.extend_from_slice(&list.items),
                _ => {}
            }
        }
        Value::results(found)
    }

    pub(super) fn descendants(&self, input: &Value<'e>) -> Result<Value<'e>> {
        // Depth first, by a stack of what is still to be looked at, the next on top.
        let (mut found, mut open) = (Vec::new(), vec![input.clone()]);
        while let Some(value) = open.pop() {
            self.step()?;
            match &value {
                Value::Undefined => {}
                Value::List(list) => open.extend(list.items.iter().rev().cloned()),
                Value::Map(map) => {
                    open.extend(map.values().rev().cloned());
                    found.push(value);
                }
                _ => found.push(value),
            }
        }
        self.charge(found.len() * size_of::<Value<'e>>())?;
        Ok(Value::results(found))
    }

    /// The items that a filter lets through: those at its numbers, or those for which it is true.
    pub(super) fn filter(&self, value: &Value<'e>, filter: &'e Node, scope: &Rc<Scope<'e>>) -> Result<Value<'e>> {
        let items = value.items();
        let index = |number: f64| {
            let number = number.floor();
            if number < 0.0 { number + items.len() as f64 } else { number }
        };
        let mut found = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let wanted = self.evaluate(filter, item, scope)?;
            let numbers: Option<Vec<f64>> = wanted.items().iter().map(Value::number).collect();
            let taken = match numbers {
                Some(numbers) if !numbers.is_empty() => numbers.iter().any(|n| index(*n) == i as f64),
                _ => wanted.truth(),
            };
            if taken {
                found.push(item.clone());
            }
        }
        let keep = matches!(value, Value::List(list) if list.keep);
        if keep && !found.is_empty() {
            return Ok(Value::List(Rc::new(List { items: found, sequence: true, keep, ..List::default() })));
        }
        Ok(Value::results(found))
    }

    pub(super) fn sort(
        &self,
        value: &Value<'e>,
        terms: &'e [(bool, Node)],
        scope: &Rc<Scope<'e>>,
    ) -> Result<Value<'e>> {
        let mut keyed = Vec::new();
        for item in value.items() {
            let mut keys = Vec::with_capacity(terms.len());
            for (_, term) in terms {
                keys.push(match self.evaluate(term, item, scope)? {
                    key @ (Value::Undefined | Value::Text(_)) => key,
                    key => match key.number() {
                        Some(number) => Value::Number(number),
                        None => bail!("cannot sort by a {}", key.kind()),
                    },
                });
            }
            keyed.push((keys, item.clone()));
        }
        for i in 0..terms.len() {
            let texts = keyed.iter().any(|(keys, _)| matches!(keys[i], Value::Text(_)));
            if texts && keyed.iter().any(|(keys, _)| matches!(keys[i], Value::Number(_))) {
                bail!("cannot sort by strings and numbers");
            }
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let mut orders = terms.iter().enumerate().map(|(i, (descending, _))| match (&a[i], &b[i]) {
                // What has no key comes last.
                (Value::Undefined, Value::Undefined) => Ordering::Equal,
                (Value::Undefined, _) => Ordering::Greater,
                (_, Value::Undefined) => Ordering::Less,
                (a, b) => {
                    let order = compare(a, b);
                    if *descending { order.reverse() } else { order }
                }
            });
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(Value::results(keyed.into_iter().map(|(_, item)| item).collect()))
    }
}

/// The order of two numbers or two texts; others are equal.
pub(super) fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (a, b) => match (a.number(), b.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        },
    }
}
