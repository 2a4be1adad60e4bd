//! Prints how fast an array of JSON objects is read and written as line protocol, on one core.
//!
//! `cargo run --release -p agent-formats --example speed [OBJECTS]`

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use agent_formats as _;
use std::time::Instant;

fn main() -> Result<()> {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(500_000);
    let object = |i: usize| {
        format!(
            "{{\"host\":\"host-{}\",\"region\":\"eu-{}\",\"path\":\"/api/v1/items/{i}\",\"status\":{},\"bytes\":{},\"duration\":{}.{},\"ok\":true}}",
            i % 100,
            i % 4,
            200 + i % 5,
            i * 37 % 90_000,
            i % 9,
            1 + i % 97
        )
    };
    let document = format!("[{}]", (0..count).map(object).collect::<Vec<_>>().join(","));
    let bytes = document.len();
    let span = Span::default();
    let list = |names: &[&str]| {
        let items = names.iter().map(|name| Item { value: Setting::Str((*name).to_owned()), span });
        Item { value: Setting::Array(items.collect()), span }
    };
    let mut table = Table::default();
    table.set("tag_keys", span, list(&["host", "region"]));
    table.set("json_string_fields", span, list(&["path"]));
    let env = Env::new("inputs.file");
    let Some(Build::Parser(parser)) = find(Family::Parsers, "json").map(|e| e.build) else { bail!("no parser json") };
    let Some(Build::Serializer(writer)) = find(Family::Serializers, "influx").map(|e| e.build) else {
        bail!("no serializer influx")
    };
    let (mut parser, mut writer) = (parser(&table, &env)?, writer(&Table::default(), &env)?);
    let mut out = Vec::new();
    let read_only = Instant::now();
    let body = Body::from(document);
    let mut collector = Collector::shipping(drop);
    parser.parse(&body, &mut collector)?;
    let read = read_only.elapsed();
    let both = Instant::now();
    let mut collector = Collector::shipping(move |mut batch| {
        batch.settle_times(1, 0);
        out.clear();
        let result = writer.serialize_batch(&Chunk::from(batch), &mut out);
        assert!(result.is_ok() && !out.is_empty());
    });
    parser.parse(&body, &mut collector)?;
    collector.ship();
    let both = both.elapsed();
    let per = |time: std::time::Duration| time.as_nanos() as f64 / count as f64;
    use std::io::Write;
    writeln!(
        std::io::stdout(),
        "{count} objects, {bytes} bytes: read {:.0} ns, read and written {:.0} ns each",
        per(read),
        per(both)
    )?;
    Ok(())
}
