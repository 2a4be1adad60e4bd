//! CEL, the expression language of `metricpass`.
