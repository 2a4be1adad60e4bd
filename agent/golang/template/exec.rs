//! Runs a compiled template (Go package `text/template`, file `exec`).

use std::sync::Arc;

use super::ast::{Branch, Command, Definitions, Kind, Node, Operand, Pipe};
use super::functions::{Args, Function, Short};
use super::value::Text;
use super::{DEEPEST, LARGEST, Limits, TemplateError, Value, access, print};
use crate::time::Zone;

pub(super) fn run<'a>(
    definitions: &'a Definitions,
    limits: Limits,
    local: &'a Arc<Zone>,
    data: Value<'a>,
    out: &mut String,
) -> Result<(), TemplateError> {
    let start = out.len();
    let mut run = Run {
        definitions,
        local,
        most_output: start.saturating_add(limits.output),
        memory: limits.memory,
        steps: limits.steps,
        depth: 0,
        out,
    };
    run.template(0, data).map(|_| ())
}

struct Run<'a, 'o> {
    definitions: &'a Definitions,
    /// What Go calls the local zone.
    local: &'a Arc<Zone>,
    out: &'o mut String,
    /// The length that the output may reach.
    most_output: usize,
    /// What is left of the limits.
    memory: usize,
    steps: usize,
    depth: usize,
}

/// The dot and the variables of one template.
struct Frame<'a> {
    dot: Value<'a>,
    /// `$`, slot 0: by itself, so that a template without variables needs no list on the heap.
    root: Value<'a>,
    /// The slots from 1 on.
    others: Vec<Value<'a>>,
}

impl<'a> Frame<'a> {
    fn slot(&mut self, slot: usize) -> &mut Value<'a> {
        match slot.checked_sub(1) {
            Some(other) => &mut self.others[other],
            None => &mut self.root,
        }
    }
}

/// How a run of nodes ended.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Run<'a, '_> {
    fn template(&mut self, index: usize, data: Value<'a>) -> Result<Flow, TemplateError> {
        let definitions = self.definitions;
        let definition = &definitions.templates[index];
        let mut frame = Frame { dot: data.clone(), root: data, others: vec![Value::Nil; definition.slots - 1] };
        self.nodes(&definition.body, &mut frame)
    }

    fn nodes(&mut self, nodes: &'a [Node], frame: &mut Frame<'a>) -> Result<Flow, TemplateError> {
        self.depth += 1;
        let mut flow = Flow::Next;
        for node in nodes {
            if self.depth > DEEPEST {
                return Err(TemplateError::new(node.line, "the template nests too deep"));
            }
            flow = self.node(node, frame).map_err(|failure| failure.at(node.line))?;
            if flow != Flow::Next {
                break;
            }
        }
        self.depth -= 1;
        Ok(flow)
    }

    fn node(&mut self, node: &'a Node, frame: &mut Frame<'a>) -> Result<Flow, Failure> {
        match &node.kind {
            Kind::Text(text) => {
                self.out.push_str(text);
                self.check_output()?;
            }
            Kind::Action(pipe) => {
                let value = self.pipe(pipe, frame)?;
                if pipe.targets.is_empty() {
                    print::append_result(&value, self.out);
                    self.check_output()?;
                }
            }
            Kind::If(branch) => {
                let is_true = self.pipe(&branch.pipe, frame)?.is_true();
                let nodes = if is_true { &branch.then } else { &branch.otherwise };
                return Ok(self.nodes(nodes, frame)?);
            }
            Kind::With(branch) => {
                let value = self.pipe(&branch.pipe, frame)?;
                if !value.is_true() {
                    return Ok(self.nodes(&branch.otherwise, frame)?);
                }
                let outer = std::mem::replace(&mut frame.dot, value);
                let flow = self.nodes(&branch.then, frame);
                frame.dot = outer;
                return Ok(flow?);
            }
            Kind::Range(branch) => return self.range(branch, frame),
            Kind::Template(index, pipe) => {
                let data = match pipe {
                    Some(pipe) => self.pipe(pipe, frame)?,
                    None => Value::Nil,
                };
                self.template(*index, data)?;
            }
            Kind::Break => return Ok(Flow::Break),
            Kind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn range(&mut self, branch: &'a Branch, frame: &mut Frame<'a>) -> Result<Flow, Failure> {
        let over = self.commands(&branch.pipe, frame)?;
        let outer = frame.dot.clone();
        let mut ran = false;
        let mut one = |run: &mut Self, index: Value<'a>, item: Value<'a>| {
            ran = true;
            let frame = &mut *frame;
            match branch.pipe.targets[..] {
                [slot] => *frame.slot(slot) = item.clone(),
                [first, second] => {
                    *frame.slot(first) = index;
                    *frame.slot(second) = item.clone();
                }
                _ => {}
            }
            frame.dot = item;
            run.nodes(&branch.then, frame)
        };
        match &over {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step()?;
                    if one(self, Value::Int(index as i64), item.clone())? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let entries: Vec<_> =
                    map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                for (key, value) in entries {
                    self.step()?;
                    if one(self, Value::Text(key), value)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(count) | Value::Counted(count, _) => {
                for index in 0..*count {
                    self.step()?;
                    let index = Value::Int(index);
                    if one(self, index.clone(), index)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Uint(count) => {
                for index in 0..*count {
                    self.step()?;
                    let index = Value::Uint(index);
                    if one(self, index.clone(), index)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil => {}
            _ => return Err(format!("range can't iterate over {}", over.type_name()).into()),
        }
        frame.dot = outer;
        if ran {
            return Ok(Flow::Next);
        }
        Ok(self.nodes(&branch.otherwise, frame)?)
    }

    /// Runs a pipeline and sets its variables.
    fn pipe(&mut self, pipe: &'a Pipe, frame: &mut Frame<'a>) -> Result<Value<'a>, Failure> {
        let value = self.commands(pipe, frame)?;
        for &slot in &pipe.targets {
            *frame.slot(slot) = value.clone();
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &'a Pipe, frame: &mut Frame<'a>) -> Result<Value<'a>, Failure> {
        let Some((first, others)) = pipe.commands.split_first() else {
            return Ok(Value::Nil);
        };
        let mut value = self.command(first, None, frame)?;
        for command in others {
            value = self.command(command, Some(value), frame)?;
        }
        Ok(value)
    }

    /// Runs a command; `last` is the result of the one before.
    fn command(
        &mut self,
        command: &'a Command,
        last: Option<Value<'a>>,
        frame: &mut Frame<'a>,
    ) -> Result<Value<'a>, Failure> {
        self.step()?;
        if command.args.is_empty() && last.is_none() {
            return self.operand(&command.head, frame);
        }
        if let Operand::Function(function) = &command.head
            && let Some(short) = function.short
        {
            return self.short_circuit(short, &command.args, last, frame);
        }
        // One argument is by far the most common: it needs no list on the heap.
        match (&command.args[..], last) {
            ([arg], None) => {
                let args = [self.operand(arg, frame)?];
                self.apply(&command.head, &args, frame)
            }
            ([], Some(last)) => self.apply(&command.head, &[last], frame),
            (operands, last) => {
                let mut args = Vec::with_capacity(operands.len() + 1);
                for operand in operands {
                    args.push(self.operand(operand, frame)?);
                }
                args.extend(last);
                self.apply(&command.head, &args, frame)
            }
        }
    }

    fn apply(&mut self, head: &'a Operand, args: &[Value<'a>], frame: &mut Frame<'a>) -> Result<Value<'a>, Failure> {
        match head {
            Operand::Function(function) => self.call(function, args),
            Operand::Fields(base, names) => self.fields(base, names, args, frame),
            _ => Err("can't give argument to non-function".to_owned().into()),
        }
    }

    fn call(&mut self, function: &Function, args: &[Value<'a>]) -> Result<Value<'a>, Failure> {
        let value = function.call(&Args::new(args, self.local))?;
        let size = value.size();
        if size > LARGEST || size > self.memory {
            return Err(format!("{}: the result is too large", function.name).into());
        }
        self.memory -= size;
        Ok(value)
    }

    /// `and` and `or` evaluate only the arguments that they need.
    fn short_circuit(
        &mut self,
        short: Short,
        operands: &'a [Operand],
        last: Option<Value<'a>>,
        frame: &mut Frame<'a>,
    ) -> Result<Value<'a>, Failure> {
        let mut value = Value::Nil;
        for operand in operands {
            value = self.operand(operand, frame)?;
            if value.is_true() == (short == Short::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn operand(&mut self, operand: &'a Operand, frame: &mut Frame<'a>) -> Result<Value<'a>, Failure> {
        Ok(match operand {
            Operand::Nil => Value::Nil,
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Int(value) => Value::Int(*value),
            Operand::Uint(value) => Value::Uint(*value),
            Operand::Float(value) => Value::Float(*value),
            Operand::Text(text) => Value::Text(Text::Borrowed(text)),
            Operand::Dot => frame.dot.clone(),
            Operand::Variable(slot) => frame.slot(*slot).clone(),
            Operand::Function(function) => self.call(function, &[])?,
            Operand::Pipe(pipe) => self.pipe(pipe, frame)?,
            Operand::Fields(base, names) => self.fields(base, names, &[], frame)?,
        })
    }

    /// Follows a chain of fields; the arguments are for the last one.
    fn fields(
        &mut self,
        base: &'a Operand,
        names: &[Box<str>],
        args: &[Value<'a>],
        frame: &mut Frame<'a>,
    ) -> Result<Value<'a>, Failure> {
        // Fields of the dot are the common case, for which it need not be copied.
        let held;
        let base = match base {
            Operand::Dot => &frame.dot,
            _ => {
                held = self.operand(base, frame)?;
                &held
            }
        };
        if let [name] = names {
            return Ok(access::member(base, name, args, self.local)?);
        }
        let mut value = base.clone();
        let last = names.len() - 1;
        for (index, name) in names.iter().enumerate() {
            let args = if index == last { args } else { &[] };
            value = access::member(&value, name, args, self.local)?;
        }
        Ok(value)
    }

    fn step(&mut self) -> Result<(), Failure> {
        match self.steps.checked_sub(1) {
            Some(steps) => self.steps = steps,
            None => return Err("the template takes too many steps".to_owned().into()),
        }
        Ok(())
    }

    fn check_output(&mut self) -> Result<(), Failure> {
        match self.out.len() > self.most_output {
            true => Err("the output is too large".to_owned().into()),
            false => Ok(()),
        }
    }
}

/// An error that may know its line already.
enum Failure {
    Here(String),
    Below(TemplateError),
}

impl Failure {
    fn at(self, line: usize) -> TemplateError {
        match self {
            Failure::Here(cause) => TemplateError::new(line, cause),
            Failure::Below(error) => error,
        }
    }
}

impl From<String> for Failure {
    fn from(cause: String) -> Failure {
        Failure::Here(cause)
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Failure {
        Failure::Below(error)
    }
}
