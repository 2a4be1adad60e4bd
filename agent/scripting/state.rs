//! The script's `state` over restarts, as far as it is plain data.

use crate::Program;
use agent_api::State;
use agent_starlark::Plain;
use serde::{Deserialize, Serialize};

/// A plain value as it is stored: JSON alone would lose what kind of number or list it is.
#[derive(Deserialize, Serialize)]
enum Stored {
    #[serde(rename = "n")]
    None,
    #[serde(rename = "b")]
    Bool(bool),
    /// As text, since it may have 128 bits.
    #[serde(rename = "i")]
    Int(String),
    /// By its bits, since JSON has no infinity.
    #[serde(rename = "f")]
    Float(u64),
    #[serde(rename = "s")]
    Str(String),
    #[serde(rename = "y")]
    Bytes(Vec<u8>),
    #[serde(rename = "u")]
    Duration(i64),
    #[serde(rename = "l")]
    List(Vec<Stored>),
    #[serde(rename = "t")]
    Tuple(Vec<Stored>),
    #[serde(rename = "e")]
    Set(Vec<Stored>),
    #[serde(rename = "d")]
    Dict(Vec<(Stored, Stored)>),
}

fn store(plain: Plain) -> Stored {
    let all = |items: Vec<Plain>| items.into_iter().map(store).collect();
    match plain {
        Plain::None => Stored::None,
        Plain::Bool(v) => Stored::Bool(v),
        Plain::Int(v) => Stored::Int(v.to_string()),
        Plain::Float(v) => Stored::Float(v.to_bits()),
        Plain::Str(v) => Stored::Str(v),
        Plain::Bytes(v) => Stored::Bytes(v),
        Plain::Duration(v) => Stored::Duration(v),
        Plain::List(items) => Stored::List(all(items)),
        Plain::Tuple(items) => Stored::Tuple(all(items)),
        Plain::Set(items) => Stored::Set(all(items)),
        Plain::Dict(entries) => Stored::Dict(entries.into_iter().map(|(k, v)| (store(k), store(v))).collect()),
    }
}

fn restore(stored: Stored) -> Plain {
    let all = |items: Vec<Stored>| items.into_iter().map(restore).collect();
    match stored {
        Stored::None => Plain::None,
        Stored::Bool(v) => Plain::Bool(v),
        Stored::Int(v) => v.parse().map_or(Plain::None, Plain::Int),
        Stored::Float(v) => Plain::Float(f64::from_bits(v)),
        Stored::Str(v) => Plain::Str(v),
        Stored::Bytes(v) => Plain::Bytes(v),
        Stored::Duration(v) => Plain::Duration(v),
        Stored::List(items) => Plain::List(all(items)),
        Stored::Tuple(items) => Plain::Tuple(all(items)),
        Stored::Set(items) => Plain::Set(all(items)),
        Stored::Dict(entries) => Plain::Dict(entries.into_iter().map(|(k, v)| (restore(k), restore(v))).collect()),
    }
}

impl Program {
    /// Puts back what the run before stored, over what the top of the script has set.
    pub fn restore(&mut self, state: &State) {
        let Some(entries) = state.load::<Vec<(Stored, Stored)>>() else { return };
        let dict = self.script.state();
        let heap = self.script.heap_mut();
        for (key, value) in entries {
            let built = heap.build(&restore(key)).and_then(|key| Ok((key, heap.build(&restore(value))?)));
            if let Err(e) = built.and_then(|(key, value)| heap.insert(dict, key, value)) {
                self.log.warn(format_args!("restore state: {e}"));
                return;
            }
        }
    }

    /// Stores the state, without entries that hold metrics or functions.
    pub fn save(&self, state: &State) {
        if !self.keeps_state() {
            return;
        }
        let heap = self.script.heap();
        let (mut entries, mut left_out) = (Vec::new(), 0);
        for (key, value) in heap.entries(self.script.state()) {
            match (heap.plain(key), heap.plain(value)) {
                (Ok(key), Ok(value)) => entries.push((store(key), store(value))),
                _ => left_out += 1,
            }
        }
        if left_out > 0 {
            self.log.warn(format_args!("{left_out} entries of state hold metrics or functions and are not stored"));
        }
        state.store(&entries);
    }
}
