//! Life under a service manager: systemd's on Unix, the service control manager on Windows.
//!
//! The rest of the agent says when it is ready and when it reloads, and need not know who listens, if anybody does.

#[cfg(unix)]
mod systemd;
#[cfg(windows)]
pub mod windows;

#[cfg(unix)]
pub use systemd::{ready, reloaded, reloading};
#[cfg(windows)]
pub use windows::{ready, reloaded, reloading};
