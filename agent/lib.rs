//! The agent: configuration, pipeline, schedule, command line. It knows plugins only through the registry.

pub mod config;
pub mod logging;
pub mod pipeline;
