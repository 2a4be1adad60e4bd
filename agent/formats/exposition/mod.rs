//! What the formats of Prometheus have in common: names, the text form both ways, and how families become metrics and back.
//!
//! Telegraf knows two ways (`metric_version`): 1 makes one metric of a histogram or summary, with a field for each bucket or quantile; 2
//! makes several metrics of one field each, with a tag `le` or `quantile`, and names the field after the family.

#[cfg(any(feature = "openmetrics", feature = "prometheus"))]
pub(crate) mod mapping;
pub mod names;
#[cfg(any(feature = "openmetrics", feature = "prometheus"))]
pub(crate) mod sample;
#[cfg(any(feature = "prometheus", feature = "prometheusremotewrite"))]
pub(crate) mod series;
pub mod text;
