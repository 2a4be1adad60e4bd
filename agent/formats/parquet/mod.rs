//! Parquet files: a row becomes a metric.
//!
//! Read by Apache's own crate without its arrow part, column by column: rows are put together a thousand at a time, so that a file of any
//! number of rows takes the memory of a few pages.

mod columns;
mod parser;

#[cfg(test)]
mod tests;

pub use parser::Parquet;
