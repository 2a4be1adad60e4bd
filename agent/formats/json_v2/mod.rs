//! JSON by paths: what of a document becomes a field, a tag, a time or a whole metric is said by GJSON paths.
//!
//! Source: the options of Telegraf's parser of that name. `row` is a metric in the making, `expand` makes rows of values, and `parser` says
//! which values. Several arrays in one object give a metric for every combination of their elements, which is why rows are kept until the
//! document has been read.

mod convert;
mod expand;
mod parser;
mod row;
mod settings;

#[cfg(test)]
mod tests;

pub use parser::Paths;
