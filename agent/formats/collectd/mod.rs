//! collectd's binary network protocol, plain, signed or encrypted.
//!
//! Source: "Binary protocol" of collectd's wiki, types.db(5), and "Networking introduction" for signatures and encryption. A packet is a
//! list of parts of type, length and content; parts that name things hold until they are named anew, and every part of values is
//! one set of measurements of what is named then.

mod packet;
mod parser;
mod security;
mod types;

pub use parser::Collectd;

#[cfg(test)]
mod tests;
