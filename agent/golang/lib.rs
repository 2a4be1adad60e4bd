//! What Telegraf users write in the spelling of Go: time layouts, durations, globs, numbers, patterns, templates.
//!
//! A configuration made for Telegraf is full of Go: `date_format = "2006-01-02"`, `interval = "1m30s"`,
//! `{{ .Tag "host" }}`, `${1}`. Each module here reads one of these spellings with Go's rules and knows nothing of metrics,
//! plugins or the other modules' callers, so that every rule can be checked against Go's documentation alone.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod duration;
pub mod glob;
pub mod math;
pub mod number;
pub mod regexp;
pub mod size;
pub mod template;
pub mod time;

#[cfg(test)]
mod testing;
