//! Starlark, the script language of the starlark processor and aggregator.
//!
//! A script is compiled to instructions for a register machine: names become places, attribute names become numbers,
//! and all data lies in arenas that are cut back after each call. So a script of some lines runs in a fraction of a
//! microsecond, a [`Script`] can move between threads, and there is no unsafe code. The dialect is that of starlark-go
//! with the options that Telegraf sets; `if`, `for` and `while` are allowed everywhere as well.
//!
#![doc = include_str!("README.md")]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod builtins;
mod compile;
mod error;
mod heap;
mod host;
mod modules;
mod plain;
mod run;
mod script;
mod syntax;
mod value;

pub use builtins::Args;
pub use error::{Error, Position, Result, Site};
pub use heap::Heap;
pub use host::{Host, Level};
pub use plain::Plain;
pub use script::{Function, Options, Script};
pub use value::{Id, Object, Symbol, Value};

#[cfg(test)]
mod spec;
