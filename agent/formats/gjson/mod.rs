//! GJSON paths: finds values in JSON text without building a tree.
//!
//! Source: the syntax as described for tidwall/gjson (SYNTAX.md), which the options `json_query` and the paths of `json_v2` are written in:
//! `a.b`, indexes, `*` and `?`, `#`, `#.b`, queries `#(k=="v")` and `#(k)#`, pipes, modifiers `@reverse`, multipaths `{a,b}` and `[a,b]`,
//! literals `!"x"`, and `..` for JSON lines. A path works on text, so what it finds is text; where the document is broken it finds what
//! it can and never fails. Depth is bounded, and so is what modifiers build.

mod build;
mod find;
mod modifier;
mod multipath;
mod path;
mod query;
mod value;

#[cfg(test)]
mod tests;

pub use find::find;
pub use value::{Found, Kind, members};
