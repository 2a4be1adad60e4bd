//! What the unit tests of processors share: metrics as line protocol in and out.

use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use agent_formats as _;
use serde::de::DeserializeOwned;

/// A processor with settings written as JSON.
pub(crate) fn build<P: Processor>(settings: serde_json::Value) -> Result<P>
where
    P::Settings: DeserializeOwned,
{
    P::new(serde_json::from_value(settings)?, &Env::new(P::NAME))
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
pub(crate) fn lines(batch: &Batch) -> String {
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

/// What a processor with these settings makes of lines.
pub(crate) fn applied<P: Processor>(settings: serde_json::Value, input: &str) -> String
where
    P::Settings: DeserializeOwned,
{
    let mut batch = batch(input);
    build::<P>(settings).unwrap().apply(&mut batch);
    lines(&batch)
}
