//! The library: one table row for each function, with its signatures and its implementation.
//!
//! The checker reads the signatures, the plan holds the implementation. An implementation looks at the values it
//! gets and not at the signature chosen, as a `dyn` argument may turn out to be anything.

mod convert;
mod encode;
mod format;
mod math;
mod operators;
mod strings;
mod time;

pub(crate) use format::check as check_format;

use crate::error::{Fault, Outcome};
use crate::eval::Run;
use crate::value::Value;

/// A function, method or operator.
pub(crate) struct Function {
    /// As called; operators have the names of CEL's specification.
    pub(crate) name: &'static str,
    /// `string.(int) -> string` is a method, `(int) -> string` a function; `A` and `B` are type variables.
    pub(crate) signatures: &'static [&'static str],
    pub(crate) run: Run,
}

const TABLES: [&[Function]; 6] =
    [operators::FUNCTIONS, convert::FUNCTIONS, strings::FUNCTIONS, math::FUNCTIONS, time::FUNCTIONS, encode::FUNCTIONS];

/// The function called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    TABLES.into_iter().flatten().find(|function| function.name == name)
}

/// When a call may be computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constancy {
    /// At each evaluation.
    Volatile,
    /// Once, if the arguments are constant.
    Pure,
    /// As `Pure`, and if the arguments are written out and do not convert, that is an error of the source.
    Conversion,
}

impl Function {
    pub(crate) fn constancy(&self) -> Constancy {
        match self.name {
            "now" => Constancy::Volatile,
            "dyn" | "type" => Constancy::Conversion,
            name if convert::FUNCTIONS.iter().any(|function| function.name == name) => Constancy::Conversion,
            _ => Constancy::Pure,
        }
    }
}

fn no_overload<'a>(function: &'static str) -> Outcome<'a> {
    Err(Fault::NoSuchOverload(function))
}

/// The argument at `at` as a string.
fn text<'v>(args: &'v [Value<'_>], at: usize, function: &'static str) -> Result<&'v str, Fault<'static>> {
    args.get(at).and_then(Value::text).ok_or(Fault::NoSuchOverload(function))
}

/// The argument at `at` as an integer, if there is one.
fn integer(args: &[Value<'_>], at: usize, function: &'static str) -> Result<Option<i64>, Fault<'static>> {
    match args.get(at) {
        None => Ok(None),
        Some(Value::Int(number)) => Ok(Some(*number)),
        Some(_) => Err(Fault::NoSuchOverload(function)),
    }
}

#[cfg(test)]
mod tests {
    use super::TABLES;
    use crate::types::{Signature, Type, Unifier};

    #[test]
    fn signatures_are_well_formed() {
        for function in TABLES.into_iter().flatten() {
            for text in function.signatures {
                let signature = Signature::read(text, &mut Unifier::default());
                let count = signature.parameters.len() - usize::from(signature.method);
                let (_, behind) = text.split_once(" -> ").expect("a result");
                assert!(text.contains('(') && !behind.is_empty(), "{text}");
                assert!(count <= 3, "{text}");
                assert_eq!(signature.result == Type::Dyn, behind == "dyn", "{text}");
                assert!(crate::eval::MAX_ARGS >= signature.parameters.len());
            }
        }
    }
}
