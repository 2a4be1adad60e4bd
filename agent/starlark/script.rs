//! A loaded script: what the embedding program holds and calls.

use crate::builtins::universal;
use crate::compile::{self, Outside};
use crate::error::Result;
use crate::heap::Heap;
use crate::host::Host;
use crate::modules;
use crate::plain::Plain;
use crate::run::{Limits, Machine};
use crate::syntax;
use crate::value::{Object, Symbol, Value};
use std::collections::HashMap;

/// What a script may use beyond the language, and how much of everything.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Names of attributes and methods of the host's objects. The first is [`Symbol`] 0, the next 1 and so on, so that
    /// the host can tell them apart by number.
    pub attributes: &'a [&'a str],
    /// Names of the host's functions; [`Host::call`] gets their place in this list.
    pub functions: &'a [&'a str],
    /// Names with a constant value.
    pub constants: &'a [(&'a str, Plain)],
    /// Most loop turns and calls of one call into the script; without it a script may run for ever.
    pub steps: Option<u64>,
    /// Most bytes of data, roughly.
    pub memory: usize,
    /// Most calls within each other.
    pub depth: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { attributes: &[], functions: &[], constants: &[], steps: None, memory: 256 << 20, depth: 5_000 }
    }
}

/// A script whose top level has run.
///
/// It owns all its data and can move to another thread between calls. `state` is a dictionary that every script has:
/// unlike all other globals it stays writable after the top level has run, so it is where scripts keep values.
#[derive(Debug)]
pub struct Script {
    machine: Machine,
    state: Value,
    mentions_state: bool,
}

/// A global function of one script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function(usize);

impl Script {
    /// Compiles a script and runs its top level; `file` names it in errors.
    pub fn load(source: &str, file: &str, options: &Options<'_>, host: &mut dyn Host) -> Result<Script> {
        let mut heap = Heap::new(options.memory);
        let (outside, state) = predeclare(&mut heap, options)?;
        let body = syntax::parse(source, file)?;
        let compiled = compile::compile(&body, file, &mut heap, &outside)?;
        heap.function_names = compiled.codes.iter().map(|code| code.name.clone()).collect();
        let main = heap.function(crate::heap::Function {
            code: compiled.codes.len() as u32 - 1,
            defaults: Box::default(),
            captured: Box::default(),
        });
        heap.make_permanent();
        let limits = Limits { steps: options.steps.unwrap_or(u64::MAX / 2), depth: options.depth };
        let mut machine = Machine::new(heap, compiled.codes, file, compiled.globals, limits);
        machine.call(host, main, &[])?;
        let state = match machine.global("state") {
            Some(global @ Value::Dict(_)) => global,
            _ => state,
        };
        let globals = machine.globals.clone();
        machine.heap.freeze(&globals, state);
        machine.heap.make_permanent();
        Ok(Script { machine, state, mentions_state: compiled.mentions_state })
    }

    /// The global function of this name, if there is one that the script defines.
    pub fn function(&self, name: &str) -> Option<Function> {
        let at = self.machine.global_names.iter().position(|other| **other == *name)?;
        matches!(self.machine.globals[at], Value::Function(_)).then_some(Function(at))
    }

    /// How many parameters a function has, of every kind.
    pub fn parameters(&self, function: Function) -> usize {
        match self.machine.globals.get(function.0) {
            Some(&Value::Function(id)) => self.machine.parameters(id),
            _ => 0,
        }
    }

    /// Calls a function. The result, and what it holds, is valid until the next call.
    pub fn call(&mut self, function: Function, args: &[Value], host: &mut dyn Host) -> Result<Value> {
        let function = self.machine.globals.get(function.0).copied().unwrap_or(Value::None);
        self.machine.call(host, function, args)
    }

    /// The data, to read results from.
    pub fn heap(&self) -> &Heap {
        &self.machine.heap
    }

    /// The data, to make arguments in.
    pub fn heap_mut(&mut self) -> &mut Heap {
        &mut self.machine.heap
    }

    /// False if nothing that a call does can be seen by a later one, as the script nowhere refers to `state`.
    pub fn keeps_state(&self) -> bool {
        self.mentions_state
    }

    /// The dictionary `state`.
    pub fn state(&self) -> Value {
        self.state
    }

    /// The value of a global.
    pub fn global(&self, name: &str) -> Option<Value> {
        self.machine.global(name)
    }

    /// The objects of the host that the script still holds, sorted; the host can drop all others. Not during a call.
    pub fn held_objects(&self) -> Vec<Object> {
        self.machine.heap.reachable_objects(self.machine.globals.iter())
    }

    /// Drops what the script cannot reach any more. Runs by itself when enough has gathered.
    pub fn collect(&mut self) {
        self.machine.collect();
    }
}

struct Names(HashMap<Box<str>, Value>);

impl Outside for Names {
    fn name(&self, name: &str) -> Option<Value> {
        self.0.get(name).copied()
    }

    fn load(&self, heap: &mut Heap, module: &str, member: &str) -> std::result::Result<Value, String> {
        modules::load(heap, module, member)
    }
}

/// Puts everything into the heap that scripts can name without defining it; also gives the dictionary `state`.
fn predeclare(heap: &mut Heap, options: &Options<'_>) -> Result<(Names, Value)> {
    for (at, name) in options.attributes.iter().enumerate() {
        if heap.symbols.intern(name) != u16::try_from(at).ok().map(Symbol) {
            crate::error::fail!("attribute {name:?} is declared twice");
        }
    }
    heap.builtins = universal();
    heap.add_host_functions(options.functions)?;
    let builtins = heap.builtins.iter().enumerate();
    let mut names: HashMap<Box<str>, Value> =
        builtins.map(|(at, builtin)| (builtin.name.clone(), Value::Builtin(at as u16))).collect();
    for (name, value) in [("None", Value::None), ("True", Value::Bool(true)), ("False", Value::Bool(false))] {
        names.insert(name.into(), value);
    }
    for (name, plain) in options.constants {
        let value = heap.build(plain)?;
        heap.freeze(&[value], Value::None);
        names.insert((*name).into(), value);
    }
    let state = heap.dict(0);
    names.entry("state".into()).or_insert(state);
    Ok((Names(names), state))
}
