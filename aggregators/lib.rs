//! The aggregators, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "_series")]
#[doc(hidden)]
pub mod series;

#[cfg(test)]
mod testing;

#[cfg(feature = "basicstats")]
mod basicstats;
#[cfg(feature = "derivative")]
mod derivative;
#[cfg(feature = "final")]
mod r#final;
#[cfg(feature = "flow")]
mod flow;
#[cfg(feature = "histogram")]
mod histogram;
#[cfg(feature = "merge")]
mod merge;
#[cfg(feature = "minmax")]
mod minmax;
#[cfg(feature = "quantile")]
mod quantile;
#[cfg(feature = "sketch")]
mod sketch;
#[cfg(feature = "starlark")]
mod starlark;
#[cfg(feature = "valuecounter")]
mod valuecounter;
