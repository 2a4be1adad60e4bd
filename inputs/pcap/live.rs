//! Interfaces of this host: opened in the way that serves, and a thread for each ring.

use super::feed::Feed;
use super::sources::Source;
use super::wanted::{Wanted, all, label, others, shown};
use super::{Method, Settings, Shared};
use agent_api::{Result, Sender, StartError, Stop, anyhow, ensure};
use agent_capture::{Capture, Device, LIBRARY, Options, Session};
#[cfg(target_os = "linux")]
use agent_capture::{Ring, interfaces};
use agent_packets::Record;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// So long a thread waits for packets before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// So long a thread goes on after the stop, if packets keep coming.
const DRAINING: Duration = Duration::from_millis(500);
/// How often it is asked what was dropped.
const COUNTING: Duration = Duration::from_secs(1);

/// Interfaces that are wanted, and those that are captured from.
pub(super) struct Live {
    wanted: Arc<Wanted>,
    method: Method,
    options: Options,
    #[cfg(target_os = "linux")]
    workers: usize,
    /// Opened, not yet started.
    opened: Vec<Interface>,
    running: HashMap<String, Vec<oneshot::Receiver<()>>>,
}

/// An open interface.
struct Interface {
    device: Device,
    link: u16,
    /// Between which its packets are divided.
    captures: Vec<Capture>,
}

impl Live {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        ensure!(settings.workers <= 1024, "workers: {} are too many", settings.workers);
        if !settings.interfaces.is_empty() {
            let linux = cfg!(target_os = "linux");
            ensure!(linux || settings.method != Method::AfPacket, "method: only Linux has AF_PACKET");
            ensure!(
                settings.workers <= 1 || (linux && settings.method != Method::Libpcap),
                "workers: only AF_PACKET divides the packets of an interface; the library gives them to one"
            );
        }
        #[cfg(target_os = "linux")]
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Live {
            wanted: Arc::new(Wanted::new(settings)?),
            method: settings.method,
            options: Options {
                promiscuous: settings.promiscuous,
                ring: usize::try_from(settings.ring_size.0).unwrap_or(usize::MAX),
                snaplen: settings.snaplen,
            },
            #[cfg(target_os = "linux")]
            workers: if settings.workers == 0 { cores() } else { settings.workers },
            opened: Vec::new(),
            running: HashMap::new(),
        })
    }

    /// Opens all interfaces that are wanted; true if there is one, so that the filter is known to be one.
    pub(super) fn open(&mut self, shared: &Shared) -> Result<bool, StartError> {
        self.opened.clear();
        let mut devices = self.wanted.present().map_err(|e| StartError::Retry(anyhow!(e)))?;
        devices.extend(self.wanted.missing(&devices));
        if devices.is_empty() && self.wanted.something() {
            let there = shown(&all(self.method).unwrap_or_default());
            shared.log.warn(format_args!("none of the interfaces is there yet; there are: {there}"));
        }
        for device in devices {
            let name = device.name.clone();
            match self.interface(device, shared) {
                Ok(interface) => self.opened.push(interface),
                Err(Failure::Interface(e)) if e.kind() == io::ErrorKind::NetworkDown => {
                    shared.log.warn(format_args!("{name} is not up; it is captured from when it is"));
                }
                Err(Failure::Interface(e)) => return Err(StartError::Retry(explained(&name, &e, self.method))),
                #[cfg(target_os = "linux")]
                Err(Failure::NoRing(e)) => return Err(StartError::Retry(explained(&name, &e, self.method))),
                Err(Failure::Other(e)) => return Err(StartError::Fatal(e)),
            }
        }
        Ok(!self.opened.is_empty())
    }

    /// Starts the threads of what was opened.
    pub(super) fn start(&mut self, shared: &Arc<Shared>, out: &Sender, stop: &Stop) {
        for Interface { device, link, captures } in std::mem::take(&mut self.opened) {
            let name = label(&device).to_owned();
            let way = match captures.first() {
                Some(Capture::Session(_)) => format!("by {LIBRARY}"),
                _ => format!("workers: {}", captures.len()),
            };
            shared.log.info(format_args!("capturing from {name}, {way}"));
            let mut ended = Vec::new();
            for capture in captures {
                let source = shared.sources.add(&name, true);
                // The filter was run before.
                let feed = Feed::new(None, shared.options.clone(), out.clone(), source.clone());
                let worker = Worker { name: device.name.clone(), link, capture, feed, source, told: 0 };
                let (done, end) = oneshot::channel::<()>();
                let (stop, out, name) = (stop.clone(), out.clone(), name.clone());
                let thread = std::thread::Builder::new().name(format!("pcap-{name}")).spawn(move || {
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
            self.running.insert(device.name, ended);
        }
    }

    /// Takes up interfaces that have come, or have come back.
    pub(super) async fn look_again(&mut self, shared: &Arc<Shared>, out: &Sender, stop: &Stop) {
        self.running
            .retain(|_, ended| ended.iter_mut().any(|end| end.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
        // Libraries may take their time over a list.
        let wanted = self.wanted.clone();
        let present = tokio::task::spawn_blocking(move || wanted.present()).await;
        for device in present.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default() {
            if self.running.contains_key(&device.name) {
                continue;
            }
            if let Ok(interface) = self.interface(device, shared) {
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

    #[cfg(not(target_os = "linux"))]
    fn interface(&self, device: Device, shared: &Shared) -> Result<Interface, Failure> {
        self.by_library(device, shared)
    }

    #[cfg(target_os = "linux")]
    fn interface(&self, device: Device, shared: &Shared) -> Result<Interface, Failure> {
        if self.method == Method::Libpcap {
            return self.by_library(device, shared);
        }
        let why = match self.by_ring(device.clone(), shared) {
            Err(Failure::NoRing(why)) if self.method == Method::Auto => why,
            other => return other,
        };
        match self.by_library(device, shared) {
            Ok(interface) => {
                let name = &interface.device.name;
                shared.log.info(format_args!("{name} is captured by {LIBRARY}, in one thread: {why}"));
                Ok(interface)
            }
            Err(Failure::Interface(e)) if e.kind() == io::ErrorKind::NotFound => Err(Failure::Interface(why)),
            Err(Failure::Interface(e)) if e.kind() == io::ErrorKind::Unsupported => {
                Err(Failure::Interface(io::Error::new(why.kind(), format!("{why}; {e}, which may be able to"))))
            }
            other => other,
        }
    }

    #[cfg(target_os = "linux")]
    fn by_ring(&self, device: Device, shared: &Shared) -> Result<Interface, Failure> {
        let name = &device.name;
        let Some(known) = interfaces().unwrap_or_default().into_iter().find(|i| i.name == *name) else {
            let why = io::Error::new(io::ErrorKind::NotFound, "there is no such interface");
            return Err(Failure::NoRing(why));
        };
        if !known.up {
            // It would be opened, and the first look would be an error.
            return Err(Failure::Interface(io::ErrorKind::NetworkDown.into()));
        }
        // The numbers of the kernel (linux/if_arp.h) as those of files.
        let link = match known.kind {
            1 | 772 => 1,
            512 => 9,
            801 => 105,
            803 => 127,
            // Tunnels without a header of their own.
            65534 | 768 | 769 | 776 | 778 | 823 => 101,
            kind => return Err(Failure::NoRing(io::Error::other(format!("it has links of the unknown kind {kind}")))),
        };
        let filter = shared.filters.of(link).map_err(|e| Failure::Other(anyhow!("filter: {e}")))?;
        let rings: Vec<Ring> = (0..self.workers)
            .map(|_| Ring::open(name, self.options, filter.as_ref()))
            .collect::<io::Result<_>>()
            .map_err(
                |e| if e.kind() == io::ErrorKind::Unsupported { Failure::NoRing(e) } else { Failure::Interface(e) },
            )?;
        if rings.len() > 1 {
            use std::sync::atomic::{AtomicU16, Ordering};
            // Other groups of this process, and of others, have other numbers.
            static GROUPS: AtomicU16 = AtomicU16::new(0);
            let process = (std::process::id() & 0xff) as u16;
            let group = process << 8 | (GROUPS.fetch_add(1, Ordering::Relaxed) & 0xff);
            rings.iter().try_for_each(|ring| ring.join(group)).map_err(Failure::Interface)?;
        }
        Ok(Interface { device, link, captures: rings.into_iter().map(Capture::Ring).collect() })
    }

    fn by_library(&self, device: Device, shared: &Shared) -> Result<Interface, Failure> {
        let mut session = Session::open(&device.name, self.options).map_err(Failure::Interface)?;
        if let Some(warning) = session.warning() {
            shared.log.warn(format_args!("{}: {warning}", device.name));
        }
        // Compiled for what is open, an expression also sees what the system tells beside a packet, such as its VLAN.
        shared.filters.choose(&mut session).map_err(Failure::Other)?;
        Ok(Interface { device, link: session.link(), captures: vec![Capture::Session(session)] })
    }
}

enum Failure {
    /// This interface cannot be opened now.
    Interface(io::Error),
    /// Not by a ring, but perhaps in another way.
    #[cfg(target_os = "linux")]
    NoRing(io::Error),
    /// What no interface would change.
    Other(agent_api::Error),
}

/// What a user can do about it.
fn explained(name: &str, error: &io::Error, method: Method) -> agent_api::Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return anyhow!("open interface {name:?}: {error}; {}", how_to_permit());
    }
    match others(name, method) {
        Some(others) => anyhow!("open interface {name:?}: {error}; there are: {others}"),
        None => anyhow!("open interface {name:?}: {error}"),
    }
}

fn how_to_permit() -> String {
    if cfg!(target_os = "linux") {
        let program = std::env::current_exe().map_or_else(|_| "agent".to_owned(), |path| path.display().to_string());
        format!(
            "capturing needs CAP_NET_RAW: run `sudo setcap cap_net_raw+ep {program}`, or set AmbientCapabilities=CAP_NET_RAW in the \
             systemd unit, or give a container `--cap-add NET_RAW`"
        )
    } else if cfg!(windows) {
        "Npcap was installed for administrators only: run the agent as one, as its service does, or install Npcap without that".to_owned()
    } else {
        "capturing needs to read and write /dev/bpf*: run the agent as root, or give its group these devices (on macOS Wireshark's ChmodBPF makes the \
         group access_bpf for that)"
            .to_owned()
    }
}

/// A thread that captures.
struct Worker {
    name: String,
    link: u16,
    capture: Capture,
    feed: Feed,
    source: Arc<Source>,
    /// Packets that the interface has dropped, where the library tells it.
    told: u64,
}

impl Worker {
    fn run(mut self, stop: &Stop) -> io::Result<()> {
        let before = dropped_by(&self.name);
        let mut counted = Instant::now();
        let loopback = self.name == "lo";
        let mut ended: Option<Instant> = None;
        let result = loop {
            let Worker { capture, feed, link, .. } = &mut self;
            let read = capture.each(PATIENCE, |frame| {
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
                    link: *link,
                    interface: 0,
                };
                feed.take(record, frame.bytes, frame.vlan);
                feed.hand_on_live();
            });
            // Few packets are not held back until there are many.
            self.feed.close();
            self.feed.hand_on_live();
            if counted.elapsed() >= COUNTING {
                counted = Instant::now();
                self.count_drops(before);
            }
            match read {
                Err(e) => break Err(e),
                // What was captured before the stop may still be in a block that is not full: it is not when nothing came for a while after it.
                Ok(some) if ended.is_some_and(|since| since.elapsed() > if some { DRAINING } else { PATIENCE }) => {
                    break Ok(());
                }
                Ok(_) => {}
            }
            if ended.is_none() && stop.is_stopped() {
                ended = Some(Instant::now());
            }
        };
        self.count_drops(before);
        result
    }

    /// Enters what was dropped; `before` is what the interface had dropped when this began.
    fn count_drops(&mut self, before: u64) {
        if let Ok(drops) = self.capture.drops() {
            self.source.dropped(u64::from(drops.dropped));
            self.told += u64::from(drops.interface);
        }
        self.source.interface_dropped(self.told + dropped_by(&self.name).saturating_sub(before));
    }
}

/// Packets that an interface has dropped since it is there, where the system tells it itself.
fn dropped_by(name: &str) -> u64 {
    #[cfg(target_os = "linux")]
    {
        interfaces().unwrap_or_default().iter().find(|i| i.name == name).map_or(0, |i| i.dropped)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _nobody = name;
        0
    }
}
