//! From packets to the table: one hold of the lock for many packets, one report for many bad lines.

use super::event;
use super::line::Cause;
use super::table::{Rules, Table};
use agent_api::{Batch, Result, Sender, Stop, anyhow, plugin, stats};
use agent_net::server::Packets;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What receivers share.
pub(super) struct Intake {
    table: Mutex<Table>,
    datadog: bool,
    pub(super) stats: Stats,
}

/// What is counted for `inputs.internal`.
pub(super) struct Stats {
    pub(super) udp_packets: stats::Counter,
    pub(super) udp_bytes: stats::Counter,
    pub(super) udp_drops: stats::Counter,
    pub(super) tcp_packets: stats::Counter,
    pub(super) tcp_bytes: stats::Counter,
    pub(super) tcp_current: stats::Counter,
    pub(super) tcp_total: stats::Counter,
    pub(super) tcp_max: stats::Counter,
    parse_time: stats::Timing,
}

impl Intake {
    pub(super) fn new(rules: Rules, now: i64, set: &stats::Set) -> Self {
        // Nothing is ever pending here; the two are told because Telegraf tells them.
        set.counter("pending_messages");
        set.counter("max_pending_messages");
        let stats = Stats {
            udp_packets: set.counter("udp_packets_received"),
            udp_bytes: set.counter("udp_bytes_received"),
            udp_drops: set.counter("udp_packets_dropped"),
            tcp_packets: set.counter("tcp_packets_received"),
            tcp_bytes: set.counter("tcp_bytes_received"),
            tcp_current: set.counter("tcp_current_connections"),
            tcp_total: set.counter("tcp_total_connections"),
            tcp_max: set.counter("tcp_max_connections"),
            parse_time: set.timing("parse_time_ns"),
        };
        Intake { datadog: rules.datadog, table: Mutex::new(Table::new(rules, now)), stats }
    }

    /// Works on the table alone.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes all lines of the texts in. What has to be told at once, events and very many distributions, comes back.
    pub(super) fn take<'a>(&self, texts: impl Iterator<Item = (&'a [u8], Option<IpAddr>)>, bad: &mut Bad) -> Batch {
        let (begun, now) = (Instant::now(), plugin::now());
        let mut at_once = Batch::new();
        self.with(|table| {
            table.tick();
            for (text, from) in texts {
                for line in lines(text) {
                    let taken = if self.datadog && line.starts_with(b"_e") {
                        event::read(&String::from_utf8_lossy(line), from, now, &mut at_once)
                    } else if self.datadog && line.starts_with(b"_sc|") {
                        event::read_check(&String::from_utf8_lossy(line), from, now, &mut at_once)
                    } else {
                        table.line(line)
                    };
                    if let Err(cause) = taken {
                        bad.add(line, cause);
                    }
                }
            }
            if table.is_full() {
                table.emit_distributions(now, &mut at_once);
            }
        });
        self.stats.parse_time.add(begun.elapsed().as_nanos() as i64);
        at_once
    }
}

/// The lines of a text that hold anything, without white space around them.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        Some(match memchr::memchr(b'\n', text) {
            Some(end) => {
                rest = Some(&text[end + 1..]);
                &text[..end]
            }
            None => {
                rest = None;
                text
            }
        })
    })
    .map(<[u8]>::trim_ascii)
    .filter(|line| !line.is_empty())
}

/// Bad lines of one go: the first is quoted, the others counted.
#[derive(Default)]
pub(super) struct Bad {
    first: Option<(String, Cause)>,
    more: usize,
}

/// A quoted line is cut at so many bytes.
const QUOTED: usize = 60;

impl Bad {
    fn add(&mut self, line: &[u8], cause: Cause) {
        match &self.first {
            Some(_) => self.more += 1,
            None => {
                let mut text = String::from_utf8_lossy(&line[..line.len().min(QUOTED)]).into_owned();
                if line.len() > QUOTED {
                    text.push_str("...");
                }
                self.first = Some((text, cause));
            }
        }
    }

    /// Reports them.
    pub(super) fn report(&mut self, out: &Sender) {
        if let Some((line, cause)) = self.first.take() {
            out.error(match std::mem::take(&mut self.more) {
                0 => anyhow!("parse line {line:?}: {cause}"),
                n => anyhow!("parse line {line:?}: {cause}; and {n} more bad lines"),
            });
        }
    }
}

/// Receives until the stop.
pub(super) fn receive(packets: Packets, intake: &Intake, out: &Sender, stop: &Stop) -> Result<()> {
    let mut receiver = packets.receiver();
    let mut bad = Bad::default();
    while !stop.is_stopped() {
        let count = receiver.receive()?;
        if count == 0 {
            continue;
        }
        let bytes: usize = receiver.iter().map(|p| p.bytes.len()).sum();
        intake.stats.udp_packets.add(count as i64);
        intake.stats.udp_bytes.add(bytes as i64);
        let at_once = intake.take(receiver.iter().map(|p| (p.bytes, p.from)), &mut bad);
        if !at_once.is_empty() {
            out.send_live_blocking(at_once);
        }
        bad.report(out);
    }
    Ok(())
}
