//! Lines of any form, taken apart by named patterns over regular expressions: access logs, syslog, what programs write.
//!
//! Patterns are put together when the parser is built (`pattern`, with the definitions of `library`) and compiled into a matcher
//! that finds their groups without a general engine (`agent_golang::regexp::Matcher`), as lines come by the million.

mod firewalls;
mod library;
mod parser;
mod pattern;
mod stamp;

pub use parser::Grok;

#[cfg(test)]
mod tests;
