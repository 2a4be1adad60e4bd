//! Configuration: from files, directories and URLs to checked plugins.
//!
//! Steps, each pure until the last: read -> merge -> substitute -> check -> build (`new`) -> start. `agent config check` runs
//! all but the last.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent_table;
mod build;
mod check;
mod common;
mod compat;
mod digest;
mod errors;
mod explain;
mod filter;
mod id;
mod labels;
mod legacy;
mod load;
mod migrate;
mod model;
mod names;
mod plugin;
mod sources;
mod toml;
mod typed;
mod variables;

pub use build::{Built, NotBuilt, Surroundings};
pub use digest::Digest;
pub(crate) use digest::of_table as digest_of;
pub use errors::{Errors, File, Files, Problem};
pub use filter::Filter;
pub use migrate::Migrated;
pub use model::*;
pub use sources::{Environment, Fetch, Sources};
