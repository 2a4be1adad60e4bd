#![doc = include_str!("README.md")]

#[cfg(windows)]
mod eventlog;
mod host;
#[cfg(windows)]
mod service;

#[cfg(windows)]
pub use eventlog::{Kind, Source};
pub use host::{Drive, Interface, Memory, Swap, Times, drives, interfaces, memory, processors, swap, uptime};
#[cfg(windows)]
pub use service::{among_services, notify_change};

/// A text as the system takes it: UTF-16 with a 0 at its end. What is behind a 0 in the text is left out.
#[cfg(windows)]
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().take_while(|unit| *unit != 0).chain([0]).collect()
}
