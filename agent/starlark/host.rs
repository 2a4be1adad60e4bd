//! What the program that embeds the interpreter provides.

use crate::builtins::Args;
use crate::error::{Result, fail};
use crate::heap::Heap;
use crate::value::{Object, Symbol, Value};

/// How loud a line of `log` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `log.debug`.
    Debug,
    /// `log.info`.
    Info,
    /// `log.warn`.
    Warn,
    /// `log.error`.
    Error,
}

/// The embedding program, as scripts see it.
///
/// Objects of the host are numbers in the script ([`Object`]); every use of one comes here, with the heap at hand to
/// read arguments from and to put strings and lists into. Only the name of the types has to be given; everything else
/// answers that objects cannot do that. `()` is a host without objects.
pub trait Host {
    /// The type as `type()` and errors name it.
    fn type_name(&self, object: Object) -> &'static str;

    /// `object.name`; nothing if there is no such attribute.
    fn attr(&mut self, _heap: &mut Heap, _object: Object, _name: Symbol) -> Result<Option<Value>> {
        Ok(None)
    }

    /// `object.name = value`.
    fn set_attr(&mut self, heap: &mut Heap, object: Object, name: Symbol, _value: Value) -> Result<()> {
        fail!("can't assign to .{} field of {}", heap.symbol_name(name), self.type_name(object))
    }

    /// The names that `dir()` lists, methods included.
    fn attributes(&self, _object: Object) -> &'static [&'static str] {
        &[]
    }

    /// `object[key]`; nothing if the key is missing.
    fn index(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<Option<Value>> {
        fail!("unhandled index operation {}[{}]", self.type_name(object), heap.type_of(key).unwrap_or("object"))
    }

    /// `object[key] = value`.
    fn set_index(&mut self, _heap: &mut Heap, object: Object, _key: Value, _value: Value) -> Result<()> {
        fail!("{} value does not support item assignment", self.type_name(object))
    }

    /// `key in object`.
    fn contains(&mut self, heap: &mut Heap, object: Object, key: Value) -> Result<bool> {
        fail!("unknown binary op: {} in {}", heap.type_of(key).unwrap_or("object"), self.type_name(object))
    }

    /// What a loop over the object runs through; nothing if it cannot be looped over.
    fn keys(&mut self, _heap: &mut Heap, _object: Object) -> Result<Option<Vec<Value>>> {
        Ok(None)
    }

    /// What `len()` answers; nothing if the object has no length.
    fn len(&self, _object: Object) -> Option<usize> {
        None
    }

    /// Whether the object counts as true.
    fn truth(&self, object: Object) -> bool {
        self.len(object) != Some(0)
    }

    /// `object.name(args)`; nothing if there is no such method.
    fn call_method(
        &mut self,
        _heap: &mut Heap,
        _object: Object,
        _name: Symbol,
        _args: Args<'_>,
    ) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Whether `object.name` is a method, so that it can be passed around.
    fn has_method(&self, _object: Object, _name: Symbol) -> bool {
        false
    }

    /// A call of the function that [`Options::functions`](crate::Options::functions) declares at this place.
    fn call(&mut self, _heap: &mut Heap, _function: u16, _args: Args<'_>) -> Result<Value> {
        fail!("no such function of the host")
    }

    /// What `str()` and `repr()` show.
    fn text(&mut self, _heap: &mut Heap, object: Object) -> String {
        format!("<{}>", self.type_name(object))
    }

    /// What a script prints, without a line end.
    fn print(&mut self, _text: &str) {}

    /// What a script logs.
    fn log(&mut self, _level: Level, _text: &str) {}

    /// The time now, in nanoseconds since 1970.
    fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
    }
}

impl Host for () {
    fn type_name(&self, _: Object) -> &'static str {
        "object"
    }
}
