#![doc = include_str!("README.md")]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod community;
pub mod decode;
pub mod flow;
pub mod metadata;
pub mod meter;
pub mod packets;
pub mod protocols;
pub mod read;
pub mod seen;
pub mod tally;
pub mod text;

pub use community::community_id;
pub use decode::{Decoder, Packet};
pub use flow::{Ended, Flow, Table};
pub use meter::Meter;
pub use packets::{Packets, interface_name, interface_number};
pub use read::{Capture, Record};
pub use seen::Seen;
pub use tally::{Cause, Tally};
