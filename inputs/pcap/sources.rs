//! What each interface and file gave, and what became of it: the metric `pcap`.

use super::feed::Counted;
use agent_api::{Batch, Kind, Sender};
use agent_packets::{Tally, interface_number};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that were read stay in the report until there are so many sources.
const KEPT: usize = 1000;

/// All there are or were.
#[derive(Default)]
pub(super) struct Sources(Mutex<Vec<Arc<Source>>>);

/// An interface or a file.
pub(super) struct Source {
    name: String,
    live: bool,
    /// The number of its name in this process.
    pub(super) number: u16,
    totals: Mutex<Totals>,
    /// Something was counted since the last report.
    news: AtomicBool,
}

#[derive(Default)]
struct Totals {
    bytes: u64,
    filtered: u64,
    sampled: u64,
    tally: Tally,
    dropped: u64,
    interface_dropped: u64,
}

impl Sources {
    /// A source of a name, which may have been there before.
    pub(super) fn add(&self, name: &str, live: bool) -> Arc<Source> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|s| s.name == name) {
            return known.clone();
        }
        if all.len() >= KEPT {
            // One that nobody holds any more has ended.
            if let Some(ended) = all.iter().position(|s| Arc::strong_count(s) == 1 && !s.news.load(Relaxed)) {
                all.remove(ended);
            }
        }
        let source = Arc::new(Source {
            name: name.to_owned(),
            live,
            number: interface_number(name),
            totals: Mutex::default(),
            news: AtomicBool::new(true),
        });
        all.push(source.clone());
        source
    }

    /// Hands on a metric for each source with something new.
    pub(super) async fn report(&self, out: &Sender) {
        let mut batch = Batch::new();
        for source in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if source.live || source.news.load(Relaxed) {
                source.report(&mut batch);
            }
        }
        out.send(batch).await;
    }
}

impl Source {
    /// Adds what a thread has counted.
    pub(super) fn add(&self, counted: &Counted) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.bytes += counted.bytes;
        totals.filtered += counted.filtered;
        totals.sampled += counted.sampled;
        totals.tally.add(&counted.tally);
        self.news.store(true, Relaxed);
    }

    /// Adds packets for which the kernel had no room.
    pub(super) fn dropped(&self, packets: u64) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).dropped += packets;
    }

    /// Sets what the interface itself has dropped since the start.
    pub(super) fn interface_dropped(&self, packets: u64) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).interface_dropped = packets;
    }

    fn report(&self, batch: &mut Batch) {
        self.news.store(false, Relaxed);
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = &totals.tally;
        let mut metric = batch.metric("pcap");
        metric = metric.tag("source", &self.name).kind(Kind::Counter);
        metric = metric
            .field("packets_read", tally.read + totals.filtered + totals.sampled)
            .field("bytes_read", totals.bytes)
            .field("packets_filtered", totals.filtered)
            .field("packets_sampled_out", totals.sampled)
            .field("packets_in_flows", tally.in_flows);
        for (cause, packets) in tally.causes() {
            metric = metric.field(&format!("packets_{}", cause.name()), packets);
        }
        if self.live {
            metric = metric
                .field("packets_dropped", totals.dropped)
                .field("packets_dropped_interface", totals.interface_dropped);
        }
        drop(metric);
    }
}
