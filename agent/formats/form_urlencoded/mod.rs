//! The form that browsers send: `key=value&key=value` with percent codes.
//!
//! Source: the URL standard of WHATWG, application/x-www-form-urlencoded; which documents are good follows Go's `url.ParseQuery`.

mod parser;

pub use parser::Form;
