//! The instructions that a function is compiled to.
//!
//! A register machine: the first registers of a frame are the parameters, then the other local variables, then
//! temporaries. Operands (`Src`) name a register or, with the top bit, a constant of the function, so that constants
//! need no instruction of their own. Arguments of a call lie in registers next to each other, where they become the
//! first registers of the called function's frame without being copied.

use crate::error::Position;
use crate::value::{Symbol, Value};

/// A register of the frame.
pub(crate) type Reg = u16;

/// A register or a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Src(pub(crate) u16);

impl Src {
    pub(crate) const CONSTANT: u16 = 0x8000;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

impl Operator {
    pub(crate) fn parse(text: &str) -> Option<Operator> {
        use Operator::*;
        const ALL: [Operator; 19] =
            [Add, Sub, Mul, Div, FloorDiv, Mod, And, Or, Xor, Shl, Shr, Eq, Ne, Lt, Le, Gt, Ge, In, NotIn];
        ALL.into_iter().find(|operator| operator.name() == text)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::FloorDiv => "//",
            Operator::Mod => "%",
            Operator::And => "&",
            Operator::Or => "|",
            Operator::Xor => "^",
            Operator::Shl => "<<",
            Operator::Shr => ">>",
            Operator::Eq => "==",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
            Operator::In => "in",
            Operator::NotIn => "not in",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Minus,
    Plus,
    Invert,
}

/// One instruction. `dst` is written last, so it may be one of the operands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Move {
        dst: Reg,
        src: Src,
    },
    /// For the constants beyond what an operand can name.
    LoadConstant {
        dst: Reg,
        index: u32,
    },
    LoadGlobal {
        dst: Reg,
        global: u16,
    },
    StoreGlobal {
        global: u16,
        src: Src,
    },
    /// Reads a variable of an outer function.
    LoadCaptured {
        dst: Reg,
        index: u16,
    },
    /// Reads a local variable that inner functions share.
    LoadCell {
        dst: Reg,
        cell: Reg,
    },
    StoreCell {
        cell: Reg,
        src: Src,
    },
    /// Puts what the register holds into a new cell.
    MakeCell {
        reg: Reg,
    },
    /// Fails if the variable, whose name is a constant, has no value yet.
    CheckSet {
        reg: Reg,
        name: Src,
    },
    Binary {
        operator: Operator,
        dst: Reg,
        a: Src,
        b: Src,
    },
    /// `dst = a operator b` for `a operator= b`: lists, dictionaries and sets change in place.
    InPlace {
        operator: Operator,
        dst: Reg,
        a: Src,
        b: Src,
    },
    Unary {
        operator: Unary,
        dst: Reg,
        src: Src,
    },
    /// Jumps if the comparison does not hold.
    JumpUnless {
        operator: Operator,
        a: Src,
        b: Src,
        target: u32,
    },
    Attr {
        dst: Reg,
        object: Src,
        name: Symbol,
    },
    SetAttr {
        object: Src,
        name: Symbol,
        src: Src,
    },
    Index {
        dst: Reg,
        object: Src,
        key: Src,
    },
    SetIndex {
        object: Src,
        key: Src,
        src: Src,
    },
    /// `object.name[key]` in one step.
    AttrIndex {
        dst: Reg,
        object: Src,
        name: Symbol,
        key: Src,
    },
    SetAttrIndex {
        object: Src,
        name: Symbol,
        key: Src,
        src: Src,
    },
    /// Operands in four registers: object, low, high, step.
    Slice {
        dst: Reg,
        start: Reg,
    },
    List {
        dst: Reg,
        start: Reg,
        count: u16,
    },
    Tuple {
        dst: Reg,
        start: Reg,
        count: u16,
    },
    Dict {
        dst: Reg,
    },
    Append {
        list: Reg,
        src: Src,
    },
    /// An entry of a dictionary display, whose keys must differ.
    Entry {
        dict: Reg,
        key: Src,
        src: Src,
    },
    Unpack {
        src: Src,
        start: Reg,
        count: u16,
    },
    Jump {
        target: u32,
    },
    JumpIfNot {
        src: Src,
        target: u32,
    },
    JumpIf {
        src: Src,
        target: u32,
    },
    /// Starts a loop over a value.
    Iterate {
        src: Src,
    },
    /// The next item, or a jump if there is none.
    Next {
        dst: Reg,
        target: u32,
    },
    EndLoop,
    /// Positional arguments, then pairs of name and value, from `args` on.
    Call {
        dst: Reg,
        function: Src,
        args: Reg,
        positional: u8,
        named: u8,
    },
    /// The receiver is in `args`, its arguments follow.
    CallMethod {
        dst: Reg,
        args: Reg,
        name: Symbol,
        positional: u8,
        named: u8,
    },
    /// Like `Call`; behind the arguments follow the values of `*` (if `star`) and of `**` (if `double`).
    CallSpread {
        dst: Reg,
        function: Src,
        args: Reg,
        positional: u8,
        named: u8,
        star: bool,
        double: bool,
    },
    /// A function from its code and the default values from `defaults` on.
    Function {
        dst: Reg,
        code: u16,
        defaults: Reg,
    },
    Return {
        src: Src,
    },
}

/// Where a function finds a variable of an outer function when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Capture {
    /// A register of the outer function, which holds a cell.
    Local(Reg),
    /// Captured by the outer function itself.
    Outer(u16),
}

/// A compiled function.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) name: Box<str>,
    pub(crate) ops: Vec<Op>,
    /// Of every instruction.
    pub(crate) positions: Vec<Position>,
    pub(crate) constants: Vec<Value>,
    pub(crate) registers: u16,
    /// Names of the parameters as strings: the positional ones, the keyword-only ones, `*args`, `**kwargs`.
    pub(crate) params: Vec<Value>,
    pub(crate) positional: u16,
    pub(crate) keyword_only: u16,
    pub(crate) star: bool,
    pub(crate) double: bool,
    /// Number of values that `Op::Function` takes as defaults: for the last positional and all keyword-only ones.
    pub(crate) defaults: u16,
    pub(crate) captures: Vec<Capture>,
    /// Whether a call with exactly `positional` plain arguments needs no binding.
    pub(crate) simple: bool,
}
