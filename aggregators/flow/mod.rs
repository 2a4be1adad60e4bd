//! Exact flows: who talked to whom, how much, how fast and how badly.
//!
//! Takes the packets that `inputs.pcap` decodes, which come beside the metrics (`Batch::set_cargo`), so one decode serves any number of flow
//! tasks with other keys. Every instance sees every packet and counts those of its share of the keys: tables need no lock. What was
//! read is, at any time, what is in flows plus what is not counted, by cause; at the stop that is checked.

mod events;
mod geo;
mod ledger;
mod names;
mod networks;
#[cfg(test)]
mod tests;
mod write;

use agent_api::*;
use agent_packets::flow::{Keys, Settings as Counting, Table};
use agent_packets::metadata::Inspector;
use agent_packets::{Flow as Record, Packets};
use events::Events;
use geo::Geo;
use ledger::Ledger;
use networks::Networks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use write::Writer;

register!(Entry::aggregator::<Flow>());

/// One share of a flow task.
struct Flow {
    table: Table,
    writer: Writer,
    ledger: Ledger,
    events: Events,
    memory: usize,
    whole: bool,
    /// Who looked into the packets.
    inspectors: Vec<Arc<Mutex<Inspector>>>,
    /// The latest time of the last packets, and when they came: time goes on when no packets do.
    clock: Option<(i64, Instant)>,
}

/// What tells flows apart, when they end, and what is reported of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What tells flows apart.
    keys: Vec<KeyField>,
    /// Bits of IPv4 addresses that count; 24 makes networks of addresses.
    ipv4_prefix: u8,
    /// Bits of IPv6 addresses that count.
    ipv6_prefix: u8,
    /// `biflow`: one record for both directions of a conversation. `uniflow`: one for each. Keys that do not name both ends are always `uniflow`.
    direction: Direction,
    /// A flow without a packet for so long has ended; 0 is never. Times are those of the packets.
    idle_timeout: Duration,
    /// A flow is reported when it has lasted so long since its last report, and goes on; 0 is never. The period of the aggregator reports, too.
    active_timeout: Duration,
    /// A TCP connection that both ends closed, or one reset, has ended after so long without a packet; 0 is only by `idle_timeout`.
    tcp_end_timeout: Duration,
    /// `delta`: each report counts from the last one. `cumulative`: each counts from the begin of the flow.
    report: Report,
    /// Bytes that flows may take, all instances together. When they do not suffice, a new flow ends one that was not seen for long: the least
    /// recently seen of 32 others.
    memory_limit: Size,
    /// Follow TCP: latencies of the handshake, retransmissions, out of order, zero windows.
    tcp: bool,
    /// Report how sizes of packets and gaps between them are spread.
    statistics: bool,
    /// Report the community id, version 1.
    community_id: bool,
    /// The seed of community ids.
    community_id_seed: u16,
    /// Report the name of the service, by the port of the side that was called.
    service: bool,
    /// Networks that are one's own, as `10.0.0.0/8`: reports `direction` (`inbound`, `outbound`, `internal`, `external`).
    local_networks: Vec<String>,
    /// Databases in MaxMind's format (`.mmdb`) of countries, cities or autonomous systems: reports what they say of both ends.
    geoip_databases: Vec<String>,
    /// Report an event for each report of a flow with more than so many bytes; 0 is never.
    flow_above: Size,
    /// Report an event for an address and port that accepts TCP connections and was not seen to before. What is seen in the first period is known.
    new_listeners: bool,
    /// Report an event for an address and port with more than so many connections of TCP in a period that are begun but not completed; 0 is never.
    syn_flood_above: u64,
    /// Report an event for who tries more than so many addresses and ports in a period by TCP without success; 0 is never.
    scan_above: u64,
    /// What is reported as a tag, of the keys and `end_reason`, `service`, `direction`, `tunnel_type`, `src_country`, `dst_country`, `src_asn`,
    /// `dst_asn`, `tcp_state`. Everything else is a field.
    tags: Vec<String>,
    /// Divide the flows between all cores; not with the last three events, for which all flows of a host have to be in one place.
    sharded: bool,
}

impl Default for Settings {
    fn default() -> Self {
        use KeyField::*;
        Settings {
            keys: vec![Src, Dst, SrcPort, DstPort, Protocol, Vni],
            ipv4_prefix: 32,
            ipv6_prefix: 128,
            direction: Direction::Biflow,
            idle_timeout: Duration::secs(60),
            active_timeout: Duration::secs(300),
            tcp_end_timeout: Duration::secs(5),
            report: Report::Delta,
            memory_limit: Size(256 << 20),
            tcp: true,
            statistics: false,
            community_id: false,
            community_id_seed: 0,
            service: false,
            local_networks: Vec::new(),
            geoip_databases: Vec::new(),
            flow_above: Size(0),
            new_listeners: false,
            syn_flood_above: 0,
            scan_above: 0,
            tags: vec!["protocol".to_owned()],
            sharded: true,
        }
    }
}

/// What can be in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KeyField {
    Src,
    Dst,
    SrcPort,
    DstPort,
    Protocol,
    Vlan,
    Vni,
    SrcMac,
    DstMac,
    Tos,
    Interface,
}

/// How many records a conversation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Biflow,
    Uniflow,
}

/// From when reports count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Report {
    Delta,
    Cumulative,
}

impl Plugin for Flow {
    const NAME: &'static str = "flow";
    const ABOUT: &'static str = "Counts the flows of captured packets, exactly.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.keys.is_empty(), "keys: without any, nothing tells flows apart");
        ensure!(settings.ipv4_prefix <= 32, "ipv4_prefix: an address has 32 bits, not {}", settings.ipv4_prefix);
        ensure!(settings.ipv6_prefix <= 128, "ipv6_prefix: an address has 128 bits, not {}", settings.ipv6_prefix);
        ensure!(settings.memory_limit.0 >= 1 << 20, "memory_limit: {} is less than 1MiB", settings.memory_limit);
        let time = |d: Duration| (!d.is_zero()).then(|| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX));
        let has = |field| settings.keys.contains(&field);
        let keys = Keys {
            src: has(KeyField::Src),
            dst: has(KeyField::Dst),
            src_port: has(KeyField::SrcPort),
            dst_port: has(KeyField::DstPort),
            protocol: has(KeyField::Protocol),
            vlan: has(KeyField::Vlan),
            network: has(KeyField::Vni),
            src_mac: has(KeyField::SrcMac),
            dst_mac: has(KeyField::DstMac),
            tos: has(KeyField::Tos),
            interface: has(KeyField::Interface),
            ipv4_prefix: settings.ipv4_prefix,
            ipv6_prefix: settings.ipv6_prefix,
        };
        let flows = Counting {
            keys,
            uniflow: settings.direction == Direction::Uniflow,
            tcp: settings.tcp && keys.conversation(),
            spreads: settings.statistics,
            max_flows: 1,
            idle: time(settings.idle_timeout),
            active: time(settings.active_timeout),
            closed: time(settings.tcp_end_timeout).filter(|_| keys.conversation()),
            cumulative: settings.report == Report::Cumulative,
            share: (0, 1),
        };
        let networks = Networks::new(&settings.local_networks).context("local_networks")?;
        let memory = usize::try_from(settings.memory_limit.0).unwrap_or(usize::MAX);
        let table = Table::new(Counting { max_flows: flows.flows_in(memory), ..flows });
        let events = Events::new(&settings, table.settings(), env)?;
        Ok(Flow {
            writer: Writer::new(&settings, *table.settings(), networks, Geo::new(&settings.geoip_databases))?,
            table,
            ledger: Ledger::new(env),
            memory,
            whole: !settings.sharded || events.of_hosts(),
            events,
            inspectors: Vec::new(),
            clock: None,
        })
    }
}

impl Aggregator for Flow {
    fn scope(&self) -> Scope {
        if self.whole { Scope::Everything } else { Scope::Series }
    }

    fn share(&mut self, index: usize, of: usize) {
        let (index, of) = (u32::try_from(index).unwrap_or(0), u32::try_from(of).unwrap_or(1));
        let settings = *self.table.settings();
        let max_flows = settings.flows_in(self.memory / of.max(1) as usize);
        self.table = Table::new(Counting { share: (index, of), max_flows, ..settings });
        self.ledger.shares(index, of);
        if index > 0 {
            self.writer.geo.quiet();
        }
    }

    /// Metrics are nothing to it.
    fn add(&mut self, _: MetricRef<'_>) {}

    fn loads(&self) -> bool {
        true
    }

    fn load(&mut self, cargo: &Cargo, out: &mut Collector) {
        let Some(packets) = cargo.downcast_ref::<Packets>() else { return };
        self.ledger.read(&packets.tally);
        if let Some(inspector) = &packets.inspector
            && self.inspectors.len() < SOURCES
            && !self.inspectors.iter().any(|known| Arc::ptr_eq(known, inspector))
        {
            self.inspectors.push(inspector.clone());
        }
        if let Some(latest) = packets.latest() {
            self.clock = Some((latest, Instant::now()));
        }
        let before = self.table.taken();
        self.table.add(packets);
        self.ledger.taken(self.table.taken() - before);
        self.hand_on(out);
    }

    fn flush(&mut self, out: &mut Collector) {
        let Some(now) = self.now() else { return };
        self.writer.geo.refresh(out);
        self.table.sweep(now);
        self.hand_on(out);
        let Flow { table, writer, ledger, events, inspectors, .. } = self;
        table.report(now, &mut |flow| put(&flow, inspectors, writer, ledger, events, out));
        self.events.report(now, out);
        self.ledger.say();
        self.ledger.held(self.table.len());
    }

    fn finish(&mut self, out: &mut Collector) {
        let Flow { table, writer, ledger, events, inspectors, .. } = self;
        table.finish(&mut |flow| put(&flow, inspectors, writer, ledger, events, out));
        if let Some((latest, _)) = self.clock {
            self.events.report(latest, out);
        }
        self.ledger.say();
        self.ledger.held(0);
        self.ledger.close(self.table.settings().cumulative, out);
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.held_bytes())
    }
}

impl Flow {
    /// Writes what is complete.
    fn hand_on(&mut self, out: &mut Collector) {
        let Flow { table, writer, ledger, events, inspectors, .. } = self;
        let ended = table.ended();
        // Few batches of reports are larger than these.
        out.batch().reserve(ended.len().min(512), 24, 96);
        ended.for_each(|flow| put(&flow, inspectors, writer, ledger, events, out));
        ledger.say();
    }

    /// The time of the packets' clock, which goes on when none come.
    fn now(&self) -> Option<i64> {
        let (latest, came) = self.clock?;
        Some(latest.saturating_add(i64::try_from(came.elapsed().as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// Sources of packets whose flows are looked up.
const SOURCES: usize = 64;

fn put(
    flow: &Record,
    inspectors: &[Arc<Mutex<Inspector>>],
    writer: &mut Writer,
    ledger: &mut Ledger,
    events: &mut Events,
    out: &mut Collector,
) {
    ledger.reported(flow);
    events.flow(flow, out);
    let show = |inspector: &Arc<Mutex<Inspector>>| inspector.lock().unwrap_or_else(PoisonError::into_inner).show(flow);
    let metadata = inspectors.iter().map(show).find(|m| !m.is_empty());
    writer.write(flow, metadata.as_ref(), out);
    out.checkpoint();
}
