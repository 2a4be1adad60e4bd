//! What the unit tests of aggregators share: metrics as line protocol in and out.

use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use agent_formats as _;
use serde::de::DeserializeOwned;

/// An aggregator with settings written as JSON.
pub(crate) fn build<A: Aggregator>(settings: serde_json::Value) -> Result<A>
where
    A::Settings: DeserializeOwned,
{
    A::new(serde_json::from_value(settings)?, &Env::new(A::NAME))
}

/// Why settings are refused.
pub(crate) fn refusal<A: Aggregator>(settings: serde_json::Value) -> String
where
    A::Settings: DeserializeOwned,
{
    format!("{:#}", build::<A>(settings).err().unwrap())
}

/// An aggregator at work.
pub(crate) struct Run<A>(pub(crate) A);

impl<A: Aggregator> Run<A> {
    pub(crate) fn new(settings: serde_json::Value) -> Self
    where
        A::Settings: DeserializeOwned,
    {
        Run(build(settings).unwrap())
    }

    /// Adds the metrics of lines.
    pub(crate) fn add(&mut self, lines: &str) {
        batch(lines).iter().for_each(|metric| self.0.add(metric));
    }

    /// Ends the period; gives the lines of the results. Those without a time have 0.
    pub(crate) fn flush(&mut self) -> String {
        let mut out = Collector::new();
        self.0.flush(&mut out);
        let mut batch = out.take();
        batch.settle_times(0, 0);
        lines(&batch)
    }
}

/// The metrics of lines in line protocol.
pub(crate) fn batch(lines: &str) -> Batch {
    let Some(Build::Parser(make)) = find(Family::Parsers, "influx").map(|e| e.build) else {
        panic!("no influx parser")
    };
    let mut parser = make(&Table::default(), &Env::new("influx")).unwrap();
    let mut out = Collector::new();
    parser.parse(&Body::from(lines), &mut out).unwrap();
    out.take()
}

/// The lines of the metrics, one a line, without an end of line after the last.
fn lines(batch: &Batch) -> String {
    let Some(Build::Serializer(make)) = find(Family::Serializers, "influx").map(|e| e.build) else {
        panic!("no influx serializer")
    };
    let mut writer = make(&Table::default(), &Env::new("influx")).unwrap();
    let mut out = Vec::new();
    for metric in batch.iter() {
        writer.serialize(metric, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap().trim_end().to_owned()
}
