//! What the outputs share that write to sockets: addresses, open sockets, and documents that know how far they were sent.

mod address;
mod connection;
mod packed;

pub(crate) use address::{Address, Version};
pub(crate) use connection::{Connection, Dial, KEEP_ALIVE, Sent};
pub(crate) use packed::Packed;
