#![doc = include_str!("README.md")]

mod connections;
mod drives;
#[cfg(windows)]
mod eventlog;
mod host;
#[cfg(windows)]
mod kernel;
mod processes;
#[cfg(windows)]
mod service;

pub use connections::{Connection, connections};
pub use drives::{Traffic, traffic};
#[cfg(windows)]
pub use eventlog::{Kind, Source};
pub use host::{Drive, Interface, Memory, Swap, Times, drives, interfaces, memory, processors, swap, uptime};
pub use processes::{Process, command_line, executable, processes, service_process, user};
#[cfg(windows)]
pub use service::{among_services, notify_change};

/// A text as the system takes it: UTF-16 with a 0 at its end. What is behind a 0 in the text is left out.
#[cfg(windows)]
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().take_while(|unit| *unit != 0).chain([0]).collect()
}

/// A text up to its 0.
#[cfg(windows)]
fn text(units: &[u16]) -> String {
    let len = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(&units[..len])
}

/// What every question is answered with elsewhere.
#[cfg(not(windows))]
fn unsupported<T>() -> std::io::Result<T> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this is not Windows"))
}
