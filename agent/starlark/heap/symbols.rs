//! Names of attributes and methods as small numbers, each with the builtin method that it means on every type.

use crate::builtins::{Args, Class, Cx, methods};
use crate::error::Result;
use crate::value::{Symbol, Value};
use std::collections::HashMap;

/// A builtin method: context, receiver, arguments.
pub(crate) type Method = fn(&mut Cx<'_>, Value, Args<'_>) -> Result<Value>;

#[derive(Debug, Default)]
pub(crate) struct Symbols {
    infos: Vec<Info>,
    by_name: HashMap<Box<str>, Symbol>,
}

#[derive(Debug)]
struct Info {
    name: Box<str>,
    methods: [Option<Method>; Class::COUNT],
}

impl Symbols {
    /// The number of a name; nothing if there are too many names already.
    pub(crate) fn intern(&mut self, name: &str) -> Option<Symbol> {
        if let Some(&symbol) = self.by_name.get(name) {
            return Some(symbol);
        }
        let symbol = Symbol(u16::try_from(self.infos.len()).ok()?);
        let find = |class| methods(class).iter().find(|(other, _)| *other == name).map(|&(_, method)| method);
        self.infos.push(Info { name: name.into(), methods: Class::ALL.map(find) });
        self.by_name.insert(name.into(), symbol);
        Some(symbol)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Symbol> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, symbol: Symbol) -> &str {
        self.infos.get(usize::from(symbol.0)).map_or("?", |info| &info.name)
    }

    pub(crate) fn method(&self, symbol: Symbol, class: Class) -> Option<Method> {
        self.infos.get(usize::from(symbol.0))?.methods[class as usize]
    }
}
