//! Metrics as Starlark scripts see them, shared by the starlark processor and the starlark aggregator.
//!
//! A script sees a metric as an object with `name`, `tags`, `fields` and `time`. Below, the object is a number that stands for a
//! row of the batch at hand, so reading and changing a metric costs no copy. What a script keeps in `state` beyond the batch is
//! copied out when the batch ends (see `store`), and stored over restarts as far as it is plain data (see `state`).

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod dict;
mod host;
mod program;
mod settings;
mod state;
mod store;

#[cfg(test)]
mod tests;

pub use agent_starlark::Function;
pub use program::Program;
pub use settings::{Constant, Settings};
