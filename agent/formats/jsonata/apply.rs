//! Calls functions of every sort.

use super::evaluate::Machine;
use super::node::Node;
use super::value::{Function, Map, Scope, Value};
use agent_api::{Result, bail, ensure};
use std::rc::Rc;

impl<'e> Machine<'e> {
    /// Calls a function; `input` is what it works on where its first argument is missing.
    pub(super) fn call(
        &self,
        function: &Value<'e>,
        mut arguments: Vec<Value<'e>>,
        input: &Value<'e>,
    ) -> Result<Value<'e>> {
        self.step()?;
        let Value::Function(function) = function else { bail!("cannot call a {}", function.kind()) };
        match &**function {
            Function::Builtin(builtin) => {
                if builtin.context && arguments.len() < builtin.least {
                    arguments.insert(0, input.clone());
                }
                let name = builtin.name;
                ensure!(arguments.len() >= builtin.least, "${name} takes at least {} arguments", builtin.least);
                ensure!(arguments.len() <= builtin.most, "${name} takes at most {} arguments", builtin.most);
                (builtin.run)(self, &arguments).map_err(|e| e.context(format!("call ${name}")))
            }
            Function::Lambda { parameters, body, input, scope } => {
                let scope = self.scope(Some(scope));
                for (i, name) in parameters.iter().enumerate() {
                    let value = arguments.get(i).cloned().unwrap_or(Value::Undefined);
                    scope.variables.borrow_mut().insert(name, value);
                }
                self.evaluate(body, input, &scope)
            }
            Function::Partial(inner, fixed) => {
                let mut open = arguments.into_iter();
                let filled =
                    fixed.iter().map(|v| v.clone().or_else(|| open.next()).unwrap_or(Value::Undefined)).collect();
                self.nested(|| self.call(inner, filled, input))
            }
            Function::Chain(first, second) => {
                let value = self.nested(|| self.call(first, arguments, input))?;
                self.nested(|| self.call(second, vec![value], input))
            }
            Function::Regex(regex) => {
                let Some(Value::Text(text)) = arguments.first() else { return Ok(Value::Undefined) };
                Ok(self.matches(regex, text, 1)?.into_iter().next().unwrap_or(Value::Undefined))
            }
            Function::Transform { pattern, update, delete, scope } => {
                let value = arguments.into_iter().next().unwrap_or(Value::Undefined);
                self.transform(value, pattern, update, *delete, scope)
            }
        }
    }

    /// `left ~> right`: calls the right with the left, or chains two functions.
    pub(super) fn apply(
        &self,
        left: Value<'e>,
        right: &'e Node,
        input: &Value<'e>,
        scope: &Rc<Scope<'e>>,
    ) -> Result<Value<'e>> {
        if let Node::Call(function, arguments) = right {
            let function = self.evaluate(function, input, scope)?;
            let mut values = vec![left];
            for argument in arguments {
                values.push(self.evaluate(argument, input, scope)?);
            }
            return self.call(&function, values, input);
        }
        let function = self.evaluate(right, input, scope)?;
        if matches!(left, Value::Function(_)) {
            return Ok(Value::Function(Rc::new(Function::Chain(left, function))));
        }
        self.call(&function, vec![left], input)
    }

    /// A copy of the value in which all objects that the pattern finds are changed.
    fn transform(
        &self,
        value: Value<'e>,
        pattern: &'e Node,
        update: &'e Node,
        delete: Option<&'e Node>,
        scope: &Rc<Scope<'e>>,
    ) -> Result<Value<'e>> {
        if value.is_undefined() {
            return Ok(value);
        }
        let found = self.evaluate(pattern, &value, scope)?;
        let mut changes: Vec<(*const Map<'e>, Value<'e>)> = Vec::new();
        for item in found.items() {
            let Value::Map(map) = item else { continue };
            let mut changed = (**map).clone();
            match self.evaluate(update, item, scope)? {
                Value::Map(new) => changed.extend(new.iter().map(|(k, v)| (k.clone(), v.clone()))),
                Value::Undefined => {}
                other => bail!("an update must be an object, not a {}", other.kind()),
            }
            if let Some(delete) = delete {
                for key in self.evaluate(delete, item, scope)?.items() {
                    let Value::Text(key) = key else { bail!("what is deleted must be named by strings") };
                    changed.remove(key);
                }
            }
            changes.push((Rc::as_ptr(map), Value::map(changed)));
        }
        self.replaced(&value, &changes)
    }

    /// The value with the objects replaced that are in the list. What is below a replaced object is not looked at.
    fn replaced(&self, value: &Value<'e>, changes: &[(*const Map<'e>, Value<'e>)]) -> Result<Value<'e>> {
        self.step()?;
        self.nested(|| {
            Ok(match value {
                Value::Map(map) => match changes.iter().find(|(at, _)| std::ptr::eq(*at, Rc::as_ptr(map))) {
                    Some((_, changed)) => changed.clone(),
                    None => {
                        let mut copy = Map::new();
                        for (key, value) in map.iter() {
                            copy.insert(key.clone(), self.replaced(value, changes)?);
                        }
                        Value::map(copy)
                    }
                },
                Value::List(list) => {
                    let items: Result<Vec<_>> = list.items.iter().map(|item| self.replaced(item, changes)).collect();
                    Value::list(items?)
                }
                other => other.clone(),
            })
        })
    }
}
