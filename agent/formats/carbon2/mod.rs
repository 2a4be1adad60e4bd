//! Carbon 2.0: lines of `key=value` pairs, value and time, as Sumo Logic takes them.
//!
//! Source: metrics20.org and Sumo Logic's documentation, "Carbon 2.0".

mod serializer;

pub use serializer::Writer;
