//! The output of Nagios plugins: a line of status, more text, and performance data behind pipes.
//!
//! Source: "Nagios Plugins Development Guidelines", plugin output and performance data.

mod parser;

pub use parser::Nagios;
