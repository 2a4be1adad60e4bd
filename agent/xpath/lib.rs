//! XPath 1.0 with a few functions of 2.0, over documents of any source: XML, JSON, CBOR, protobuf.
//!
//! A document is one arena in document order ([`Builder`] fills it), so that the descendants of a node are a range and a walk over them
//! needs no pointers. An expression is compiled once ([`Expression::compile`]) and then evaluated at nodes. The dialect is that of
//! Telegraf's library, since users have written their queries for it: what it adds to the recommendation (`ends-with`, `matches`,
//! `string-join` ...) and where it leaves it (order and duplicates of node-sets, prefixes compared as written) is said where it is done.
//!
//! Nothing here can be made to run without end: the depth of documents and expressions is bounded, and so is the number of nodes that
//! the queries to one document may visit ([`Work`]).
//!
//! ```
//! use agent_xpath::{Answer, Builder, Data, Expression, Kind, Work};
//!
//! let mut builder = Builder::new(|document, node| document.inner_text(node));
//! builder.open("bed").unwrap();
//! builder.leaf(Kind::Text, "mint").unwrap();
//! builder.close();
//! let document = builder.finish(Data::None);
//! let query = Expression::compile("count(/bed[. = 'mint'])").unwrap();
//! let root = document.root();
//! assert_eq!(query.answer(&document, root, root, &Work::new(1000)).unwrap(), Answer::Number(1.0));
//! ```

#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod axes;
mod builder;
mod compare;
mod document;
mod evaluate;
mod expression;
mod functions;
mod lex;
mod node;
mod parse;
mod value;

#[cfg(test)]
mod tests;

pub use builder::{Builder, TooLarge};
pub use document::{Document, NodeId, Show};
pub use evaluate::{Fault, Work};
pub use expression::{Answer, CompileError, Expression};
pub use node::{Data, Kind, Place};
