//! Pages for Prometheus as text: both paths of the parser agree (a line that begins with a blank never takes the fast one), and what was
//! read of numbers is written and reads back the same.
#![no_main]

use agent_api::options::Setting;
use agent_api::{Chunk, Kind, View};
use agent_fuzz::{lines, parse, parser, serializer, split_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((page, mode)) = split_text(data) else { return };
    // With this before it no page begins as protocol buffers do.
    let page = format!("# text\n{page}");
    let settings = [
        ("prometheus_metric_version", Setting::Int(1 + i64::from(mode & 1))),
        ("prometheus_ignore_timestamp", Setting::Bool(mode & 2 == 2)),
    ];
    let mut reader = parser("prometheus", &settings).expect("both versions are there");
    let (mut batch, error) = parse(&mut reader, page.as_bytes());
    let moved: String = page.split_inclusive('\n').map(|line| format!(" {line}")).collect();
    let (other, other_error) = parse(&mut reader, moved.as_bytes());
    assert_eq!(lines(&batch), lines(&other));
    assert_eq!(error.map(|e| e.bad), other_error.map(|e| e.bad));

    if mode & 1 == 0 {
        return;
    }
    batch.retain(|m| !matches!(m.read().kind(), Kind::Histogram | Kind::Summary) && m.time() >= 0);
    // A page has no minus before zero, as in Go.
    let numbers: Vec<String> = lines(&batch).iter().map(|line| line.replace("(-0.0)", "(0.0)")).collect();
    let settings = [
        ("prometheus_export_timestamp", Setting::Bool(true)),
        ("prometheus_name_sanitization", Setting::Str("utf8".to_owned())),
    ];
    let mut writer = serializer("prometheus", &settings).expect("it is there");
    let mut written = Vec::new();
    let mut chunk = Chunk::default();
    chunk.push(View::all(batch));
    writer.serialize_batch(&chunk, &mut written).expect("every number can be written");
    let (again, error) = parse(&mut reader, &written);
    assert!(error.is_none(), "{error:?}");
    // Of several values of one series one is written.
    assert!(lines(&again).iter().all(|line| mode & 2 == 2 || numbers.contains(line)));
});
