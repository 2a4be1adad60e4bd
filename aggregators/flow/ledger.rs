//! Packets read = packets in flows + not counted by cause, through all instances of a task: shown in `internal_flow`, checked at the stop.

use agent_api::stats::Counter;
use agent_api::{Collector, Env, Log, anyhow};
use agent_packets::flow::Ended;
use agent_packets::{Cause, Flow, Tally};

/// One instance's part; the counters are of all instances.
pub(super) struct Ledger {
    read: Counter,
    in_flows: Counter,
    not_counted: Vec<(Cause, Counter)>,
    /// Packets that instances have counted, and that they have reported.
    counted: Counter,
    reported: Counter,
    flows: Counter,
    evicted: Counter,
    held: Counter,
    /// Instances that have ended.
    ended: Counter,
    /// Flows of this instance, as it said last.
    held_here: i64,
    /// Packets, flows and evicted ones that are not in the counters yet, which all instances write to.
    unsaid: [i64; 3],
    share: (u32, u32),
    log: Log,
}

impl Ledger {
    pub(super) fn new(env: &Env) -> Self {
        let set = env.stats("flow", &[]);
        Ledger {
            read: set.counter("packets_read"),
            in_flows: set.counter("packets_in_flows"),
            not_counted: Cause::ALL
                .into_iter()
                .map(|cause| (cause, set.counter(&format!("packets_{}", cause.name()))))
                .collect(),
            counted: set.counter("packets_counted"),
            reported: set.counter("packets_reported"),
            flows: set.counter("flows_reported"),
            evicted: set.counter("flows_evicted"),
            held: set.counter("flows_held"),
            ended: set.counter("instances_ended"),
            held_here: 0,
            unsaid: [0; 3],
            share: (0, 1),
            log: env.log.clone(),
        }
    }

    pub(super) fn shares(&mut self, index: u32, of: u32) {
        self.share = (index, of);
    }

    /// Enters what became of packets; only once, though every instance is told.
    pub(super) fn read(&mut self, tally: &Tally) {
        if self.share.0 == 0 {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            self.read.add(number(tally.read));
            self.in_flows.add(number(tally.in_flows));
            for (cause, counter) in &self.not_counted {
                counter.add(number(tally.of(*cause)));
            }
        }
    }

    pub(super) fn taken(&mut self, packets: u64) {
        self.counted.add(i64::try_from(packets).unwrap_or(i64::MAX));
    }

    /// Enters a report; `say` says so.
    pub(super) fn reported(&mut self, flow: &Flow) {
        let [there, back] = flow.packets;
        let [packets, flows, evicted] = &mut self.unsaid;
        *packets = packets.saturating_add(i64::try_from(there + back).unwrap_or(i64::MAX));
        *flows += 1;
        *evicted += i64::from(flow.ended == Ended::Evicted);
    }

    /// Says what was reported.
    pub(super) fn say(&mut self) {
        let [packets, flows, evicted] = std::mem::take(&mut self.unsaid);
        self.reported.add(packets);
        self.flows.add(flows);
        self.evicted.add(evicted);
    }

    /// Says how many flows this instance holds.
    pub(super) fn held(&mut self, flows: usize) {
        let flows = i64::try_from(flows).unwrap_or(i64::MAX);
        self.held.add(flows - self.held_here);
        self.held_here = flows;
    }

    /// The last instance checks the sums and says them.
    pub(super) fn close(&mut self, cumulative: bool, out: &mut Collector) {
        self.ended.inc();
        if self.ended.read() % i64::from(self.share.1.max(1)) != 0 {
            return;
        }
        let [read, in_flows, counted, reported] =
            [&self.read, &self.in_flows, &self.counted, &self.reported].map(Counter::read);
        let causes: Vec<(Cause, i64)> =
            self.not_counted.iter().map(|(cause, n)| (*cause, n.read())).filter(|(_, n)| *n > 0).collect();
        let left_out: i64 = causes.iter().map(|(_, n)| n).sum();
        // Cumulative reports count packets again.
        if read != in_flows + left_out || counted != in_flows || (reported != counted && !cumulative) {
            out.error(anyhow!(
                "the ledger does not add up: {read} packets read, {in_flows} in flows, {left_out} not counted; {counted} counted by \
                 the tables, {reported} reported"
            ));
            return;
        }
        let causes: Vec<String> = causes.iter().map(|(cause, n)| format!("{} {n}", cause.name())).collect();
        let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
        let flows = self.flows.read();
        self.log.info(format_args!(
            "{read} packets read = {in_flows} in flows + {left_out} not counted{causes}; {flows} flow records"
        ));
    }
}
