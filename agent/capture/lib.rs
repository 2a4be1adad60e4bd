#![doc = include_str!("README.md")]

mod cache;
mod capture;
mod compile;
mod device;
mod filter;
#[cfg(target_os = "linux")]
mod interface;
mod library;
#[cfg(target_os = "linux")]
mod ring;
mod session;
#[cfg(all(test, target_os = "linux"))]
mod tests;

pub use cache::prefetch;
pub use capture::{Capture, Drops, Frame, Options};
pub use compile::compile;
pub use device::{Device, devices};
pub use filter::{Filter, Instruction};
#[cfg(target_os = "linux")]
pub use interface::{Interface, interfaces};
pub use library::NAME as LIBRARY;
#[cfg(target_os = "linux")]
pub use ring::{Block, Ring};
pub use session::Session;
