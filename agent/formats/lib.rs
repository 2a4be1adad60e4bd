//! The data formats, a folder each: parser, serializer or both. They know `agent-api` and nothing else of ours.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "json")]
pub mod gjson;
#[cfg(feature = "influx")]
pub mod influx;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "json")]
pub mod jsonata;
#[cfg(feature = "json")]
pub mod jsontext;
