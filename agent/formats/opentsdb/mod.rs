//! OpenTSDB's telnet protocol: `put name time value tag=value ...`.

mod parser;

pub use parser::OpenTsdb;
