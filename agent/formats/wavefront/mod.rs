//! Wavefront's data format: a line is a name, a value, perhaps a time, a source and tags.
//!
//! Source: "Wavefront data format" of VMware's documentation.

mod parser;
mod serializer;

pub use parser::Wavefront;
pub use serializer::Writer;
