//! Writing line protocol: whatever a metric holds, what is written can be read, and no line is longer than it may be.
#![no_main]

use agent_api::options::Setting;
use agent_fuzz::{is_lossy, odd_batch, parse, parser, serializer, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((data, mode)) = split(data) else { return };
    let Ok(batch) = odd_batch(data) else { return };
    let most = if mode & 4 == 0 { 0 } else { i64::from(mode) };
    let settings = [
        ("influx_uint_support", Setting::Bool(true)),
        ("influx_sort_fields", Setting::Bool(mode & 1 == 1)),
        ("influx_max_line_bytes", Setting::Int(most)),
    ];
    let mut writer = serializer("influx", &settings).expect("line protocol is there");
    let mut parser = parser("influx", &[]).expect("line protocol is there");
    for metric in batch.iter() {
        let mut written = Vec::new();
        if writer.serialize(metric, &mut written).is_err() {
            assert!(metric.name().trim_end_matches('\\').is_empty(), "{metric:?}");
            continue;
        }
        // What begins like a comment is one, and NUL counts as a blank.
        if metric.name().starts_with(['#', '\u{feff}']) || format!("{metric:?}").contains('\0') {
            continue;
        }
        let (again, error) = parse(&mut parser, &written);
        assert!(error.is_none(), "{metric:?} as {:?}: {error:?}", String::from_utf8_lossy(&written));
        if most == 0 && metric.has_time() && !is_lossy(metric) {
            assert_eq!(again.len(), 1, "{metric:?}");
            assert_eq!(again.at(0).to_owned().read(), with_kind(&again, metric));
        }
        if most > 0 && metric.fields().all(|(_, v)| !matches!(v, agent_api::Value::Str(t) if t.contains('\n'))) {
            assert!(written.split(|b| *b == b'\n').all(|line| line.len() < most as usize + 1), "{metric:?}");
        }
    }
});

/// The metric that was read if it is the one that was written: line protocol knows no kinds.
fn with_kind<'a>(again: &'a agent_api::Batch, metric: agent_api::MetricRef<'_>) -> agent_api::MetricRef<'a> {
    assert_eq!(format!("{:?}", sorted(again.at(0))), format!("{:?}", sorted(metric)));
    again.at(0)
}

fn sorted(metric: agent_api::MetricRef<'_>) -> (String, Vec<(String, String)>, Vec<(String, String)>, i64) {
    let tags = metric.tags().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut fields: Vec<_> = metric.fields().map(|(k, v)| (k.to_owned(), format!("{v:?}"))).collect();
    fields.sort();
    (metric.name().to_owned(), tags, fields, metric.time())
}
