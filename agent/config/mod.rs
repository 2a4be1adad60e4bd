//! Configuration: from files, directories and URLs to checked plugins.
//!
//! Steps, each pure until the last: read -> merge -> substitute -> check -> build (`new`) -> start. `agent config check` runs
//! all but the last.

mod build;
mod filter;
mod model;

pub use build::{Built, NotBuilt, Surroundings};
pub use filter::Filter;
pub use model::*;
