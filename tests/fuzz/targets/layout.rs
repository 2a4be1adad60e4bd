//! Go's time layouts: the first line is a layout or a name of one, the second a time. What a layout writes it reads again.
#![no_main]

use agent_golang::time::{Layout, TimestampFormat, Zone, parse_timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let (spec, time) = data.split_once('\n').unwrap_or((data, ""));
    let berlin = Zone::parse("Europe/Berlin").unwrap_or(Zone::Utc);
    for zone in [Zone::Utc, berlin, Zone::fixed(-12_345, "ODD")] {
        // Whether it fits is another matter; it must not fail otherwise.
        let _fits = parse_timestamp(spec, time, &zone);
        let format = TimestampFormat::parse_spec(spec);
        let mut written = String::new();
        format.format_into(time.len() as i64 * 1_234_567_890_123, &zone, &mut written);
        if let Ok(ns) = Layout::parse_spec("2006-01-02T15:04:05.999999999Z07:00").parse(time, &zone) {
            let again = Layout::parse_spec("2006-01-02T15:04:05.999999999Z07:00");
            let offset_has_seconds = zone.offset_at(ns.div_euclid(1_000_000_000)) % 60 != 0;
            assert!(offset_has_seconds || again.parse(&again.format(ns, &zone), &zone) == Ok(ns), "{time:?}");
        }
    }
    let _known = Zone::parse(spec);
});
