//! A single value, as programs and files such as `/proc/sys/...` give it.

mod parser;

pub use parser::Single;
