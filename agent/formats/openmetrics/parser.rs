//! Which of the two forms a document has.

use super::{protobuf, text};
use crate::exposition::mapping::{Mapping, Version};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<OpenMetrics>());

/// How metrics are made of a document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How metrics are made. 1: a histogram or summary is one metric with a field for each bucket or quantile. 2, the default: every bucket and
    /// quantile is a metric with a tag `le` or `quantile`, all metrics are named `openmetric`, and the field has the name.
    openmetrics_metric_version: u8,
    /// Take the time of reading for all samples, also for those that have their own.
    openmetrics_ignore_timestamp: bool,
}

/// The parser of OpenMetrics.
pub struct OpenMetrics {
    mapping: Mapping,
    times: bool,
}

impl Plugin for OpenMetrics {
    const NAME: &'static str = "openmetrics";
    const ABOUT: &'static str = "OpenMetrics, as text or protocol buffers.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let version = Version::numbered("openmetrics_metric_version", settings.openmetrics_metric_version)?;
        let mapping = Mapping { version, name: "openmetric" };
        Ok(OpenMetrics { mapping, times: !settings.openmetrics_ignore_timestamp })
    }
}

impl Parser for OpenMetrics {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let mut batch = Batch::new();
        if protobuf::is_metric_set(body.bytes()) {
            protobuf::parse(body.bytes(), &self.mapping, self.times, &mut batch).map_err(ParseError::whole)?;
        } else {
            text::parse(&body.text(), &self.mapping, self.times, &mut batch)?;
        }
        out.add_batch(batch);
        Ok(())
    }
}
