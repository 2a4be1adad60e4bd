//! Counts and sums up what programs send in the line format of statsd, by UDP or TCP, and tells it once an interval.
//!
//! A thread of its own takes datagrams hundreds at a time and counts them where they lie (`table`); nothing is queued between
//! receiving and counting, so there is nothing to overflow but the kernel's buffer, whose drops are counted.

mod event;
pub(crate) mod fuzz;
mod line;
mod name;
mod packet;
mod running;
mod table;
mod tcp;

#[cfg(test)]
mod tests;

use crate::sockets::{Bound, Connections, Gate};
use agent_api::*;
use agent_net::server::{Address, Drops, Listener as Socket, Packets, Waker};
use line::datadog_tags;
use name::Naming;
use packet::Intake;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use table::Rules;

register!(Entry::listener::<Statsd>());

/// The server.
struct Statsd {
    settings: Settings,
    address: Address,
    intake: Arc<Intake>,
    env: Env,
    bound: Option<Bound>,
}

/// The task that receives.
type Receiving = tokio::task::JoinHandle<Result<()>>;

/// A statsd server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// `udp`, `udp4`, `udp6`, `tcp`, `tcp4` or `tcp6`.
    protocol: String,
    /// Address and port to listen on.
    service_address: String,
    /// TCP connections at a time; more are turned away.
    max_tcp_connections: usize,
    /// Lets the system probe silent TCP connections.
    tcp_keep_alive: bool,
    /// Time after which a silent TCP connection is probed; 0 leaves it to the system.
    tcp_keep_alive_period: Duration,
    /// Counters begin at 0 at every interval; else they go on.
    delete_counters: bool,
    /// Gauges are told only in the interval of a value; else at every interval.
    delete_gauges: bool,
    /// Sets begin empty at every interval; else they grow.
    delete_sets: bool,
    /// Timings and histograms begin anew at every interval; else they go on.
    delete_timings: bool,
    /// Percentiles of timings and histograms, 0 to 100: fields such as `90_percentile`.
    percentiles: Vec<f64>,
    /// Values of a timing that are kept for percentiles; of more a random sample.
    percentile_limit: usize,
    /// What joins the parts of a name in place of dots.
    metric_separator: String,
    /// Tags, events, service checks, containers and packed values of Datadog's dialect.
    datadog_extensions: bool,
    /// Distributions of Datadog's dialect (type `d`): each value is a metric. Needs `datadog_extensions`.
    datadog_distributions: bool,
    /// The container of Datadog's dialect becomes the tag `container`.
    datadog_keep_container_tag: bool,
    /// Cut names into measurement, tags and field: `[[separator] filter] template [tag=value,...]`.
    templates: Vec<String>,
    /// Accepted for older configurations: nothing is queued between receiving and counting.
    allowed_pending_messages: i64,
    /// Accepted for older configurations: one thread receives and counts.
    number_workers_threads: i64,
    /// Size of the system's receive buffer in bytes; 0 asks for 8 MiB.
    read_buffer_size: usize,
    /// Time after its last value at which a bucket that is not deleted at every interval is forgotten; 0 means never.
    max_ttl: Duration,
    /// `upstream` cleans names as statsd itself does: only letters, digits and `_-.` stay.
    sanitize_name_method: String,
    /// Turns dots of a name into `_` and dashes into `__`; `templates` can do more.
    convert_names: bool,
    /// Counters are floats.
    float_counters: bool,
    /// Counts of timings are floats.
    float_timings: bool,
    /// Counts of sets are floats.
    float_sets: bool,
    /// Counters get the tag `temporality` (`delta` or `cumulative`), and all metrics the field `start_time`.
    enable_aggregation_temporality: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            protocol: "udp".to_owned(),
            service_address: ":8125".to_owned(),
            max_tcp_connections: 250,
            tcp_keep_alive: false,
            tcp_keep_alive_period: Duration::default(),
            delete_counters: true,
            delete_gauges: true,
            delete_sets: true,
            delete_timings: true,
            percentiles: Vec::new(),
            percentile_limit: 1000,
            metric_separator: "_".to_owned(),
            datadog_extensions: false,
            datadog_distributions: false,
            datadog_keep_container_tag: false,
            templates: Vec::new(),
            allowed_pending_messages: 10_000,
            number_workers_threads: 5,
            read_buffer_size: 0,
            max_ttl: Duration::default(),
            sanitize_name_method: String::new(),
            convert_names: false,
            float_counters: false,
            float_timings: false,
            float_sets: false,
            enable_aggregation_temporality: false,
        }
    }
}

/// Most bytes that names, tags and set members may take: whoever can send can invent names.
const MAX_BYTES: usize = 1 << 30;

impl Settings {
    fn rules(&self) -> Result<Rules> {
        for percent in &self.percentiles {
            ensure!((0.0..=100.0).contains(percent), "percentiles: {percent} is not between 0 and 100");
        }
        Ok(Rules {
            naming: Naming::new(
                &self.templates,
                &self.metric_separator,
                &self.sanitize_name_method,
                self.convert_names,
            )?,
            datadog: self.datadog_extensions,
            distributions: self.datadog_extensions && self.datadog_distributions,
            keep_container: self.datadog_keep_container_tag,
            delete_counters: self.delete_counters,
            delete_gauges: self.delete_gauges,
            delete_sets: self.delete_sets,
            delete_timings: self.delete_timings,
            percentiles: self.percentiles.clone(),
            percentile_limit: if self.percentile_limit == 0 { 1000 } else { self.percentile_limit },
            float_counters: self.float_counters,
            float_timings: self.float_timings,
            float_sets: self.float_sets,
            temporality: self.enable_aggregation_temporality,
            max_ttl: (!self.max_ttl.is_zero()).then_some(*self.max_ttl),
            max_bytes: MAX_BYTES,
        })
    }
}

impl Plugin for Statsd {
    const NAME: &'static str = "statsd";
    const ABOUT: &'static str =
        "Receives the counters, gauges, timings and sets that programs send to a statsd server.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let address = match settings.protocol.as_str() {
            scheme @ ("udp" | "udp4" | "udp6" | "tcp" | "tcp4" | "tcp6") => {
                Address::parse(&settings.service_address, scheme).context("service_address")?
            }
            other => bail!("protocol {other:?} is unknown, expected udp, udp4, udp6, tcp, tcp4 or tcp6"),
        };
        let stats = env.stats("statsd", &[("address", &settings.service_address)]);
        let intake = Arc::new(Intake::new(settings.rules()?, env.now(), &stats));
        Ok(Statsd { settings, address, intake, env: env.clone(), bound: None })
    }

    fn migrate(table: &mut options::Table, notes: &mut Vec<String>) {
        if table.rename("parse_data_dog_tags", "datadog_extensions") {
            notes.push("parse_data_dog_tags is now datadog_extensions".to_owned());
        }
        if table.remove("udp_packet_size").is_some() {
            notes.push("udp_packet_size means nothing any more, packets may be of any size".to_owned());
        }
    }
}

impl Listener for Statsd {
    async fn open(&mut self) -> Result<(), StartError> {
        let buffer = Some(self.settings.read_buffer_size).filter(|n| *n > 0);
        self.bound = Some(match &self.address {
            Address::Udp(..) => {
                let packets = Packets::bind(&self.address, None, buffer).await?;
                // Only events of DogStatsD say where they are from.
                Bound::Packets(if self.settings.datadog_extensions { packets } else { packets.without_senders() })
            }
            address => Bound::Connections(Socket::bind(address, None).await?),
        });
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let bound = self.bound.take().context("listen: not open")?;
        let (mut running, waker, drops) = self.start(bound, &out, stop.clone())?;
        let mut dropped = 0;
        let ended = loop {
            tokio::select! {
                biased;
                // At the stop it may end before this task is told of it.
                ended = &mut running => break Some(ended),
                request = stop.next() => {
                    let Some(request) = request else { break None };
                    if let Some(now) = drops.as_ref().and_then(Drops::read) {
                        self.intake.stats.udp_drops.add(now - dropped);
                        dropped = now;
                    }
                    self.tell(&out, false).await;
                    drop(request);
                }
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        let ended = match ended {
            Some(ended) => ended,
            None => running.await,
        };
        // What has come since the last interval would be lost.
        self.tell(&out, true).await;
        ended.context("receive")?
    }
}

impl Statsd {
    /// Starts to receive: a task that ends with the stop, who wakes it, and who knows what the kernel dropped.
    fn start(&self, bound: Bound, out: &Sender, stop: Stop) -> Result<(Receiving, Option<Waker>, Option<Drops>)> {
        let (intake, out) = (self.intake.clone(), out.clone());
        Ok(match bound {
            Bound::Packets(packets) => {
                self.env.log.info(format_args!("listening on {}", self.settings.service_address));
                let (waker, drops) = (packets.waker(), packets.drops());
                let receive = move || packet::receive(packets, &intake, &out, &stop);
                (tokio::task::spawn_blocking(receive), Some(waker), drops)
            }
            Bound::Connections(socket) => {
                self.env.log.info(format_args!("listening on {}", self.settings.service_address));
                let most = self.settings.max_tcp_connections;
                intake.stats.tcp_max.set(i64::try_from(most).unwrap_or(i64::MAX));
                let server = Connections {
                    gate: Arc::new(Gate::new("identity", Size(0), &[])?),
                    tls: None,
                    most: Some(most),
                    read_timeout: None,
                    keep_alive: self.keep_alive(),
                    receive_buffer: None,
                    open: intake.stats.tcp_current.clone(),
                    bytes: intake.stats.tcp_bytes.clone(),
                    log: self.env.log.clone(),
                    out: out.clone(),
                    protocol: tcp::Transport { intake, out },
                };
                (tokio::spawn(meter::inherit(server.serve(socket, stop))), None, None)
            }
        })
    }

    /// After what time the system probes a silent connection, two hours where none is given; None means never.
    fn keep_alive(&self) -> Option<std::time::Duration> {
        let period = *self.settings.tcp_keep_alive_period;
        let period = if period.is_zero() { std::time::Duration::from_secs(7200) } else { period };
        self.settings.tcp_keep_alive.then_some(period)
    }

    /// Tells what has come, piece by piece; receiving goes on meanwhile.
    async fn tell(&self, out: &Sender, last: bool) {
        let now = self.env.now();
        let mut batch = Batch::new();
        self.intake.with(|table| {
            table.tick();
            table.end_round();
            table.emit_distributions(now, &mut batch);
        });
        let mut at = Some(0);
        while let Some(from) = at {
            at = self.intake.with(|table| table.emit(from, last, now, &mut batch));
            if !batch.is_empty() {
                out.send(batch.take()).await;
            }
        }
        self.intake.with(|table| table.begin_round(now));
    }
}
