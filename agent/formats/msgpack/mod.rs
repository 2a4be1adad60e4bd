//! MessagePack: metrics as maps of `name`, `time`, `tags`, `fields`.
//!
//! Source: the MessagePack specification (github.com/msgpack/msgpack). Reading MessagePack is `xpath_msgpack`.

mod serializer;

pub use serializer::Writer;
