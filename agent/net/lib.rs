//! TLS, HTTP clients and HTTP servers with the options that plugins share, spelled as Telegraf spells them.
//!
//! A plugin takes an option struct from here as the shared part of its settings (`agent_api::options::With`) and gets a
//! client or a server with every bound (sizes, times, connections) already set.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod coding;
#[cfg(feature = "nats")]
pub mod nats;
pub mod server;
pub mod sign;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tls;
