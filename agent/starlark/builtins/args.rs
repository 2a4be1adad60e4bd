//! The arguments of a call to a builtin, and their distribution over its parameters.

use crate::error::{Error, Result, fail};
use crate::heap::Heap;
use crate::value::Value;

/// The arguments of a call.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    positional: &'a [Value],
    /// Names and values by turns.
    named: &'a [Value],
}

impl<'a> Args<'a> {
    pub(crate) fn new(positional: &'a [Value], named: &'a [Value]) -> Args<'a> {
        Args { positional, named }
    }

    /// The positional arguments.
    pub fn positional(self) -> &'a [Value] {
        self.positional
    }

    /// The named arguments, each with its name (a string).
    pub fn named(self) -> impl Iterator<Item = (Value, Value)> + 'a {
        self.named.chunks_exact(2).map(|pair| (pair[0], pair[1]))
    }

    /// Distributes the arguments over parameters that may be given by name. The first `required` must be given.
    pub fn unpack<const N: usize>(
        self,
        heap: &Heap,
        function: &str,
        params: [&str; N],
        required: usize,
    ) -> Result<[Option<Value>; N]> {
        if self.positional.len() > N {
            fail!("{function}: got {} arguments, want at most {N}", self.positional.len());
        }
        let mut out = [None; N];
        for (slot, &value) in out.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.named() {
            let name = heap.text(name);
            let Some(at) = params.iter().position(|param| *param == name) else {
                fail!("{function}: unexpected keyword argument \"{name}\"");
            };
            if out[at].replace(value).is_some() {
                fail!("{function}: got multiple values for keyword argument \"{name}\"");
            }
        }
        match out.iter().take(required).position(Option::is_none) {
            Some(missing) => Err(Error::new(format!("{function}: missing argument for {}", params[missing]))),
            None => Ok(out),
        }
    }

    /// Distributes the arguments over parameters that have no names.
    pub fn plain<const N: usize>(self, function: &str, required: usize) -> Result<[Option<Value>; N]> {
        if !self.named.is_empty() {
            fail!("{function}: unexpected keyword arguments");
        }
        let count = self.positional.len();
        if count < required || count > N {
            let bound = match (required == N, count < required) {
                (true, _) => "",
                (false, true) => "at least ",
                (false, false) => "at most ",
            };
            let wanted = if count < required { required } else { N };
            fail!("{function}: got {count} arguments, want {bound}{wanted}");
        }
        let mut out = [None; N];
        for (slot, &value) in out.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        Ok(out)
    }

    /// The one argument of a function that takes exactly one.
    pub fn single(self, function: &str) -> Result<Value> {
        let [value] = self.plain::<1>(function, 1)?;
        Ok(value.unwrap_or(Value::None))
    }

    /// Refuses any argument.
    pub fn none(self, function: &str) -> Result<()> {
        self.plain::<0>(function, 0).map(|_| ())
    }
}
