//! The HTTP client of all plugins: options as Telegraf spells them, one connection pool a plugin, every answer bounded.
//!
//! A plugin takes the option structs as shared part of its settings ([`HttpSettings`] is all of them), checks them in `new`
//! (`Setup::check`, no I/O), and makes the [`Client`] when it first needs it (`Setup::build`, which reads certificates).

mod address;
mod headers;
mod login;
mod oauth;
mod options;
mod resolve;
mod send;
mod setup;
pub mod websocket;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use headers::{HeaderSettings, Headers};
pub use options::{CookieAuth, HttpSettings, OAuth2, Proxy, Transport};
pub use reqwest::header;
pub use reqwest::{Method, RequestBuilder, StatusCode, Url};
pub use send::{Answer, Client, Failure, SendError};
pub use setup::{Redirects, Setup};
