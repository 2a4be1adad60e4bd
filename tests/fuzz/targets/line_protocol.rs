//! Line protocol in both dialects: what was read is written and reads back the same, and a line end after the last line changes
//! nothing (lines with one may take the fast path, the last one without never does).
#![no_main]

use agent_api::options::Setting;
use agent_fuzz::{is_lossy, lines, parse, parser, serializer, split, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((document, mode)) = split(data) else { return };
    let dialect = if mode & 1 == 0 { "internal" } else { "upstream" };
    let mut parser = parser("influx", &[("influx_parser_type", text(dialect))]).expect("both dialects are there");
    let (batch, error) = parse(&mut parser, document);

    let settings = [("influx_uint_support", Setting::Bool(true)), ("influx_sort_fields", Setting::Bool(mode & 2 == 2))];
    let mut writer = serializer("influx", &settings).expect("line protocol is there");
    for metric in batch.iter().filter(|m| !is_lossy(*m)) {
        let mut written = Vec::new();
        writer.serialize(metric, &mut written).expect("it has a name");
        let (again, error) = parse(&mut parser, &written);
        assert!(error.is_none(), "{metric:?}: {error:?}");
        assert_eq!(again.len(), 1, "{metric:?}");
        assert_eq!(again.at(0), metric);
    }

    let ended = [document, b"\n"].concat();
    let (with_end, other_error) = parse(&mut parser, &ended);
    assert_eq!(without_times(lines(&batch)), without_times(lines(&with_end)));
    assert_eq!(error.is_some(), other_error.is_some());
});

/// Lines without a time get that of the clock.
fn without_times(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|l| l.rsplit_once(' ').map_or(l.clone(), |(rest, _)| rest.to_owned())).collect()
}
