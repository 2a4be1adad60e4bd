//! The JSON of Splunk's metric store, for its HTTP Event Collector or for files.
//!
//! Source: Splunk's documentation, "Get metrics in from other sources" and "Format events for HTTP Event Collector".

mod serializer;

pub use serializer::Writer;
