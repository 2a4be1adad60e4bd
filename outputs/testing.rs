//! What the tests of several outputs share: a serializer that can be read at a glance, and metrics for it.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Writes the name of a metric as a line, with `=` and the field `v` where that is a text. The name `bad` cannot be written.
pub(crate) struct Names;

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

impl Plugin for Names {
    const NAME: &'static str = "names";
    const ABOUT: &'static str = "";
    type Settings = Nothing;
    fn new(_: Nothing, _: &Env) -> Result<Self> {
        Ok(Names)
    }
}

impl Serializer for Names {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        ensure!(metric.name() != "bad", "it is bad");
        out.extend_from_slice(metric.name().as_bytes());
        if let Some(Value::Str(text)) = metric.field("v") {
            out.extend_from_slice(format!("={text}").as_bytes());
        }
        out.push(b'\n');
        Ok(())
    }
}

/// What an output is built with that writes [`Names`].
pub(crate) fn env(plugin: &str) -> Env {
    let mut env = Env::new(plugin);
    env.serializers = Some(Arc::new(|| Ok(Box::new(Names))));
    env
}

/// Metrics of these names with the field `v`, a number.
pub(crate) fn metrics(names: &[&str]) -> Chunk {
    with(names, Value::Int(1))
}

/// Metrics of these names with the field `v`, a text.
pub(crate) fn texts(names: &[&str], text: &str) -> Chunk {
    with(names, Value::Str(text))
}

fn with(names: &[&str], v: Value<'_>) -> Chunk {
    let mut batch = Batch::new();
    for name in names {
        batch.metric(name).field("v", v).time(1);
    }
    batch.into()
}
