//! Values, and how one kind becomes another.
//!
//! Source: XPath 1.0, sections 4.2 to 4.4. Numbers are read as Go reads them, so `1e3` and `0x10` are numbers; NaN is true, as in
//! Telegraf's library.

use super::document::NodeId;
use agent_golang::number::{FloatStyle, append_float, parse_float};
use std::borrow::Cow;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'d> {
    Nodes(Vec<NodeId>),
    Number(f64),
    Text(Cow<'d, str>),
    Bool(bool),
}

/// The number that a text is, blanks around it left out; NaN if it is none.
pub(crate) fn number(text: &str) -> f64 {
    parse_float(text.trim()).unwrap_or(f64::NAN)
}

/// A number as text: plain decimal, shortest.
pub(crate) fn text(number: f64) -> Cow<'static, str> {
    if number.is_nan() {
        return Cow::Borrowed("NaN");
    }
    if number.is_infinite() {
        return Cow::Borrowed(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if number == 0.0 {
        return Cow::Borrowed("0");
    }
    let mut out = String::new();
    append_float(number, FloatStyle::Plain, &mut out);
    Cow::Owned(out)
}
