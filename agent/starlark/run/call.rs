//! Calls: binding of arguments to parameters, and entering functions of the script, of the language and of the host.

use super::{Frame, MOST_NESTING, MOST_STACK, Vm};
use crate::builtins::{Args, Native};
use crate::compile::code::Code;
use crate::error::{Error, Result, fail};
use crate::heap::Other;
use crate::value::{Id, Symbol, Value};
use std::sync::Arc;

impl Vm<'_> {
    /// Calls any function from outside of the loop over instructions. `named` are names and values by turns.
    pub(crate) fn call(&mut self, function: Value, positional: &[Value], named: &[Value]) -> Result<Value> {
        if self.machine.nesting >= MOST_NESTING {
            return Err(Error::limit("too deep nesting of calls through builtins"));
        }
        let bottom = self.machine.frames.len();
        let top = self.top();
        self.ensure(top + positional.len() + named.len() + 1)?;
        self.machine.stack[top + 1..top + 1 + positional.len()].copy_from_slice(positional);
        let rest = top + 1 + positional.len();
        self.machine.stack[rest..rest + named.len()].copy_from_slice(named);
        let codes = Arc::clone(&self.machine.codes);
        self.machine.nesting += 1;
        let entered = self.enter(&codes, function, top + 1, positional.len(), named.len() / 2, top);
        let result = match entered {
            Ok(true) => self.run(&codes, bottom),
            Ok(false) => Ok(self.machine.stack[top]),
            Err(error) => Err(self.unwind(error, bottom)),
        };
        self.machine.nesting -= 1;
        result
    }

    /// The first place on the stack that no frame uses, nor the arguments of a builtin that is active.
    fn top(&self) -> usize {
        let frames = self.machine.frames.last().map_or(0, |frame| frame.base + self.machine.registers(frame));
        frames.max(self.machine.builtin_top)
    }

    fn ensure(&mut self, len: usize) -> Result<()> {
        if len > MOST_STACK {
            return Err(Error::limit("call stack too deep"));
        }
        if self.machine.stack.len() < len {
            self.machine.stack.resize(len.next_power_of_two().max(256), Value::Unset);
        }
        Ok(())
    }

    /// Calls `function` with the arguments on the stack from `args` on. True if that made a new frame; otherwise the
    /// result is at `dst` already.
    pub(super) fn enter(
        &mut self,
        codes: &[Code],
        function: Value,
        args: usize,
        positional: usize,
        named: usize,
        dst: usize,
    ) -> Result<bool> {
        match function {
            Value::Function(id) => {
                self.push_frame(codes, id, args, positional, named, dst)?;
                // Only now: a collection has to know the arguments.
                self.checkpoint()?;
                Ok(true)
            }
            Value::Builtin(index) => {
                let value = self.builtin(index, args, positional, named)?;
                self.machine.stack[dst] = value;
                Ok(false)
            }
            Value::Other(id) if let &Other::Method { receiver, name } = self.machine.heap.other_ref(id) => {
                let value = self.method(receiver, name, args, positional, named)?;
                match value {
                    Some(value) => self.machine.stack[dst] = value,
                    None => return Err(self.no_attr(receiver, name)),
                }
                Ok(false)
            }
            other => fail!("invalid call of non-function ({})", self.cx().type_name(other)),
        }
    }

    fn push_frame(
        &mut self,
        codes: &[Code],
        id: Id,
        base: usize,
        positional: usize,
        named: usize,
        dst: usize,
    ) -> Result<()> {
        let number = self.machine.heap.function_ref(id).code;
        let code = &codes[number as usize];
        if self.machine.frames.len() >= self.machine.limits.depth {
            return Err(Error::limit("call stack too deep"));
        }
        let registers = usize::from(code.registers);
        self.ensure(base + registers.max(positional + 2 * named))?;
        let filled = if code.simple && named == 0 && positional == usize::from(code.positional) {
            positional
        } else {
            self.bind(code, id, base, positional, named)?;
            code.params.len()
        };
        self.machine.stack[base + filled..base + registers].fill(Value::Unset);
        let iters = self.machine.iters.len();
        self.machine.frames.push(Frame { code: number, pc: 0, base, dst, function: id, iters });
        Ok(())
    }

    /// Distributes arguments over the parameters, which are the first registers of the new frame.
    fn bind(&mut self, code: &Code, id: Id, base: usize, positional: usize, named: usize) -> Result<()> {
        let name = &code.name;
        let params = usize::from(code.positional);
        let keywords = usize::from(code.keyword_only);
        let arguments = self.machine.stack[base..base + positional + 2 * named].to_vec();
        let (given, pairs) = arguments.split_at(positional);
        if positional > params && !code.star {
            let bound = if usize::from(code.defaults) > keywords { "at most " } else { "" };
            let plural = if params == 1 { "" } else { "s" };
            if code.params.is_empty() {
                fail!("function {name} accepts no arguments ({} given)", positional + named);
            }
            fail!("function {name} accepts {bound}{params} positional argument{plural} ({positional} given)");
        }
        let mut values = vec![Value::Unset; params + keywords];
        let direct = positional.min(params);
        values[..direct].copy_from_slice(&given[..direct]);
        let heap = &mut self.machine.heap;
        let extra = code.double.then(|| heap.dict(0));
        for pair in pairs.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            match code.params[..params + keywords].iter().position(|&param| heap.same_key(param, key)) {
                Some(at) if values[at].is_unset() => values[at] = value,
                Some(_) => fail!("function {name} got multiple values for parameter \"{}\"", heap.text(key)),
                None => match extra {
                    Some(Value::Dict(extra)) => {
                        if heap.dict_get(extra, key)?.is_some() {
                            fail!("function {name} got multiple values for parameter \"{}\"", heap.text(key));
                        }
                        heap.dict_insert(extra, key, value)?;
                    }
                    _ => fail!("function {name} got an unexpected keyword argument \"{}\"", heap.text(key)),
                },
            }
        }
        let defaults = &heap.function_ref(id).defaults;
        let first_default = params + keywords - defaults.len();
        let mut missing = Vec::new();
        for (at, slot) in values.iter_mut().enumerate() {
            if slot.is_unset() {
                *slot = at.checked_sub(first_default).map_or(Value::Unset, |at| defaults[at]);
                if slot.is_unset() {
                    missing.push(heap.text(code.params[at]).into_owned());
                }
            }
        }
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            fail!("function {name} missing {} argument{plural} ({})", missing.len(), missing.join(", "));
        }
        if code.star {
            values.push(heap.tuple(given.get(params..).unwrap_or_default()));
        }
        values.extend(extra);
        self.machine.stack[base..base + values.len()].copy_from_slice(&values);
        Ok(())
    }

    fn builtin(&mut self, index: u16, args: usize, positional: usize, named: usize) -> Result<Value> {
        let machine = &mut *self.machine;
        let Some(native) = machine.heap.builtins.get(usize::from(index)).map(|builtin| builtin.native) else {
            fail!("no such builtin")
        };
        let end = args + positional + 2 * named;
        let result = match native {
            Native::Plain(function) => {
                let args = arguments(&machine.stack[args..end], positional);
                function(&mut crate::builtins::Cx { heap: &mut machine.heap, host: &mut *self.host }, args)
            }
            Native::Host(number) => {
                let args = arguments(&machine.stack[args..end], positional);
                self.host.call(&mut machine.heap, number, args)
            }
            Native::Calling(function) => {
                let values = machine.stack[args..end].to_vec();
                let (given, pairs) = values.split_at(positional);
                let before = std::mem::replace(&mut machine.builtin_top, end);
                let result = function(self, given, pairs);
                self.machine.builtin_top = before;
                result
            }
        };
        result.map_err(|error| match self.machine.heap.builtins.get(usize::from(index)) {
            Some(builtin) => error.inside(&builtin.name),
            None => error,
        })
    }

    /// `receiver.name(args)` where the receiver is at `args` and its arguments behind.
    pub(super) fn call_method(
        &mut self,
        codes: &[Code],
        name: Symbol,
        args: usize,
        positional: usize,
        named: usize,
        dst: usize,
    ) -> Result<bool> {
        let receiver = self.machine.stack[args];
        if let Some(value) = self.method(receiver, name, args + 1, positional, named)? {
            self.machine.stack[dst] = value;
            return Ok(false);
        }
        match self.cx().attr(receiver, name)? {
            Some(function) => self.enter(codes, function, args + 1, positional, named, dst),
            None => Err(self.no_attr(receiver, name)),
        }
    }

    /// Calls a method; nothing if the receiver has no such one.
    fn method(
        &mut self,
        receiver: Value,
        name: Symbol,
        args: usize,
        positional: usize,
        named: usize,
    ) -> Result<Option<Value>> {
        let machine = &mut *self.machine;
        let args = arguments(&machine.stack[args..args + positional + 2 * named], positional);
        if let Value::Host(object) = receiver {
            let result = self.host.call_method(&mut machine.heap, object, name, args);
            return result.map_err(|error| error.inside(machine.heap.symbol_name(name)));
        }
        let Some(class) = machine.heap.class(receiver) else { return Ok(None) };
        let Some(method) = machine.heap.symbols.method(name, class) else { return Ok(None) };
        let mut cx = crate::builtins::Cx { heap: &mut machine.heap, host: &mut *self.host };
        match method(&mut cx, receiver, args) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.inside(self.machine.heap.symbol_name(name))),
        }
    }

    fn no_attr(&mut self, receiver: Value, name: Symbol) -> Error {
        self.cx().no_attr(receiver, name)
    }

    /// Replaces the values of `*` and `**`, which follow the other arguments, by what they hold.
    pub(super) fn spread(
        &mut self,
        args: usize,
        positional: usize,
        named: usize,
        star: bool,
        double: bool,
    ) -> Result<(usize, usize)> {
        let pairs = args + positional;
        let end = pairs + 2 * named;
        let mut given = self.machine.stack[args..pairs].to_vec();
        let mut named_args = self.machine.stack[pairs..end].to_vec();
        if star {
            let value = self.machine.stack[end];
            let mut cx = self.cx();
            match cx.iterable(value)? {
                Some(items) => given.extend(items),
                None => fail!("argument after * must be iterable, not {}", cx.type_name(value)),
            }
        }
        if double {
            let value = self.machine.stack[end + usize::from(star)];
            let Value::Dict(_) = value else {
                fail!("argument after ** must be a mapping, not {}", self.cx().type_name(value));
            };
            for (key, value) in self.machine.heap.entries(value) {
                let Value::Str(_) = key else {
                    let kind = self.machine.heap.type_of(key).unwrap_or("object");
                    fail!("keywords must be strings, not {kind}");
                };
                named_args.extend([key, value]);
            }
        }
        self.ensure(args + given.len() + named_args.len())?;
        let pairs = args + given.len();
        self.machine.stack[args..pairs].copy_from_slice(&given);
        self.machine.stack[pairs..pairs + named_args.len()].copy_from_slice(&named_args);
        Ok((given.len(), named_args.len() / 2))
    }
}

fn arguments(values: &[Value], positional: usize) -> Args<'_> {
    let (positional, named) = values.split_at(positional);
    Args::new(positional, named)
}
