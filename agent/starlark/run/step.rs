//! The loop over instructions.

use super::{Frame, Vm};
use crate::builtins::Cx;
use crate::compile::code::{Capture, Code, Op, Operator, Reg, Src, Unary};
use crate::error::{Result, fail};
use crate::heap::Function;
use crate::value::Value;

/// How the loop over one frame ended.
enum Flow {
    /// Another frame is on top now.
    Switch,
    /// The frame at the bottom returned.
    Done(Value),
}

impl Vm<'_> {
    pub(crate) fn cx(&mut self) -> Cx<'_> {
        Cx { heap: &mut self.machine.heap, host: &mut *self.host }
    }

    /// Runs until the frame at `bottom` returns.
    pub(super) fn run(&mut self, codes: &[Code], bottom: usize) -> Result<Value> {
        loop {
            let depth = self.machine.frames.len();
            let Some(frame) = self.machine.frames.last().copied() else { return Ok(Value::None) };
            let mut pc = frame.pc as usize;
            let flow = self.run_frame(codes, frame, &mut pc, bottom);
            match flow {
                Ok(Flow::Switch) => {}
                Ok(Flow::Done(value)) => return Ok(value),
                Err(error) => {
                    self.machine.frames[depth - 1].pc = pc as u32;
                    return Err(self.unwind(error, bottom));
                }
            }
        }
    }

    fn read(&self, code: &Code, base: usize, src: Src) -> Value {
        if src.0 & Src::CONSTANT == 0 {
            self.machine.stack[base + usize::from(src.0)]
        } else {
            code.constants[usize::from(src.0 & !Src::CONSTANT)]
        }
    }

    fn write(&mut self, base: usize, dst: Reg, value: Value) {
        self.machine.stack[base + usize::from(dst)] = value;
    }

    fn run_frame(&mut self, codes: &[Code], frame: Frame, pc: &mut usize, bottom: usize) -> Result<Flow> {
        let base = frame.base;
        let code = &codes[frame.code as usize];
        loop {
            let op = code.ops[*pc];
            *pc += 1;
            match op {
                Op::Move { dst, src } => {
                    let value = self.read(code, base, src);
                    self.write(base, dst, value);
                }
                Op::LoadConstant { dst, index } => self.write(base, dst, code.constants[index as usize]),
                Op::LoadGlobal { dst, global } => {
                    let value = self.machine.globals[usize::from(global)];
                    if value.is_unset() {
                        let name = &self.machine.global_names[usize::from(global)];
                        fail!("global variable {name} referenced before assignment");
                    }
                    self.write(base, dst, value);
                }
                Op::StoreGlobal { global, src } => {
                    self.machine.globals[usize::from(global)] = self.read(code, base, src);
                }
                Op::LoadCaptured { dst, index } => {
                    let cell = self.machine.heap.function_ref(frame.function).captured[usize::from(index)];
                    let value = self.open_cell(cell);
                    self.write(base, dst, value);
                }
                Op::LoadCell { dst, cell } => {
                    let value = self.open_cell(self.read(code, base, Src(cell)));
                    self.write(base, dst, value);
                }
                Op::StoreCell { cell, src } => {
                    let value = self.read(code, base, src);
                    if let Value::Cell(id) = self.read(code, base, Src(cell)) {
                        self.machine.heap.cell_set(id, value);
                    }
                }
                Op::MakeCell { reg } => {
                    let value = self.read(code, base, Src(reg));
                    let cell = self.machine.heap.cell(value);
                    self.write(base, reg, cell);
                }
                Op::CheckSet { reg, name } => {
                    if self.read(code, base, Src(reg)).is_unset() {
                        let name = self.machine.heap.text(self.read(code, base, name)).into_owned();
                        fail!("local variable {name} referenced before assignment");
                    }
                }
                Op::Binary { operator, dst, a, b } => {
                    let (a, b) = (self.read(code, base, a), self.read(code, base, b));
                    let value = match quick(operator, a, b) {
                        Some(value) => value,
                        None => self.cx().binary(operator, a, b)?,
                    };
                    self.write(base, dst, value);
                }
                Op::InPlace { operator, dst, a, b } => {
                    let (a, b) = (self.read(code, base, a), self.read(code, base, b));
                    let value = match quick(operator, a, b) {
                        Some(value) => value,
                        None => self.cx().in_place(operator, a, b)?,
                    };
                    self.write(base, dst, value);
                }
                Op::Unary { operator, dst, src } => {
                    let value = self.read(code, base, src);
                    let value = match operator {
                        Unary::Not => Value::Bool(!self.truth(value)),
                        _ => self.cx().unary(operator, value)?,
                    };
                    self.write(base, dst, value);
                }
                Op::JumpUnless { operator, a, b, target } => {
                    let (a, b) = (self.read(code, base, a), self.read(code, base, b));
                    let holds = match quick_test(operator, a, b) {
                        Some(holds) => holds,
                        None => self.cx().test(operator, a, b)?,
                    };
                    if !holds {
                        *pc = target as usize;
                    }
                }
                Op::Attr { dst, object, name } => {
                    let object = self.read(code, base, object);
                    let value = self.cx().need_attr(object, name)?;
                    self.write(base, dst, value);
                }
                Op::SetAttr { object, name, src } => {
                    let (object, value) = (self.read(code, base, object), self.read(code, base, src));
                    self.cx().set_attr(object, name, value)?;
                }
                Op::Index { dst, object, key } => {
                    let (object, key) = (self.read(code, base, object), self.read(code, base, key));
                    let value = self.cx().index(object, key)?;
                    self.write(base, dst, value);
                }
                Op::SetIndex { object, key, src } => {
                    let (object, key) = (self.read(code, base, object), self.read(code, base, key));
                    let value = self.read(code, base, src);
                    self.cx().set_index(object, key, value)?;
                }
                Op::AttrIndex { dst, object, name, key } => {
                    let (object, key) = (self.read(code, base, object), self.read(code, base, key));
                    let mut cx = self.cx();
                    let inner = cx.need_attr(object, name)?;
                    let value = cx.index(inner, key)?;
                    self.write(base, dst, value);
                }
                Op::SetAttrIndex { object, name, key, src } => {
                    let (object, key) = (self.read(code, base, object), self.read(code, base, key));
                    let value = self.read(code, base, src);
                    let mut cx = self.cx();
                    let inner = cx.need_attr(object, name)?;
                    cx.set_index(inner, key, value)?;
                }
                Op::Slice { dst, start } => {
                    let at = base + usize::from(start);
                    let [object, low, high, step] = [0, 1, 2, 3].map(|offset| self.machine.stack[at + offset]);
                    let value = self.cx().slice(object, low, high, step)?;
                    self.write(base, dst, value);
                }
                Op::List { dst, start, count } => {
                    let from = base + usize::from(start);
                    let items = self.machine.stack[from..from + usize::from(count)].to_vec();
                    let list = self.machine.heap.list(items);
                    self.write(base, dst, list);
                }
                Op::Tuple { dst, start, count } => {
                    let from = base + usize::from(start);
                    let machine = &mut *self.machine;
                    let tuple = machine.heap.tuple(&machine.stack[from..from + usize::from(count)]);
                    self.write(base, dst, tuple);
                }
                Op::Dict { dst } => {
                    let dict = self.machine.heap.dict(0);
                    self.write(base, dst, dict);
                }
                Op::Append { list, src } => {
                    let value = self.read(code, base, src);
                    if let Value::List(id) = self.read(code, base, Src(list)) {
                        self.machine.heap.list_push(id, value)?;
                    }
                }
                Op::Entry { dict, key, src } => {
                    let (key, value) = (self.read(code, base, key), self.read(code, base, src));
                    let dict = self.read(code, base, Src(dict));
                    self.cx().entry(dict, key, value)?;
                }
                Op::Unpack { src, start, count } => {
                    let value = self.read(code, base, src);
                    self.unpack(value, base + usize::from(start), usize::from(count))?;
                }
                Op::Jump { target } => {
                    if (target as usize) < *pc {
                        self.checkpoint()?;
                    }
                    *pc = target as usize;
                }
                Op::JumpIfNot { src, target } => {
                    let value = self.read(code, base, src);
                    if !self.truth(value) {
                        *pc = target as usize;
                    }
                }
                Op::JumpIf { src, target } => {
                    let value = self.read(code, base, src);
                    if self.truth(value) {
                        *pc = target as usize;
                    }
                }
                Op::Iterate { src } => {
                    let source = self.read(code, base, src);
                    self.start_loop(source)?;
                }
                Op::Next { dst, target } => match self.next_item() {
                    Some(item) => self.write(base, dst, item),
                    None => *pc = target as usize,
                },
                Op::EndLoop => {
                    let running = self.machine.iters.len();
                    self.end_loops(running.saturating_sub(1));
                }
                Op::Call { dst, function, args, positional, named } => {
                    let function = self.read(code, base, function);
                    let (positional, named) = (usize::from(positional), usize::from(named));
                    self.save(*pc);
                    let args = base + usize::from(args);
                    if self.enter(codes, function, args, positional, named, base + usize::from(dst))? {
                        return Ok(Flow::Switch);
                    }
                }
                Op::CallMethod { dst, args, name, positional, named } => {
                    let (positional, named) = (usize::from(positional), usize::from(named));
                    self.save(*pc);
                    let args = base + usize::from(args);
                    if self.call_method(codes, name, args, positional, named, base + usize::from(dst))? {
                        return Ok(Flow::Switch);
                    }
                }
                Op::CallSpread { dst, function, args, positional, named, star, double } => {
                    let function = self.read(code, base, function);
                    self.save(*pc);
                    let args = base + usize::from(args);
                    let (positional, named) =
                        self.spread(args, usize::from(positional), usize::from(named), star, double)?;
                    if self.enter(codes, function, args, positional, named, base + usize::from(dst))? {
                        return Ok(Flow::Switch);
                    }
                }
                Op::Function { dst, code: number, defaults } => {
                    let inner = &codes[usize::from(number)];
                    let from = base + usize::from(defaults);
                    let defaults = self.machine.stack[from..from + usize::from(inner.defaults)].into();
                    let captured = inner.captures.iter().map(|capture| match capture {
                        Capture::Local(reg) => self.read(code, base, Src(*reg)),
                        Capture::Outer(at) => self.machine.heap.function_ref(frame.function).captured[usize::from(*at)],
                    });
                    let captured = captured.collect();
                    let function = Function { code: u32::from(number), defaults, captured };
                    let function = self.machine.heap.function(function);
                    self.write(base, dst, function);
                }
                Op::Return { src } => {
                    let value = self.read(code, base, src);
                    self.end_loops(frame.iters);
                    self.machine.frames.pop();
                    if self.machine.frames.len() == bottom {
                        return Ok(Flow::Done(value));
                    }
                    self.machine.stack[frame.dst] = value;
                    return Ok(Flow::Switch);
                }
            }
        }
    }

    /// Remembers where the frame goes on, for the return and for traces.
    fn save(&mut self, pc: usize) {
        if let Some(top) = self.machine.frames.last_mut() {
            top.pc = pc as u32;
        }
    }

    fn truth(&mut self, value: Value) -> bool {
        match value {
            Value::Bool(value) => value,
            Value::None => false,
            other => self.cx().truth(other),
        }
    }

    fn open_cell(&self, cell: Value) -> Value {
        match cell {
            Value::Cell(id) => self.machine.heap.cell_value(id),
            other => other,
        }
    }
}

/// What the common operators give for small integers and floats; nothing where it takes more thought.
fn quick(operator: Operator, a: Value, b: Value) -> Option<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => match operator {
            Operator::Add => a.checked_add(b).map(Value::Int),
            Operator::Sub => a.checked_sub(b).map(Value::Int),
            Operator::Mul => a.checked_mul(b).map(Value::Int),
            _ => quick_test(operator, Value::Int(a), Value::Int(b)).map(Value::Bool),
        },
        (Value::Float(a), Value::Float(b)) => match operator {
            Operator::Add => Some(Value::Float(a + b)),
            Operator::Sub => Some(Value::Float(a - b)),
            Operator::Mul => Some(Value::Float(a * b)),
            Operator::Div if b != 0.0 => Some(Value::Float(a / b)),
            _ => quick_test(operator, Value::Float(a), Value::Float(b)).map(Value::Bool),
        },
        _ => None,
    }
}

fn quick_test(operator: Operator, a: Value, b: Value) -> Option<bool> {
    fn holds<T: PartialOrd>(operator: Operator, a: T, b: T) -> Option<bool> {
        Some(match operator {
            Operator::Eq => a == b,
            Operator::Ne => a != b,
            Operator::Lt => a < b,
            Operator::Le => a <= b,
            Operator::Gt => a > b,
            Operator::Ge => a >= b,
            _ => return None,
        })
    }
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => holds(operator, a, b),
        // NaN has an order of its own in this language.
        (Value::Float(a), Value::Float(b)) if !a.is_nan() && !b.is_nan() => holds(operator, a, b),
        _ => None,
    }
}
