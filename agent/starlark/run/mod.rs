//! The interpreter: the loop over instructions, and the frames of the functions that are active.

mod arith;
mod call;
mod index;
mod iter;
mod step;

use crate::compile::code::Code;
use crate::error::{Error, Result, Site};
use crate::heap::Heap;
use crate::host::Host;
use crate::value::{Id, Value};
use iter::Iter;
use std::sync::Arc;

/// A script's state, at rest between calls.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) heap: Heap,
    pub(crate) codes: Arc<[Code]>,
    pub(crate) file: Box<str>,
    pub(crate) globals: Vec<Value>,
    pub(crate) global_names: Vec<Box<str>>,
    pub(crate) limits: Limits,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    iters: Vec<Iter>,
    /// Loop turns and calls of the running call.
    steps: u64,
    /// How many calls into the script are active through builtins.
    nesting: usize,
    /// End of the arguments on the stack of the innermost builtin that calls into the script.
    builtin_top: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) steps: u64,
    pub(crate) depth: usize,
}

/// An active function.
#[derive(Clone, Copy, Debug)]
struct Frame {
    code: u32,
    /// The next instruction.
    pc: u32,
    /// Its first register on the stack.
    base: usize,
    /// Where on the stack the caller wants the result.
    dst: usize,
    function: Id,
    /// Number of iterations that were running when it started.
    iters: usize,
}

/// Calls into the script from builtins can nest this deep, since each takes some of the thread's own stack.
const MOST_NESTING: usize = 40;
/// Values on the stack, all frames together.
const MOST_STACK: usize = 1 << 20;

impl Machine {
    pub(crate) fn new(
        heap: Heap,
        codes: Vec<Code>,
        file: &str,
        global_names: Vec<Box<str>>,
        limits: Limits,
    ) -> Machine {
        Machine {
            heap,
            codes: codes.into(),
            file: file.into(),
            globals: vec![Value::Unset; global_names.len()],
            global_names,
            limits,
            stack: Vec::new(),
            frames: Vec::new(),
            iters: Vec::new(),
            steps: 0,
            nesting: 0,
            builtin_top: 0,
        }
    }

    pub(crate) fn global(&self, name: &str) -> Option<Value> {
        let at = self.global_names.iter().position(|other| **other == *name)?;
        Some(self.globals[at]).filter(|value| !value.is_unset())
    }

    /// Calls a function of the script, or a builtin, from outside.
    pub(crate) fn call(&mut self, host: &mut dyn Host, function: Value, args: &[Value]) -> Result<Value> {
        // Arguments that the host made just now must survive; then everything stays for one call longer.
        if !args.iter().any(|&arg| self.heap.is_young(arg)) && self.heap.finish_call() {
            self.collect();
        }
        self.steps = 0;
        self.heap.work.set(0);
        self.nesting = 0;
        self.builtin_top = 0;
        Vm { machine: self, host }.call(function, args, &[])
    }

    /// Drops what is not reachable any more; only when no builtin is active, as those hold values of their own.
    pub(crate) fn collect(&mut self) {
        let top = self.frames.iter().map(|frame| frame.base + self.registers(frame)).max().unwrap_or(0);
        let mut functions: Vec<Value> = self.frames.iter().map(|frame| Value::Function(frame.function)).collect();
        let mut sources: Vec<Value> = self.iters.iter().map(|iter| iter.source).collect();
        let top = top.min(self.stack.len());
        let mut roots: Vec<&mut [Value]> =
            vec![&mut self.globals, &mut self.stack[..top], &mut functions, &mut sources];
        roots.extend(self.iters.iter_mut().map(Iter::values));
        self.heap.collect(&mut roots);
        for (frame, function) in self.frames.iter_mut().zip(functions) {
            if let Value::Function(id) = function {
                frame.function = id;
            }
        }
        for (iter, source) in self.iters.iter_mut().zip(sources) {
            iter.source = source;
        }
    }

    pub(crate) fn parameters(&self, function: Id) -> usize {
        self.codes[self.heap.function_ref(function).code as usize].params.len()
    }

    fn registers(&self, frame: &Frame) -> usize {
        usize::from(self.codes[frame.code as usize].registers)
    }
}

/// A machine at work.
pub(crate) struct Vm<'a> {
    pub(crate) machine: &'a mut Machine,
    pub(crate) host: &'a mut dyn Host,
}

impl Vm<'_> {
    /// What the frame at the end of a failed run adds to the error; the frames above `bottom` go.
    fn unwind(&mut self, mut error: Error, bottom: usize) -> Error {
        while self.machine.frames.len() > bottom {
            let Some(frame) = self.machine.frames.pop() else { break };
            self.end_loops(frame.iters);
            let code = &self.machine.codes[frame.code as usize];
            let position = code.positions.get((frame.pc as usize).saturating_sub(1)).copied().unwrap_or_default();
            let (function, file) = (code.name.to_string(), self.machine.file.to_string());
            error.push_site(Site { function, file, position });
        }
        error
    }

    /// Counts a step and sees to the limits; called at every turn of a loop and at every call.
    fn checkpoint(&mut self) -> Result<()> {
        let machine = &mut *self.machine;
        machine.steps += 1;
        if machine.steps + machine.heap.work.get() > machine.limits.steps {
            return Err(Error::limit("Starlark computation cancelled: too many steps"));
        }
        if machine.heap.is_swollen() {
            // Nested runs were called by builtins, which hold values that a collection would not know.
            if machine.nesting <= 1 {
                machine.collect();
            }
            machine.heap.check()?;
        }
        Ok(())
    }
}
