//! The list of values that ServiceNow's Operational Intelligence takes.
//!
//! Source: ServiceNow's documentation, "Push metrics via the MID Server" (`/api/mid/sa/metrics`).

mod serializer;

pub use serializer::Writer;
