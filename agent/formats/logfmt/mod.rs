//! logfmt: lines of `key=value` pairs, as many programs log.
//!
//! Source: the format as described at brandur.org/logfmt; which lines are good follows go-logfmt, which Telegraf reads with.

mod parser;

pub use parser::Logfmt;
