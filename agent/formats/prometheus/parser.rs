//! Reading: which of the two forms a document has.

use super::document::Document;
use super::protobuf;
use crate::exposition::mapping::{Mapping, Version};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Prometheus>());

/// How metrics are made of a document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How metrics are made. 1: a histogram or summary is one metric with a field for each bucket or quantile. 2, the default: every bucket and
    /// quantile is a metric with a tag `le` or `quantile`, all metrics are named `prometheus`, and the field has the name.
    prometheus_metric_version: u8,
    /// Take the time of reading for all samples, also for those that have their own.
    prometheus_ignore_timestamp: bool,
}

/// The parser of pages for Prometheus.
pub struct Prometheus {
    mapping: Mapping,
    times: bool,
}

impl Plugin for Prometheus {
    const NAME: &'static str = "prometheus";
    const ABOUT: &'static str = "Pages for Prometheus, as text or protocol buffers.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let version = Version::numbered("prometheus_metric_version", settings.prometheus_metric_version)?;
        let mapping = Mapping { version, name: "prometheus" };
        Ok(Prometheus { mapping, times: !settings.prometheus_ignore_timestamp })
    }
}

impl Parser for Prometheus {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        if protobuf::is_delimited(body.bytes()) {
            return protobuf::parse(body.bytes(), &self.mapping, self.times, out);
        }
        let body = body.clone().into_text();
        // Metrics borrow the document, and a batch borrows from one document only.
        out.ship();
        if out.batch().is_empty() {
            return Document::read(&body, &self.mapping, self.times, out);
        }
        let mut own = Collector::new();
        let result = Document::read(&body, &self.mapping, self.times, &mut own);
        out.add_batch(own.take());
        result
    }
}
