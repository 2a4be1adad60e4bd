//! The modules that scripts can load: `json.star`, `logging.star`, `math.star` and `time.star`.

mod decode;
mod encode;
mod gamma;
mod log;
mod math;
pub(crate) mod moment;
pub(crate) mod time;

use crate::builtins::{Builtin, Function, Native};
use crate::heap::{Heap, Other};
use crate::value::{Symbol, Value};

/// A module: the file it is loaded from, its name there, its functions and its constants.
struct Module {
    file: &'static str,
    name: &'static str,
    functions: &'static [(&'static str, Function)],
    constants: &'static [(&'static str, Value)],
}

const MODULES: &[Module] = &[
    Module { file: "json.star", name: "json", functions: JSON, constants: &[] },
    Module { file: "logging.star", name: "log", functions: log::FUNCTIONS, constants: &[] },
    Module { file: "math.star", name: "math", functions: math::FUNCTIONS, constants: math::CONSTANTS },
    Module { file: "time.star", name: "time", functions: time::FUNCTIONS, constants: time::CONSTANTS },
];

const JSON: &[(&str, Function)] = &[
    ("decode", decode::decode),
    ("encode", encode::encode),
    ("encode_indent", encode::encode_indent),
    ("indent", encode::indent),
];

/// The module that a file holds under a name; a text that says what is missing otherwise.
pub(crate) fn load(heap: &mut Heap, file: &str, name: &str) -> Result<Value, String> {
    let Some(module) = MODULES.iter().find(|module| module.file == file) else {
        return Err(format!("cannot load {file}: no such module"));
    };
    if module.name != name {
        return Err(format!("load: name {name} not found in module {file}"));
    }
    let mut members: Vec<(Symbol, Value)> = Vec::new();
    for &(name, function) in module.functions {
        let index = u16::try_from(heap.builtins.len()).map_err(|_| "too many builtins")?;
        heap.builtins.push(Builtin { name: name.into(), native: Native::Plain(function) });
        members.push((heap.symbols.intern(name).ok_or("too many names of attributes")?, Value::Builtin(index)));
    }
    for &(name, value) in module.constants {
        members.push((heap.symbols.intern(name).ok_or("too many names of attributes")?, value));
    }
    Ok(heap.other(Other::Module { name: module.name.into(), members: members.into() }))
}
