//! The way of packets through the server without its sockets, for `tests/fuzz`.

use super::packet::{Bad, Intake};
use super::{Duration, Settings};
use agent_api::{Batch, stats};

/// Takes the packets, which are parted by empty lines; an interval ends behind each. The bits of `mode` are settings.
pub fn packets(packets: &[u8], mode: u8) {
    let on = |bit: u8| mode >> bit & 1 == 1;
    let settings = Settings {
        datadog_extensions: on(0),
        datadog_distributions: on(0),
        datadog_keep_container_tag: on(1),
        delete_counters: on(2),
        delete_gauges: on(2),
        delete_sets: on(3),
        delete_timings: on(3),
        percentiles: vec![0.0, 50.0, 99.9, 100.0],
        percentile_limit: 5,
        templates: if on(4) { vec!["measurement.field*".to_owned()] } else { Vec::new() },
        sanitize_name_method: if on(5) { "upstream".to_owned() } else { String::new() },
        convert_names: on(5),
        max_ttl: Duration(std::time::Duration::from_secs(u64::from(on(6)))),
        float_counters: on(7),
        float_timings: on(7),
        float_sets: on(7),
        enable_aggregation_temporality: on(7),
        ..Settings::default()
    };
    let rules = settings.rules().expect("these settings are good");
    let intake = Intake::new(rules, 0, &stats::set("statsd_fuzz", &[]));
    let (mut from, ends) = (0, memchr::memmem::find_iter(packets, b"\n\n").chain([packets.len()]));
    for end in ends {
        let mut out = intake.take([(&packets[from..end], None)].into_iter(), &mut Bad::default());
        intake.with(|table| {
            table.tick();
            table.end_round();
            table.emit_distributions(1, &mut out);
            let mut at = Some(0);
            while let Some(from) = at {
                at = table.emit(from, end == packets.len(), 1, &mut out);
                let _told: Batch = out.take();
            }
            table.begin_round(1);
        });
        from = end;
    }
}
