//! CloudEvents 1.0 and 0.3 in their JSON format, with metrics as data (CNCF, "CloudEvents - Version 1.0.2", "JSON Event Format").

mod identity;
mod serializer;

pub use serializer::Writer;
