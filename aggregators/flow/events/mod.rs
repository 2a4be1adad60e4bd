//! What is beyond a threshold, as metrics that outputs can alert on: large flows, new listeners, floods of SYN, scans.
//!
//! All tables are bounded, as whoever sends packets chooses what is in them. One that is full is halved: half of the counts are taken off all
//! others (Misra and Gries 1982), so what is told is never too much, and too little only under a flood of different keys.

#[cfg(test)]
mod tests;

use super::{Settings, names};
use agent_api::stats::Counter;
use agent_api::{Builder, Collector, Env, Result, ensure};
use agent_packets::Flow;
use agent_packets::flow::Settings as Counting;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

/// Keys of a table.
const MAX_KEYS: usize = 1 << 16;
/// Events of a period; more are only counted.
const MAX_EVENTS: usize = 1000;
/// Bits that tell whether somebody tried something before.
const BITS: usize = 1 << 22;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const SYN_ACK: u8 = 0x12;

/// What is looked for. Thresholds are 0 where nothing is.
pub(super) struct Events {
    bytes_above: u64,
    flood_above: u64,
    scan_above: u64,
    listeners: Option<Listeners>,
    /// Connections to an address and port that were not completed.
    floods: Counts<(IpAddr, u16)>,
    /// What a host tried without success: addresses and ports.
    scans: Counts<IpAddr>,
    tried: Vec<u64>,
    seed: RandomState,
    /// Events of this period.
    said: usize,
    left_out: Counter,
}

/// Addresses and ports that accept connections: those of now, and those of before there were too many.
#[derive(Default)]
struct Listeners {
    now: HashSet<(IpAddr, u16), RandomState>,
    before: HashSet<(IpAddr, u16), RandomState>,
    /// The first period is over, so that there is something to be new against.
    learned: bool,
}

impl Events {
    pub(super) fn new(settings: &Settings, table: &Counting, env: &Env) -> Result<Self> {
        let Settings { syn_flood_above, scan_above, new_listeners, .. } = *settings;
        let hosts = syn_flood_above > 0 || scan_above > 0 || new_listeners;
        ensure!(
            !hosts || (table.keys.conversation() && !table.uniflow),
            "syn_flood_above, scan_above, new_listeners: flows have to be conversations with both directions: see keys and direction"
        );
        Ok(Events {
            bytes_above: settings.flow_above.0,
            flood_above: syn_flood_above,
            scan_above,
            listeners: new_listeners.then(Listeners::default),
            floods: Counts::default(),
            scans: Counts::default(),
            tried: if scan_above > 0 { vec![0; BITS / 64] } else { Vec::new() },
            seed: RandomState::default(),
            said: 0,
            left_out: env.stats("flow", &[]).counter("events_left_out"),
        })
    }

    /// True if all flows have to be seen in one place.
    pub(super) fn of_hosts(&self) -> bool {
        self.flood_above > 0 || self.scan_above > 0 || self.listeners.is_some()
    }

    /// Looks at a report of a flow.
    #[inline]
    pub(super) fn flow(&mut self, flow: &Flow, out: &mut Collector) {
        let bytes = flow.bytes[0].saturating_add(flow.bytes[1]);
        if self.bytes_above > 0 && bytes > self.bytes_above {
            self.large(flow, bytes, out);
        }
        if flow.protocol == 6 && self.of_hosts() {
            self.connection(flow, out);
        }
    }

    fn large(&mut self, flow: &Flow, bytes: u64, out: &mut Collector) {
        let threshold = self.bytes_above;
        let Some(metric) = self.event("bytes", flow.last, out) else { return };
        let metric = metric.field("src", flow.src.to_string().as_str()).field("dst", flow.dst.to_string().as_str());
        let metric = metric.field("src_port", flow.src_port).field("dst_port", flow.dst_port);
        let number = flow.protocol.to_string();
        let metric = metric.field("protocol", names::protocol(flow.protocol).unwrap_or(&number));
        drop(metric.field("value", bytes).field("threshold", threshold));
    }

    fn connection(&mut self, flow: &Flow, out: &mut Collector) {
        let [began, called] = flow.all_flags;
        let end = (flow.dst, flow.dst_port);
        if called & SYN_ACK == SYN_ACK
            && self.listeners.as_mut().is_some_and(|l| l.is_new(end))
            && let Some(metric) = self.event("listener", flow.first, out)
        {
            drop(metric.field("dst", flow.dst.to_string().as_str()).field("dst_port", flow.dst_port));
        }
        // Only SYN, again and again, answered or not; what was refused is no flood.
        if self.flood_above > 0 && began == SYN && called & RST == 0 && flow.tcp_flags[0] & SYN != 0 {
            self.floods.add(end);
        }
        // Nothing came of it: no answer, or a reset in place of one.
        if self.scan_above > 0 && began & SYN != 0 && called & SYN == 0 && self.is_new(&(flow.src, end)) {
            self.scans.add(flow.src);
        }
    }

    /// True for what was not there in this period, but for few that fall together with others.
    fn is_new(&mut self, what: &(IpAddr, (IpAddr, u16))) -> bool {
        let hash = self.seed.hash_one(what);
        let (word, bit) = ((hash >> 32) as usize % self.tried.len(), 1u64 << (hash % 64));
        let new = self.tried[word] & bit == 0;
        self.tried[word] |= bit;
        new
    }

    /// Ends a period: reports the hosts that are beyond thresholds.
    pub(super) fn report(&mut self, time: i64, out: &mut Collector) {
        for ((dst, port), count) in self.floods.above(self.flood_above) {
            let threshold = self.flood_above;
            let Some(metric) = self.event("syn_flood", time, out) else { continue };
            let metric = metric.field("dst", dst.to_string().as_str()).field("dst_port", port);
            drop(metric.field("value", count).field("threshold", threshold));
        }
        for (src, count) in self.scans.above(self.scan_above) {
            let threshold = self.scan_above;
            let Some(metric) = self.event("scan", time, out) else { continue };
            let metric = metric.field("src", src.to_string().as_str());
            drop(metric.field("value", count).field("threshold", threshold));
        }
        if let Some(listeners) = &mut self.listeners {
            listeners.learned = true;
        }
        self.tried.fill(0);
        self.said = 0;
        out.checkpoint();
    }

    /// Begins the metric of an event, unless there were too many.
    fn event<'a>(&mut self, kind: &str, time: i64, out: &'a mut Collector) -> Option<Builder<'a>> {
        if self.said == MAX_EVENTS {
            self.left_out.inc();
            return None;
        }
        self.said += 1;
        Some(out.metric("flow_event").time(time).tag("type", kind))
    }
}

impl Listeners {
    fn is_new(&mut self, end: (IpAddr, u16)) -> bool {
        if self.now.contains(&end) {
            return false;
        }
        if self.now.len() == MAX_KEYS {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.insert(end);
        !self.before.remove(&end) && self.learned
    }
}

/// How often there was what, of a bounded number of keys.
struct Counts<K>(HashMap<K, u64, RandomState>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts(HashMap::default())
    }
}

impl<K: Hash + Ord + Copy> Counts<K> {
    fn add(&mut self, key: K) {
        if self.0.len() == MAX_KEYS && !self.0.contains_key(&key) {
            self.halve();
        }
        *self.0.entry(key).or_default() += 1;
    }

    #[cold]
    fn halve(&mut self) {
        let mut counts: Vec<u64> = self.0.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        self.0.retain(|_, count| {
            *count = count.saturating_sub(*median);
            *count > 0
        });
    }

    /// Takes out everything; gives what there was more of than a threshold, most first.
    fn above(&mut self, threshold: u64) -> Vec<(K, u64)> {
        let mut above: Vec<(K, u64)> = self.0.drain().filter(|(_, count)| *count > threshold).collect();
        above.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        above
    }
}
