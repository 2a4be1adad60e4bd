//! Avro: messages by a schema, which is given or comes from a schema registry.
//!
//! Source: the Apache Avro specification 1.11 (schemas, binary and JSON encoding, single-object encoding) and Confluent's wire format of the
//! schema registry. Only what a reader of single messages needs: no files, no protocols, no resolution of a reader's schema.

mod binary;
mod flatten;
mod json;
mod parser;
mod registry;
mod schema;

#[cfg(test)]
mod tests;

pub use parser::Avro;
