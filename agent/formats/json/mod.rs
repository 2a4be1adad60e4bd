//! JSON, both ways: documents whose numbers become fields named by their path, and metrics written as objects.
//!
//! Source: RFC 8259; names, options and forms follow Telegraf. `walk` flattens an object without building a tree, since large arrays of
//! small objects are what this parser is mostly given.

mod objects;
mod parser;
mod roles;
mod serializer;
mod time;
mod walk;

#[cfg(test)]
mod tests;

pub use parser::Json;
pub use serializer::Writer;

/// The number; the document was checked.
#[inline]
fn number(text: &str) -> f64 {
    fast_float2::parse(text).unwrap_or(f64::NAN)
}
