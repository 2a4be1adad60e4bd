//! The exposition format of Prometheus, both ways: text 0.0.4, and read also as protocol buffers with a length before each message.
//!
//! Source: prometheus.io/docs/instrumenting/exposition_formats, prometheus/client_model (the messages); which metrics are made of it
//! follows Telegraf (see `exposition`).

mod document;
mod families;
mod parser;
mod protobuf;
mod serializer;

#[cfg(test)]
mod tests;

pub use parser::Prometheus;
pub use serializer::{MetricTypes, Writer};
