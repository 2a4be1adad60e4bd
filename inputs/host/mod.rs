//! What the inputs that look at the host share: reading small files often, taking text apart, and the few system calls.
//!
//! `/proc` and `/sys` are asked at every interval for as long as the machine runs, so nothing here allocates per reading:
//! a [`Reader`] keeps its buffer, parsers work on its bytes. All that depends on the operating system beyond reading files is
//! in [`os`], one function per question, so that another system is added there and nowhere else.

pub mod accounts;
pub mod os;
mod reader;
pub mod scan;

#[cfg(test)]
pub mod testing;

pub use reader::Reader;
