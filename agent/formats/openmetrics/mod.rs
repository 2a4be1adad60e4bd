//! OpenMetrics 1.0, read: text and protocol buffers.
//!
//! Source: github.com/prometheus/OpenMetrics (the specification and its data model). Unlike in the older format, a document is taken as a
//! whole or not at all: its end mark is there so that readers notice one that was cut.

mod family;
mod parser;
mod protobuf;
mod text;

#[cfg(test)]
mod tests;

pub use parser::OpenMetrics;
