//! From the syntax tree to instructions, with every name resolved to a register, a cell, a global or a constant.

mod call;
pub(crate) mod code;
mod comprehension;
mod expr;
mod names;
mod stmt;

use crate::error::{Error, Position, Result};
use crate::heap::Heap;
use crate::syntax::ast::{Def, Name, Param, Stmt};
use crate::value::{Symbol, Value};
use code::{Capture, Code, Op, Reg, Src};
use std::collections::{HashMap, HashSet};

/// What a script may refer to without defining it.
pub(crate) trait Outside {
    /// The value of a predeclared or universal name.
    fn name(&self, name: &str) -> Option<Value>;
    /// A member of a module; an error text if the module or the member is missing.
    fn load(&self, heap: &mut Heap, module: &str, member: &str) -> std::result::Result<Value, String>;
}

/// A compiled script.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// All functions; the last one is the top level.
    pub(crate) codes: Vec<Code>,
    /// Names of the globals.
    pub(crate) globals: Vec<Box<str>>,
    /// The script may refer to what it keeps between calls.
    pub(crate) mentions_state: bool,
}

/// Compiles a script. Constants go to the heap.
pub(crate) fn compile(body: &[Stmt], file: &str, heap: &mut Heap, outside: &dyn Outside) -> Result<Compiled> {
    let names = names::bound(body);
    let mut compiler = Compiler {
        file,
        heap,
        outside,
        codes: Vec::new(),
        globals: names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect(),
        scopes: Vec::new(),
        texts: HashMap::new(),
    };
    if names.len() > usize::from(u16::MAX) {
        return Err(Error::syntax(file, Position::default(), "too many globals"));
    }
    compiler.scopes.push(Scope::new(names::mentioned_inside(body)));
    compiler.block(body)?;
    let end = Position { line: 1, column: 1 };
    compiler.finish(end, "<toplevel>", Signature::default())?;
    let globals = names.iter().map(|name| name.as_ref().into()).collect();
    Ok(Compiled { codes: compiler.codes, globals, mentions_state: names::mentions(body, "state") })
}

struct Compiler<'a> {
    file: &'a str,
    heap: &'a mut Heap,
    outside: &'a dyn Outside,
    codes: Vec<Code>,
    globals: HashMap<Name, usize>,
    /// The functions being compiled, the innermost last.
    scopes: Vec<Scope>,
    /// Strings that are on the heap already.
    texts: HashMap<Box<[u8]>, Value>,
}

/// What is known of a function while it is compiled.
struct Scope {
    /// Variables by block; the first block is the function's, the others those of comprehensions.
    blocks: Vec<HashMap<Name, Variable>>,
    captures: Vec<(Name, Capture)>,
    /// Names that inner functions mention.
    shared: HashSet<Name>,
    /// Registers of variables that surely have a value here.
    assigned: HashSet<Reg>,
    ops: Vec<Op>,
    positions: Vec<Position>,
    constants: Vec<Value>,
    /// The next free register.
    next: u16,
    most: u16,
    /// Registers below are variables of the function.
    locals: u16,
    loops: Vec<Loop>,
}

#[derive(Clone, Copy)]
struct Variable {
    reg: Reg,
    cell: bool,
}

/// A loop statement: where `continue` goes, and the jumps of `break`, which are completed at its end.
struct Loop {
    start: u32,
    breaks: Vec<usize>,
}

/// Where a name leads.
enum Place {
    Local(Variable),
    Captured(u16),
    Global(u16),
    Constant(Value),
}

#[derive(Default)]
struct Signature {
    params: Vec<Value>,
    positional: u16,
    keyword_only: u16,
    star: bool,
    double: bool,
    defaults: u16,
}

impl Scope {
    fn new(shared: HashSet<Name>) -> Scope {
        Scope {
            blocks: vec![HashMap::new()],
            captures: Vec::new(),
            shared,
            assigned: HashSet::new(),
            ops: Vec::new(),
            positions: Vec::new(),
            constants: Vec::new(),
            next: 0,
            most: 0,
            locals: 0,
            loops: Vec::new(),
        }
    }

    fn find(&self, name: &str) -> Option<Variable> {
        self.blocks.iter().rev().find_map(|block| block.get(name).copied())
    }
}

impl Compiler<'_> {
    /// Compiles a function and leaves it in `codes`; returns its number there.
    fn function(&mut self, def: &Def) -> Result<u16> {
        let mut order: Vec<&Name> = Vec::new();
        let mut signature = Signature::default();
        let mut after_star = false;
        let (mut star, mut double, mut keywords) = (None, None, Vec::new());
        for param in &def.params {
            match param {
                Param::Plain(name, default) => {
                    if after_star {
                        keywords.push(name);
                        signature.keyword_only += 1;
                        signature.defaults += 1;
                    } else {
                        order.push(name);
                        signature.positional += 1;
                        signature.defaults += u16::from(default.is_some());
                    }
                }
                Param::Star(name) => {
                    after_star = true;
                    signature.star = name.is_some();
                    star = name.as_ref();
                }
                Param::StarStar(name) => {
                    signature.double = true;
                    double = Some(name);
                }
            }
        }
        order.extend(keywords);
        order.extend(star);
        order.extend(double);
        if order.len() > 250 {
            return Err(self.error(def.at, "too many parameters"));
        }
        signature.params = order.iter().map(|name| self.text(name.as_bytes())).collect();
        self.scopes.push(Scope::new(names::mentioned_inside(&def.body)));
        for name in &order {
            self.declare(name, def.at)?;
        }
        let params = self.scope().next;
        for name in names::bound(&def.body) {
            if self.scope().find(&name).is_none() {
                self.declare(&name, def.at)?;
            }
        }
        let scope = self.scope();
        scope.locals = scope.next;
        scope.assigned.extend(0..params);
        let mut cells: Vec<Reg> =
            scope.blocks[0].values().filter(|variable| variable.cell).map(|variable| variable.reg).collect();
        cells.sort_unstable();
        for reg in cells {
            self.emit(def.at, Op::MakeCell { reg });
        }
        self.block(&def.body)?;
        self.finish(def.at, &def.name, signature)
    }

    /// Ends the innermost function.
    fn finish(&mut self, at: Position, name: &str, signature: Signature) -> Result<u16> {
        let src = self.constant(at, Value::None)?;
        self.emit(at, Op::Return { src });
        let Some(scope) = self.scopes.pop() else { return Err(self.error(at, "no function to end")) };
        let Signature { params, positional, keyword_only, star, double, defaults } = signature;
        self.codes.push(Code {
            name: name.into(),
            ops: scope.ops,
            positions: scope.positions,
            constants: scope.constants,
            registers: scope.most,
            simple: keyword_only == 0 && !star && !double,
            params,
            positional,
            keyword_only,
            star,
            double,
            defaults,
            captures: scope.captures.into_iter().map(|(_, capture)| capture).collect(),
        });
        u16::try_from(self.codes.len() - 1).map_err(|_| self.error(at, "too many functions"))
    }

    /// Gives a name a register in the innermost block.
    fn declare(&mut self, name: &Name, at: Position) -> Result<Variable> {
        let reg = self.temp(at)?;
        let scope = self.scope();
        let variable = Variable { reg, cell: scope.shared.contains(name) };
        if let Some(block) = scope.blocks.last_mut() {
            block.insert(name.clone(), variable);
        }
        Ok(variable)
    }

    fn resolve(&mut self, name: &Name, at: Position) -> Result<Place> {
        let innermost = self.scopes.len() - 1;
        if let Some(variable) = self.scopes[innermost].find(name) {
            return Ok(Place::Local(variable));
        }
        if let Some(index) = self.capture(innermost, name) {
            return Ok(Place::Captured(index));
        }
        if let Some(&global) = self.globals.get(name) {
            return Ok(Place::Global(global as u16));
        }
        match self.outside.name(name) {
            Some(value) => Ok(Place::Constant(value)),
            None => Err(self.error(at, &format!("undefined: {name}"))),
        }
    }

    /// Makes a variable of an outer function known to the function `scope` and all between.
    fn capture(&mut self, scope: usize, name: &Name) -> Option<u16> {
        if let Some(index) = self.scopes[scope].captures.iter().position(|(other, _)| other == name) {
            return Some(index as u16);
        }
        let outer = scope.checked_sub(1)?;
        let capture = match self.scopes[outer].find(name) {
            Some(variable) => Capture::Local(variable.reg),
            None => Capture::Outer(self.capture(outer, name)?),
        };
        let captures = &mut self.scopes[scope].captures;
        captures.push((name.clone(), capture));
        Some(captures.len() as u16 - 1)
    }

    fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("a function is being compiled")
    }

    fn emit(&mut self, at: Position, op: Op) -> usize {
        let scope = self.scope();
        scope.ops.push(op);
        scope.positions.push(at);
        scope.ops.len() - 1
    }

    fn here(&mut self) -> u32 {
        self.scope().ops.len() as u32
    }

    /// Lets the jump at `jump` lead to the next instruction.
    fn land(&mut self, jump: usize) {
        let here = self.here();
        match &mut self.scope().ops[jump] {
            Op::Jump { target }
            | Op::JumpIf { target, .. }
            | Op::JumpIfNot { target, .. }
            | Op::JumpUnless { target, .. }
            | Op::Next { target, .. } => *target = here,
            _ => {}
        }
    }

    /// A free register, until `next` is set back.
    fn temp(&mut self, at: Position) -> Result<Reg> {
        let scope = self.scope();
        let reg = scope.next;
        if reg >= MOST_REGISTERS {
            return Err(self.error(at, "too many variables and values in one function"));
        }
        scope.next += 1;
        scope.most = scope.most.max(scope.next);
        Ok(reg)
    }

    fn constant(&mut self, at: Position, value: Value) -> Result<Src> {
        let same = |other: &Value| match (*other, value) {
            (Value::None, Value::None) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Builtin(a), Value::Builtin(b)) => a == b,
            _ => false,
        };
        let constants = &mut self.scope().constants;
        let index = match constants.iter().rev().take(64).position(same) {
            Some(back) => constants.len() - 1 - back,
            None => {
                constants.push(value);
                constants.len() - 1
            }
        };
        if index < usize::from(Src::CONSTANT) {
            return Ok(Src(index as u16 | Src::CONSTANT));
        }
        // A table of thousands of entries; operands cannot name so many.
        let dst = self.temp(at)?;
        self.emit(at, Op::LoadConstant { dst, index: index as u32 });
        Ok(Src(dst))
    }

    /// A string of the source; equal ones are one.
    fn text(&mut self, text: &[u8]) -> Value {
        if let Some(&value) = self.texts.get(text) {
            return value;
        }
        let value = self.heap.byte_string(text);
        self.texts.insert(text.into(), value);
        value
    }

    fn symbol(&mut self, name: &str, at: Position) -> Result<Symbol> {
        self.heap.symbols.intern(name).ok_or_else(|| self.error(at, "too many names of attributes"))
    }

    fn error(&self, at: Position, text: &str) -> Error {
        Error::syntax(self.file, at, text)
    }
}

/// Of one function; more would need wider operands.
const MOST_REGISTERS: u16 = 20_000;
