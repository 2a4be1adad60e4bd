//! Graphite's plain text, both ways: lines of `path value time`.
//!
//! Source: Graphite's documentation, "Feeding in your data" and "Tag support"; how paths become names and tags, and back, follows Telegraf's
//! templates.

mod bucket;
mod parser;
mod serializer;

#[cfg(test)]
mod tests;

pub use parser::Graphite;
pub use serializer::Writer;
