//! The interfaces of Windows.

use agent_api::{Collector, Kind};
use agent_golang::glob::Filter;
use agent_windows::Interface;

/// Interfaces that the user names, or else all that are up but the loopback.
pub(super) fn wanted(interface: &Interface, named: &Filter) -> bool {
    match named.is_empty() {
        false => named.is_match(&interface.name),
        true => interface.up && !interface.loopback,
    }
}

pub(super) fn report(interface: &Interface, out: &mut Collector) {
    let mut metric = out.metric("net").tag("interface", &interface.name).kind(Kind::Counter);
    for (field, value) in [
        ("bytes_sent", interface.bytes_sent),
        ("bytes_recv", interface.bytes_received),
        ("packets_sent", interface.packets_sent),
        ("packets_recv", interface.packets_received),
        ("err_in", interface.errors_in),
        ("err_out", interface.errors_out),
        ("drop_in", interface.drops_in),
        ("drop_out", interface.drops_out),
    ] {
        metric.add_field(field, value);
    }
    let megabits = interface.speed.and_then(|bits| i64::try_from(bits / 1_000_000).ok());
    metric.add_field("speed", megabits.unwrap_or(-1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_count_if_they_are_up_or_named() {
        let all = Filter::compile(&[] as &[&str], &[]).unwrap();
        let some = Filter::compile(&["Loop*"], &[]).unwrap();
        let ethernet = Interface { name: "Ethernet".to_owned(), up: true, ..Interface::default() };
        let loopback = Interface { name: "Loopback".to_owned(), loopback: true, ..ethernet.clone() };
        let down = Interface { up: false, ..ethernet.clone() };
        assert_eq!([&ethernet, &loopback, &down].map(|i| wanted(i, &all)), [true, false, false]);
        assert_eq!([&ethernet, &loopback, &down].map(|i| wanted(i, &some)), [false, true, false]);
    }
}
