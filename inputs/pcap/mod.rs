//! Captures packets from interfaces and reads them from files, for the aggregators that count them.
//!
//! A thread for each ring or file decodes packets where they lie and hands them on in batches beside the metrics (`Batch::set_cargo`): a packet
//! is never a metric. What an interface or file gave, and what became of it, is a metric at each interval.

mod feed;
mod files;
mod live;
mod sources;
#[cfg(test)]
mod tests;
mod wanted;

use crate::globpath::GlobPath;
use agent_api::*;
use agent_capture::{Filter, Session};
use agent_packets::metadata::Inspector;
use feed::Options;
use files::Files;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sources::Sources;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

register!(Entry::listener::<Pcap>());

/// Interfaces, files, and what they share.
struct Pcap {
    settings: Settings,
    files: Files,
    shared: Arc<Shared>,
    live: live::Live,
    once: bool,
}

/// What all threads share.
struct Shared {
    filters: Filters,
    options: Options,
    sources: Sources,
    log: Log,
}

/// Flows of which is kept what their first packets say, and as many that told something before them.
const INSPECTED: usize = 1 << 17;

/// From where, and what of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Interfaces to capture from: names, or patterns with `*`, `?`, `[...]`; `any` is all that are up. On Windows also what they are, as
    /// `Intel*`, in place of `\Device\NPF_{...}`.
    interfaces: Vec<String>,
    /// How: `af_packet` (Linux), `libpcap` (on Windows Npcap), or `auto`, which is the first where it serves, else the second.
    method: Method,
    /// Capture files: pcap or pcapng, bare or packed with gzip or zstd, also named pipes; patterns as in `inputs.file`; `-` is standard input.
    files: Vec<String>,
    /// Wait for more at the end of a file, and for new files; a file that is replaced is read from its beginning.
    follow: bool,
    /// Only packets that this takes: an expression such as `tcp port 443`, for which libpcap must be installed, or the program that
    /// `tcpdump -ddd` prints, with commas in place of line ends.
    filter: String,
    /// Capture also what is for other hosts.
    promiscuous: bool,
    /// Bytes of each packet that are looked at.
    snaplen: u32,
    /// The ring between kernel and agent, for each worker of an interface.
    ring_size: Size,
    /// Threads for each interface, between which the kernel divides the flows; 0 is as many as there are cores. Libpcap has one.
    workers: usize,
    /// Take one packet of so many.
    sampling: u32,
    /// Look into the first packets of flows, for the aggregators that report them: questions to name servers, hosts and fingerprints of TLS
    /// and QUIC, requests of HTTP/1.
    metadata: bool,
}

/// How interfaces are captured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Auto,
    AfPacket,
    Libpcap,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            interfaces: Vec::new(),
            method: Method::Auto,
            files: Vec::new(),
            follow: false,
            filter: String::new(),
            promiscuous: true,
            snaplen: 2048,
            ring_size: Size(32 << 20),
            workers: 1,
            sampling: 1,
            metadata: false,
        }
    }
}

impl Plugin for Pcap {
    const NAME: &'static str = "pcap";
    const ABOUT: &'static str = "Captures packets from interfaces or files, for aggregators such as flow.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(settings.sampling > 0, "sampling: one packet of 0 cannot be taken");
        ensure!(
            settings.snaplen >= 64,
            "snaplen: {} bytes are too few for the headers; 64 is the least",
            settings.snaplen
        );
        ensure!(
            !settings.interfaces.is_empty() || !settings.files.is_empty(),
            "neither interfaces nor files are given"
        );
        let pattern = |file: &String| Ok((PathBuf::from(file), GlobPath::new(file)?));
        let patterns = settings.files.iter().filter(|f| *f != "-").map(pattern).collect::<Result<_>>();
        let shared = Arc::new(Shared {
            filters: Filters::new(&settings.filter, settings.snaplen).context("filter")?,
            options: Options {
                sampling: settings.sampling,
                snaplen: settings.snaplen,
                inspector: settings.metadata.then(|| Arc::new(Mutex::new(Inspector::new(INSPECTED).anew()))),
            },
            sources: Sources::default(),
            log: env.log.clone(),
        });
        Ok(Pcap {
            files: Files::new(patterns.context("files")?, settings.files.iter().any(|f| f == "-")),
            live: live::Live::new(&settings)?,
            once: env.agent.once,
            shared,
            settings,
        })
    }
}

impl Listener for Pcap {
    async fn open(&mut self) -> Result<(), StartError> {
        let tried = self.live.open(&self.shared)?;
        // A mistake in an expression is to be seen now, not at the first file or interface.
        if !tried || !self.settings.files.is_empty() {
            self.shared.filters.of(ETHERNET).map_err(|e| anyhow!("filter: {e}"))?;
        }
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let follow = self.settings.follow && !self.once;
        let mut reading = self.files.start(&self.shared, &out, &stop, follow);
        self.live.start(&self.shared, &out, &stop);
        while let Some(request) = stop.next().await {
            if self.once {
                for ended in reading.drain(..) {
                    ended.wait().await;
                }
            }
            if follow {
                reading.extend(self.files.start(&self.shared, &out, &stop, follow));
            }
            self.live.look_again(&self.shared, &out, &stop).await;
            self.shared.sources.report(&out).await;
            drop(request);
        }
        self.live.ended().await;
        // A thread that reads from a pipe ends when something comes; nobody waits for that.
        for ended in reading.into_iter().filter(files::Reading::stops) {
            ended.wait().await;
        }
        self.shared.sources.report(&out).await;
        Ok(())
    }
}

/// `LINKTYPE_ETHERNET`.
const ETHERNET: u16 = 1;

/// The filter for each kind of link.
struct Filters {
    expression: String,
    snaplen: u32,
    known: Mutex<HashMap<u16, Option<Filter>>>,
    /// Given as a program, which is for all links.
    program: Option<Filter>,
}

impl Filters {
    fn new(text: &str, snaplen: u32) -> Result<Self> {
        let text = text.trim();
        let program = if text.starts_with(|c: char| c.is_ascii_digit()) {
            Some(Filter::parse(text).map_err(|e| anyhow!("{e}"))?)
        } else {
            None
        };
        Ok(Filters { expression: text.to_owned(), snaplen, known: Mutex::default(), program })
    }

    /// The filter for a kind of link, none if all packets are wanted.
    fn of(&self, link: u16) -> Result<Option<Filter>> {
        if self.expression.is_empty() || self.program.is_some() {
            return Ok(self.program.clone());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = known.get(&link) {
            return Ok(filter.clone());
        }
        let filter = agent_capture::compile(&self.expression, link, self.snaplen);
        let filter = filter.map_err(|e| anyhow!("compile {:?}: {e}", self.expression))?;
        known.insert(link, Some(filter.clone()));
        Ok(Some(filter))
    }

    /// Has libpcap choose.
    fn choose(&self, session: &mut Session) -> Result<()> {
        match &self.program {
            Some(program) => session.filter(program).map_err(|e| anyhow!("filter: {e}")),
            None if self.expression.is_empty() => Ok(()),
            None => session.want(&self.expression).map_err(|e| anyhow!("filter: compile {:?}: {e}", self.expression)),
        }
    }
}
