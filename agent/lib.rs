//! The agent: configuration, pipeline, schedule, command line. It knows plugins only through the registry.

pub mod cli;
pub mod config;
pub mod control;
pub mod logging;
pub mod pipeline;
pub mod remote;
pub mod sample;
pub mod secrets;
pub mod service;
pub mod state;
