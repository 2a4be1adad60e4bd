//! The data formats, a folder each: parser, serializer or both. They know `agent-api` and nothing else of ours.

#[cfg(feature = "influx")]
pub mod influx;
