//! Whatever a Go template makes of metrics.

mod metric;
mod serializer;

pub use serializer::Writer;
