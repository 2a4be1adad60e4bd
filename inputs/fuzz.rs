//! What the fuzz targets of `tests/fuzz` call and nobody else: the parsers of listeners without their sockets.

#[cfg(feature = "netflow")]
pub use crate::netflow::fuzz::{Collector as NetflowCollector, packets as netflow};
#[cfg(feature = "socket_listener")]
pub use crate::socket_listener::fuzz::connection;
#[cfg(feature = "statsd")]
pub use crate::statsd::fuzz::packets as statsd;
