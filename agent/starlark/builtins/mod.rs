//! The builtin functions and the methods of builtin types.

mod args;
mod bytes;
mod calling;
mod context;
mod convert;
mod dict;
mod format;
mod interpolate;
mod list;
mod set;
mod split;
mod string;
mod text;
mod universal;

pub use args::Args;
pub(crate) use context::Cx;
pub(crate) use text::{float_text, quote};

use crate::error::Result;
use crate::heap::Method;
use crate::run::Vm;
use crate::value::Value;

/// The builtin types that have methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Str,
    List,
    Dict,
    Set,
    Bytes,
    Time,
    Duration,
}

impl Class {
    pub(crate) const COUNT: usize = 7;
    pub(crate) const ALL: [Class; Class::COUNT] =
        [Class::Str, Class::List, Class::Dict, Class::Set, Class::Bytes, Class::Time, Class::Duration];
}

/// The methods of a type.
pub(crate) fn methods(class: Class) -> &'static [(&'static str, Method)] {
    match class {
        Class::Str => string::METHODS,
        Class::List => list::METHODS,
        Class::Dict => dict::METHODS,
        Class::Set => set::METHODS,
        Class::Bytes => bytes::METHODS,
        Class::Time => crate::modules::time::METHODS,
        Class::Duration => &[],
    }
}

/// A builtin function.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: Box<str>,
    pub(crate) native: Native,
}

/// How a builtin is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Native {
    Plain(Function),
    /// Calls back into the script.
    Calling(CallingFunction),
    /// By the host, under this number.
    Host(u16),
}

pub(crate) type Function = fn(&mut Cx<'_>, Args<'_>) -> Result<Value>;
/// Gets the positional arguments and the pairs of the named ones.
pub(crate) type CallingFunction = fn(&mut Vm<'_>, &[Value], &[Value]) -> Result<Value>;

/// The functions that every script has.
pub(crate) fn universal() -> Vec<Builtin> {
    let plain = universal::FUNCTIONS.iter().chain(convert::FUNCTIONS);
    let plain = plain.map(|&(name, function)| (name, Native::Plain(function)));
    let calling = calling::FUNCTIONS.iter().map(|&(name, function)| (name, Native::Calling(function)));
    plain.chain(calling).map(|(name, native)| Builtin { name: name.into(), native }).collect()
}
