//! JSON, both ways: documents whose numbers become fields named by their path, and metrics written as objects.
//!
//! Source: RFC 8259; names, options and forms follow Telegraf. `walk` flattens an object without building a tree, since large arrays of
//! small objects are what this parser is mostly given.

mod parser;
mod serializer;
mod walk;

#[cfg(test)]
mod tests;

pub use parser::Json;
pub use serializer::Writer;
