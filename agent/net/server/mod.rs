//! Servers for inputs that listen and outputs that are asked: addresses, stream sockets with TLS, HTTP, datagrams.
//!
//! Whoever can reach a port can send anything at any pace, so every bound is set here and not left to a plugin: number of
//! connections, time for a head, a body and an answer, size of a body before and after decompression.

mod address;
mod auth;
mod body;
mod handover;
mod http;
mod listener;
mod packets;
mod relay;

#[cfg(test)]
mod secured_tests;
#[cfg(test)]
mod tests;

pub use crate::coding::{Coding, Unpacker};
pub use address::{Address, Family, SocketFile, socket_mode};
pub use auth::{Credentials, base64};
pub use body::BodyError;
pub use handover::{Leaving, Sockets};
pub use http::{Handler, Limits, Request, Response, answer, serve};
pub use hyper::header;
pub use listener::{Listener, Peer, Stream};
pub use relay::Moving;
/// How a server speaks TLS: what `tls::ServerTls::config` makes.
pub type TlsConfig = std::sync::Arc<rustls::ServerConfig>;

pub use packets::{Drops, Packet, Packets, Receiver, Waker};
