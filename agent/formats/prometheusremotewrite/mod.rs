//! What Prometheus sends by remote write, both ways: a message `prometheus.WriteRequest`, written packed by snappy, read unpacked, as what
//! receives requests unpacks them by their header.
//!
//! Source: prometheus.io/docs/specs/prw/remote_write_spec (version 1.0), prometheus/prompb (the messages).

mod histogram;
mod parser;
mod serializer;

#[cfg(test)]
mod tests;

pub use parser::RemoteWrite;
pub use serializer::Writer;
