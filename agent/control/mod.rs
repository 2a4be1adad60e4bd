//! The local API: what the agent does, over HTTP on a socket in the file system, or over TCP for who shows a token or certificate.
//!
//! It is there where `[agent.api]` is. Whoever can read the socket may look; changing anything has to be allowed.

mod pages;
mod server;
mod settings;

pub use pages::{Page, Process};
pub use server::{Context, Reloads, Server};
pub use settings::{Api, ApiError, default_address};
