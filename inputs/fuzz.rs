//! What the fuzz targets of `tests/fuzz` call and nobody else: the parsers of listeners without their sockets.

#[cfg(feature = "socket_listener")]
pub use crate::socket_listener::fuzz::connection;
#[cfg(feature = "statsd")]
pub use crate::statsd::fuzz::packets as statsd;
