//! The processors, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// What several plugins share. Public, so that a build with only some of the plugins has nothing unused.
pub mod complaints;
pub mod encoding;
pub mod memo;
pub mod scalar;

#[cfg(test)]
mod testing;

#[cfg(feature = "batch")]
mod batch;
#[cfg(feature = "clone")]
mod clone;
#[cfg(feature = "converter")]
mod converter;
#[cfg(feature = "cumulative_sum")]
mod cumulative_sum;
#[cfg(feature = "date")]
mod date;
#[cfg(feature = "dedup")]
mod dedup;
#[cfg(feature = "defaults")]
mod defaults;
#[cfg(feature = "enum")]
mod r#enum;
#[cfg(feature = "execd")]
mod execd;
#[cfg(feature = "filepath")]
mod filepath;
#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "lookup")]
mod lookup;
#[cfg(feature = "noise")]
mod noise;
#[cfg(feature = "override")]
mod r#override;
#[cfg(feature = "parser")]
mod parser;
#[cfg(feature = "pivot")]
mod pivot;
#[cfg(feature = "port_name")]
mod port_name;
#[cfg(feature = "printer")]
mod printer;
#[cfg(feature = "regex")]
mod regex;
#[cfg(feature = "rename")]
mod rename;
#[cfg(feature = "round")]
mod round;
#[cfg(feature = "scale")]
mod scale;
#[cfg(feature = "split")]
mod split;
#[cfg(feature = "starlark")]
mod starlark;
#[cfg(feature = "strings")]
mod strings;
#[cfg(feature = "tag_limit")]
mod tag_limit;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "timestamp")]
mod timestamp;
#[cfg(feature = "topk")]
mod topk;
#[cfg(feature = "unpivot")]
mod unpivot;
