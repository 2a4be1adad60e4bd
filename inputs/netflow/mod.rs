//! Collects flows that routers, switches, firewalls and probes export: NetFlow version 5 and 9, IPFIX, sFlow version 5.
//!
//! A thread of its own takes datagrams hundreds at a time and reads them where they lie. Templates are read once, into a list of what
//! each value of a record becomes; a record then costs its fields and nothing else.

mod decoder;
mod elements;
mod flow;
pub(crate) mod fuzz;
mod names;
mod sample;
mod sflow;
mod template;
mod value;
mod wire;

#[cfg(test)]
mod tests;

use agent_api::*;
use agent_net::server::{Address, Drops, Packets};
use decoder::{Decoder, Out, Protocol};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

register!(Entry::listener::<Netflow>());

/// The collector.
struct Netflow {
    settings: Settings,
    address: Address,
    protocol: Protocol,
    stats: Stats,
    env: Env,
    bound: Option<(Packets, Decoder)>,
}

#[derive(Clone)]
struct Stats {
    packets: stats::Counter,
    bytes: stats::Counter,
    records: stats::Counter,
    bad: stats::Counter,
    dropped: stats::Counter,
    templates: stats::Counter,
    missing: stats::Counter,
}

/// A collector of flows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to listen: `udp://:2055`; `udp4` or `udp6` for one version of IP only.
    service_address: String,
    /// Size of the system's receive buffer; 0 asks for 8 MiB.
    read_buffer_size: Size,
    /// What is sent: `ipfix` or `netflow v9` (each takes both), `netflow v5`, or `sflow v5`; empty means `ipfix`.
    protocol: String,
    /// Files that name elements of enterprises: lines `enterprise.number,name,type` with a type of `uint`, `int`, `float`, `bool`, `hex`,
    /// `string`, `ip`, `mac` or `proto`; `#` begins a comment.
    private_enterprise_number_files: Vec<String>,
    /// Writes packets to the log at level debug; at level trace they always are.
    dump_packets: bool,
}

impl Plugin for Netflow {
    const NAME: &'static str = "netflow";
    const ABOUT: &'static str = "Collects flows: NetFlow version 5 and 9, IPFIX, sFlow version 5.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.service_address.is_empty(), "service_address is needed, such as \"udp://:2055\"");
        let address = Address::parse(&settings.service_address, "udp").context("service_address")?;
        let text = &settings.service_address;
        ensure!(matches!(address, Address::Udp(..)), "service_address: {text:?} is not udp, udp4 or udp6");
        let files = !settings.private_enterprise_number_files.is_empty();
        let protocol = match settings.protocol.to_lowercase().as_str() {
            "" | "ipfix" | "netflow v9" => Protocol::Flows,
            "netflow v5" => Protocol::V5,
            "sflow" | "sflow v5" => Protocol::Sflow,
            _ => bail!(
                "protocol {:?} is unknown, expected \"ipfix\", \"netflow v5\", \"netflow v9\" or \"sflow v5\"",
                settings.protocol
            ),
        };
        if files && protocol != Protocol::Flows {
            env.log.warn(format_args!("private_enterprise_number_files means nothing to {}", settings.protocol));
        }
        let set = env.stats("netflow", &[("address", &settings.service_address)]);
        let stats = Stats {
            packets: set.counter("packets_received"),
            bytes: set.counter("bytes_received"),
            records: set.counter("records"),
            bad: set.counter("packets_bad"),
            dropped: set.counter("packets_dropped"),
            templates: set.counter("templates"),
            missing: set.counter("sets_without_template"),
        };
        Ok(Netflow { address, protocol, stats, env: env.clone(), settings, bound: None })
    }
}

impl Listener for Netflow {
    async fn open(&mut self) -> Result<(), StartError> {
        let mut decoder = Decoder::new(self.protocol, self.env.log.clone(), self.stats.missing.clone());
        for file in &self.settings.private_enterprise_number_files {
            decoder.elements.add_file(Path::new(file)).context("private_enterprise_number_files")?;
        }
        if let Some(stored) = self.env.state.load() {
            decoder.templates.restore(stored, &decoder.elements);
        }
        self.stats.templates.set(decoder.templates.len() as i64);
        let buffer = usize::try_from(self.settings.read_buffer_size.0).ok().filter(|n| *n > 0);
        self.bound = Some((Packets::bind(&self.address, None, buffer).await?, decoder));
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let (packets, decoder) = self.bound.take().context("listen: not open")?;
        self.env.log.info(format_args!("listening on {}", self.settings.service_address));
        self.env.log.debug(format_args!("{} elements of enterprises are named", decoder.elements.private_len()));
        let (waker, drops) = (packets.waker(), packets.drops());
        let decoder = Arc::new(Mutex::new(decoder));
        let intake = Intake {
            decoder: decoder.clone(),
            stats: self.stats.clone(),
            log: self.env.log.clone(),
            dump: self.settings.dump_packets,
        };
        let ends = stop.clone();
        let mut running = tokio::task::spawn_blocking(move || intake.receive(packets, &out, &ends));
        let mut dropped = 0;
        loop {
            tokio::select! {
                biased;
                ended = &mut running => {
                    self.store(&decoder);
                    return ended.context("receive")?;
                }
                request = stop.next() => {
                    if let Some(now) = drops.as_ref().and_then(Drops::read) {
                        self.stats.dropped.add(now - dropped);
                        dropped = now;
                    }
                    if request.is_none() {
                        break;
                    }
                    self.store(&decoder);
                }
            }
        }
        waker.wake();
        let ended = running.await.context("receive")?;
        self.store(&decoder);
        ended
    }
}

impl Netflow {
    /// Stores the templates if they have changed.
    fn store(&self, decoder: &Mutex<Decoder>) {
        let changes = {
            let templates = &mut decoder.lock().unwrap_or_else(PoisonError::into_inner).templates;
            self.stats.templates.set(templates.len() as i64);
            templates.changes()
        };
        if let Some(all) = changes {
            self.env.state.store(&all);
        }
    }
}

/// The thread that receives.
struct Intake {
    decoder: Arc<Mutex<Decoder>>,
    stats: Stats,
    log: Log,
    dump: bool,
}

/// A batch is handed on when it has so many metrics.
const FULL: usize = 1000;

impl Intake {
    fn receive(&self, packets: Packets, out: &Sender, stop: &Stop) -> Result<()> {
        let mut receiver = packets.receiver();
        let mut batch = Batch::new();
        while !stop.is_stopped() {
            let count = receiver.receive()?;
            let mut bad = ParseError::default();
            let mut bytes = 0;
            for packet in receiver.iter().filter(|p| !p.bytes.is_empty()) {
                bytes += packet.bytes.len();
                self.dump(packet.bytes);
                let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
                decoder.packet(packet.from, packet.bytes, &mut Out { batch: &mut batch, bad: &mut bad });
                drop(decoder);
                if batch.len() >= FULL {
                    self.hand_on(&mut batch, out);
                }
            }
            self.hand_on(&mut batch, out);
            self.stats.packets.add(count as i64);
            self.stats.bytes.add(bytes as i64);
            if bad.bad > 0 {
                self.stats.bad.add(bad.bad as i64);
                out.error(anyhow!("read packets: {bad}"));
            }
        }
        Ok(())
    }

    fn hand_on(&self, batch: &mut Batch, out: &Sender) {
        if !batch.is_empty() {
            self.stats.records.add(batch.len() as i64);
            out.send_live_blocking(batch.take());
        }
    }

    fn dump(&self, packet: &[u8]) {
        let traced = self.log.enabled(log::Level::Trace);
        if traced || self.dump && self.log.enabled(log::Level::Debug) {
            let mut digits = String::with_capacity(2 * packet.len());
            for byte in packet {
                // Writing to a String does not fail.
                let _infallible = write!(digits, "{byte:02x}");
            }
            match traced {
                true => self.log.trace(format_args!("raw data: {digits}")),
                false => self.log.debug(format_args!("raw data: {digits}")),
            }
        }
    }
}
