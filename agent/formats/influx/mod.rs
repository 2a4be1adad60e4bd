//! InfluxDB line protocol, both ways. It is the format that everything passes through, so both directions are built for
//! speed: see `scan` and `parser` for reading, `serializer` for writing.
//!
//! Source: InfluxData, "Line protocol" (reference of InfluxDB v2); what differs between servers follows Telegraf.

mod line;
mod number;
mod parser;
mod scan;
mod serializer;

#[cfg(test)]
mod tests;

pub use parser::Influx;
pub use serializer::Writer;
