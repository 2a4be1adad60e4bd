#![doc = include_str!("README.md")]

mod cache;
#[cfg(unix)]
mod compile;
mod filter;
#[cfg(target_os = "linux")]
mod interface;
#[cfg(target_os = "linux")]
mod ring;

pub use cache::prefetch;
#[cfg(unix)]
pub use compile::compile;
pub use filter::{Filter, Instruction};
#[cfg(target_os = "linux")]
pub use interface::{Interface, interfaces};
#[cfg(target_os = "linux")]
pub use ring::{Block, Drops, Frame, Options, Ring};
