//! All that a plugin may know: metrics, the plugin traits, the registry, settings, errors, `Env`.
//!
//! The agent knows no plugin by name and a plugin knows nothing of the agent but this crate, so either side can be
//! rewritten without the other. It changes rarely: every plugin is rebuilt when it does.

#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod log;
pub mod meter;
pub mod metric;
pub mod options;
pub mod plugin;
pub mod rotate;
pub mod stats;

pub use anyhow::{Context, Error, Result, anyhow, bail, ensure};
pub use inventory;
pub use log::Log;
pub use metric::{
    Batch, Body, Builder, Cargo, Chunk, Kind, Metric, MetricMut, MetricRef, Receipt, Settled, Value, View,
};
pub use options::{Duration, Fields, Secret, Size, Table};
pub use plugin::{
    Aggregator, BuildError, Collector, Entry, Env, Format, HostPaths, Input, Listener, Output, ParseError, Parser,
    Plugin, Processor, Request, Scope, SecretStore, Sender, Serializer, StartError, State, Stop, WriteError,
};

/// Registers plugins at link time: `agent_api::register!(Entry::input::<Cpu>())`.
#[macro_export]
macro_rules! register {
    ($($entry:expr),+ $(,)?) => { $($crate::inventory::submit! { $entry })+ };
}
