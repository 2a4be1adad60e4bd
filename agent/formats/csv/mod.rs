//! Comma-separated values, both ways: a row is a metric.
//!
//! Source: RFC 4180; which rows are good, and what a text is taken for, follows Go's encoding/csv and Telegraf.

mod convert;
mod parser;
mod rows;
mod serializer;

#[cfg(test)]
mod tests;

pub use parser::Csv;
pub use rows::table;
pub use serializer::Writer;
