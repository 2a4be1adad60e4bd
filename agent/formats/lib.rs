//! The data formats, a folder each: parser, serializer or both. They know `agent-api`, its helpers for Go, XPath and HTTP, and nothing else of ours.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(any(feature = "influx", feature = "prometheus"))]
mod decimal;
#[cfg(any(
    feature = "avro",
    feature = "binary",
    feature = "csv",
    feature = "form_urlencoded",
    feature = "grok",
    feature = "json_v2",
    feature = "logfmt",
    feature = "parquet",
    feature = "value",
    feature = "_xpath"
))]
mod scalar;
#[cfg(test)]
mod testing;
#[cfg(any(feature = "openmetrics", feature = "prometheus", feature = "prometheusremotewrite"))]
mod wire;

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "binary")]
pub mod binary;
#[cfg(feature = "carbon2")]
pub mod carbon2;
#[cfg(feature = "cloudevents")]
pub mod cloudevents;
#[cfg(feature = "collectd")]
pub mod collectd;
#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "dropwizard")]
pub mod dropwizard;
#[cfg(feature = "_exposition")]
pub mod exposition;
#[cfg(feature = "form_urlencoded")]
pub mod form_urlencoded;
#[cfg(any(feature = "dropwizard", feature = "json", feature = "json_v2"))]
pub mod gjson;
#[cfg(feature = "graphite")]
pub mod graphite;
#[cfg(feature = "grok")]
pub mod grok;
#[cfg(feature = "influx")]
pub mod influx;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "json_v2")]
pub mod json_v2;
#[cfg(feature = "json")]
pub mod jsonata;
#[cfg(any(
    feature = "cloudevents",
    feature = "dropwizard",
    feature = "json",
    feature = "json_v2",
    feature = "logfmt",
    feature = "nowmetric",
    feature = "splunkmetric",
    feature = "_xpath"
))]
pub mod jsontext;
pub mod lines;
#[cfg(feature = "logfmt")]
pub mod logfmt;
#[cfg(feature = "msgpack")]
pub mod msgpack;
#[cfg(feature = "nagios")]
pub mod nagios;
#[cfg(feature = "nowmetric")]
pub mod nowmetric;
#[cfg(feature = "openmetrics")]
pub mod openmetrics;
#[cfg(feature = "opentsdb")]
pub mod opentsdb;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "prometheusremotewrite")]
pub mod prometheusremotewrite;
#[cfg(feature = "splunkmetric")]
pub mod splunkmetric;
#[cfg(feature = "template")]
pub mod template;
#[cfg(feature = "_templated")]
pub mod templated;
#[cfg(feature = "_templates")]
pub mod templates;
#[cfg(feature = "value")]
pub mod value;
#[cfg(feature = "wavefront")]
pub mod wavefront;
#[cfg(feature = "_xpath")]
mod xpath;
