//! Whatever a Go template makes of metrics.

mod serializer;

pub use serializer::Writer;
