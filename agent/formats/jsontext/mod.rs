//! JSON as text: scanning, checking, escapes and trees, for all formats that read or write JSON.
//!
//! Source: RFC 8259; where it leaves a choice (escapes written, numbers, broken surrogates), what Go's encoding/json does,
//! since Telegraf's users see that. Nothing here recurses without a limit.

mod check;
mod escape;
mod scan;
mod tree;

#[cfg(test)]
mod tests;

pub use check::{Checked, Invalid, Top, check, check_by_several};
pub use escape::{append_value, escape, unescape};
pub use scan::{number_end, plain_end, skip_space, string_end, value_end};
pub use tree::Tree;
