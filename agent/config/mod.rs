//! Configuration: from files, directories and URLs to checked plugins.
//!
//! Steps, each pure until the last: read -> merge -> substitute -> check -> build (`new`) -> start. `agent config check` runs
//! all but the last.

mod build;
mod errors;
mod filter;
mod model;
mod sources;
mod toml;
mod variables;

pub use build::{Built, NotBuilt, Surroundings};
pub use errors::{Errors, File, Files, Problem};
pub use filter::Filter;
pub use model::*;
pub use sources::{Environment, Fetch, Sources};
