//! Interfaces of this host: which, with which rights, and a thread for each ring.

use super::feed::Feed;
use super::sources::Source;
use super::{Settings, Shared};
use agent_api::{Result, Sender, StartError, Stop, anyhow, ensure};
use agent_capture::{Filter, Instruction, Options, Ring, interfaces};
use agent_golang::glob::Glob;
use agent_packets::Record;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// So long a thread waits for packets before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// So long a thread goes on after the stop, if packets keep coming.
const DRAINING: Duration = Duration::from_millis(500);
/// How often the kernel is asked what it dropped.
const COUNTING: Duration = Duration::from_secs(1);
/// Interfaces at once.
const MAX_INTERFACES: usize = 256;

/// Interfaces that are wanted, and those that are captured from.
pub(super) struct Live {
    wanted: Vec<Glob>,
    /// All that are up.
    any: bool,
    /// Names without wildcards, which have to be there.
    plain: Vec<String>,
    options: Options,
    workers: usize,
    /// Opened, not yet started.
    opened: Vec<Interface>,
    running: HashMap<String, Vec<oneshot::Receiver<()>>>,
}

/// An interface with its rings.
struct Interface {
    name: String,
    link: u16,
    rings: Vec<Ring>,
}

impl Live {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let is_any = |name: &String| name == "any" || name == "*";
        let named: Vec<&String> = settings.interfaces.iter().filter(|name| !is_any(name)).collect();
        let wanted = named.iter().map(|name| Glob::compile(name, &[])).collect::<Result<_, _>>();
        let plain = named.iter().filter(|name| !name.contains(['*', '?', '[', '{'])).map(|n| (*n).clone()).collect();
        ensure!(settings.workers <= 1024, "workers: {} are too many", settings.workers);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Live {
            wanted: wanted.map_err(|e| anyhow!("interfaces: {e}"))?,
            any: settings.interfaces.iter().any(is_any),
            plain,
            options: Options {
                promiscuous: settings.promiscuous,
                ring: usize::try_from(settings.ring_size.0).unwrap_or(usize::MAX),
            },
            workers: if settings.workers == 0 { cores } else { settings.workers },
            opened: Vec::new(),
            running: HashMap::new(),
        })
    }

    /// Opens the rings of all interfaces that are wanted.
    pub(super) fn open(&mut self, shared: &Shared) -> Result<(), StartError> {
        self.opened.clear();
        let mut names = self.present();
        names.extend(self.plain.iter().filter(|name| !self.present().contains(name)).cloned());
        for name in names {
            let interface = self.interface(&name, shared).map_err(|e| match e {
                Failure::Interface(e) => StartError::Retry(explained(&name, &e)),
                Failure::Other(e) => StartError::Fatal(e),
            })?;
            self.opened.push(interface);
        }
        Ok(())
    }

    /// Starts the threads of what was opened.
    pub(super) fn start(&mut self, shared: &Arc<Shared>, out: &Sender, stop: &Stop) {
        for Interface { name, link, rings } in std::mem::take(&mut self.opened) {
            let workers = rings.len();
            shared.log.info(format_args!("capturing from {name}, workers: {workers}"));
            let mut ended = Vec::new();
            for ring in rings {
                let source = shared.sources.add(&name, true);
                // The kernel has run the filter.
                let feed = Feed::new(None, shared.options.clone(), out.clone(), true, source.clone());
                let worker = Worker { name: name.clone(), link, ring, feed, source };
                let (done, end) = oneshot::channel::<()>();
                let (stop, out) = (stop.clone(), out.clone());
                let thread = std::thread::Builder::new().name(format!("pcap-{name}")).spawn(move || {
                    let name = worker.name.clone();
                    if let Err(e) = worker.run(&stop) {
                        out.error(anyhow!("capture from {name}: {e}"));
                    }
                    drop(done);
                });
                match thread {
                    Ok(_) => ended.push(end),
                    Err(e) => shared.log.error(format_args!("start a thread: {e}")),
                }
            }
            self.running.insert(name, ended);
        }
    }

    /// Takes up interfaces that have come, or have come back.
    pub(super) fn look_again(&mut self, shared: &Arc<Shared>, out: &Sender, stop: &Stop) {
        self.running
            .retain(|_, ended| ended.iter_mut().any(|end| end.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
        for name in self.present().into_iter().filter(|name| !self.running.contains_key(name)).collect::<Vec<_>>() {
            if let Ok(interface) = self.interface(&name, shared) {
                self.opened.push(interface);
            }
        }
        self.start(shared, out, stop);
    }

    /// Waits until all threads have ended, after they were told to.
    pub(super) async fn ended(&mut self) {
        for end in self.running.drain().flat_map(|(_, ends)| ends) {
            // It says nothing: it is dropped.
            let _ended = end.await;
        }
    }

    /// The interfaces of this host that are wanted, sorted.
    fn present(&self) -> Vec<String> {
        if !self.any && self.wanted.is_empty() {
            return Vec::new();
        }
        let wanted = |name: &str| self.wanted.iter().any(|glob| glob.is_match(name));
        let present = interfaces().unwrap_or_default().into_iter().filter(|i| (self.any && i.up) || wanted(&i.name));
        present.map(|i| i.name).take(MAX_INTERFACES).collect()
    }

    fn interface(&self, name: &str, shared: &Shared) -> Result<Interface, Failure> {
        // The numbers of the kernel (linux/if_arp.h) as those of files. One that is not there is said when it is opened.
        let kind = interfaces().unwrap_or_default().into_iter().find(|i| i.name == name).map_or(1, |i| i.kind);
        let link = match kind {
            1 | 772 => 1,
            512 => 9,
            801 => 105,
            803 => 127,
            // Tunnels without a header of their own.
            65534 | 768 | 769 | 776 | 778 | 823 => 101,
            _ => return Err(Failure::Other(anyhow!("interface {name:?} has links of the unknown kind {kind}"))),
        };
        // The last step of a filter says how much of a packet goes into the ring.
        let all = || Filter::new(vec![Instruction { code: 6, jt: 0, jf: 0, k: shared.options.snaplen }]);
        let filter = match shared.filters.of(link).map_err(Failure::Other)? {
            Some(filter) => filter,
            None => all().map_err(|e| Failure::Other(anyhow!("{e}")))?,
        };
        let rings: Vec<Ring> = (0..self.workers)
            .map(|_| Ring::open(name, self.options, Some(&filter)))
            .collect::<io::Result<_>>()
            .map_err(Failure::Interface)?;
        if rings.len() > 1 {
            // Other groups of this process, and of others, have other numbers.
            static GROUPS: AtomicU16 = AtomicU16::new(0);
            let process = (std::process::id() & 0xff) as u16;
            let group = process << 8 | (GROUPS.fetch_add(1, Ordering::Relaxed) & 0xff);
            rings.iter().try_for_each(|ring| ring.join(group)).map_err(Failure::Interface)?;
        }
        Ok(Interface { name: name.to_owned(), link, rings })
    }
}

enum Failure {
    Interface(io::Error),
    Other(agent_api::Error),
}

/// What a user can do about it.
fn explained(name: &str, error: &io::Error) -> agent_api::Error {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return anyhow!("open interface {name:?}: {error}");
    }
    let program = std::env::current_exe().map_or_else(|_| "agent".to_owned(), |path| path.display().to_string());
    anyhow!(
        "open interface {name:?}: {error}; capturing needs CAP_NET_RAW: run `sudo setcap cap_net_raw+ep {program}`, or set \
         AmbientCapabilities=CAP_NET_RAW in the systemd unit, or give a container `--cap-add NET_RAW`"
    )
}

/// A thread that captures.
struct Worker {
    name: String,
    link: u16,
    ring: Ring,
    feed: Feed,
    source: Arc<Source>,
}

impl Worker {
    fn run(mut self, stop: &Stop) -> io::Result<()> {
        let before = self.interface_dropped();
        let mut counted = Instant::now();
        let loopback = self.name == "lo";
        let mut ended: Option<Instant> = None;
        let result = loop {
            let mut quiet = false;
            match self.ring.block(PATIENCE) {
                Ok(Some(block)) => {
                    block.each(|frame| {
                        // Loopback shows every packet twice: when it goes out and when it comes in.
                        if loopback && frame.outgoing {
                            return;
                        }
                        let length = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
                        let tag = if frame.vlan.is_some() { 4 } else { 0 };
                        let record = Record {
                            time: frame.time,
                            start: 0,
                            captured: length,
                            wire: frame.wire.max(length) + tag,
                            link: self.link,
                            interface: 0,
                        };
                        self.feed.take(record, frame.bytes, frame.vlan);
                    });
                }
                Ok(None) => quiet = true,
                Err(e) => break Err(e),
            }
            // Few packets are not held back until there are many.
            self.feed.send();
            if counted.elapsed() >= COUNTING {
                counted = Instant::now();
                self.count_drops(before);
            }
            if ended.is_none() && stop.is_stopped() {
                ended = Some(Instant::now());
            }
            // What was captured before the stop may still be in a block that is not full.
            if ended.is_some_and(|since| quiet || since.elapsed() > DRAINING) {
                break Ok(());
            }
        };
        self.count_drops(before);
        result
    }

    fn count_drops(&self, before: u64) {
        if let Ok(drops) = self.ring.drops() {
            self.source.dropped(u64::from(drops.dropped));
        }
        self.source.interface_dropped(self.interface_dropped().saturating_sub(before));
    }

    fn interface_dropped(&self) -> u64 {
        interfaces().unwrap_or_default().iter().find(|i| i.name == self.name).map_or(0, |i| i.dropped)
    }
}
