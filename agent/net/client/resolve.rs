//! Names to addresses by the system's resolver, with an error that can be told from a refused connection.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;

/// The system's resolver.
pub(super) struct System;

/// A name has no address.
#[derive(Debug)]
pub(super) struct ResolveError {
    name: String,
    cause: std::io::Error,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look up {:?}: {}", self.name, self.cause)
    }
}
impl std::error::Error for ResolveError {}

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(found) => Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(cause) => Err(ResolveError { name: name.as_str().to_owned(), cause }.into()),
            }
        })
    }
}
