//! Registries of Dropwizard's metrics library for Java, as its JSON module writes them.

mod parser;

pub use parser::Dropwizard;

#[cfg(test)]
mod tests;
