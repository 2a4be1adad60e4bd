//! `agent flows`: reads captures and prints who talked to whom.
//!
//! JSON and CSV go out as flows end, so memory is bounded by the table; the text keeps only what its tables show.

mod details;
mod lines;
mod text;

use agent_api::{Result, anyhow, bail};
use agent_packets::flow::{Keys, Settings};
use agent_packets::metadata::{Inspector, Metadata};
use agent_packets::{Capture, Ended, Flow, Meter, Tally};
use clap::ArgMatches;
use std::cmp::Reverse;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_millis(200);

/// What takes the flows.
trait Sink {
    /// Takes one flow and what its first packets say of it.
    fn flow(&mut self, flow: &Flow, metadata: &Metadata) -> io::Result<()>;

    /// Takes the ledger, behind the last flow.
    fn end(&mut self, tally: &Tally) -> io::Result<()>;
}

/// Reads the files and prints.
pub(super) fn flows(matches: &ArgMatches) -> Result<ExitCode> {
    let files = super::args::all(matches, "FILE");
    let top = matches.get_one::<usize>("top").copied();
    let summary = super::args::flag(matches, "summary");
    let settings = Settings {
        max_flows: matches.get_one::<usize>("max-flows").copied().unwrap_or(Settings::default().max_flows),
        idle: timeout(matches, "idle-timeout")?,
        active: timeout(matches, "active-timeout")?,
        keys: Keys { vlan: super::args::flag(matches, "by-vlan"), ..Keys::default() },
        ..Settings::default()
    };
    let details = super::args::flag(matches, "metadata");
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let format = matches.get_one::<String>("format").map_or("text", String::as_str);
    let sink: Box<dyn Sink> = match format {
        "json" => Box::new(lines::Json::new(out, summary, details)),
        "csv" => Box::new(lines::Csv::new(out, summary, details)),
        _ => Box::new(text::Tables::new(out, top.unwrap_or(text::TOP))),
    };
    let sink =
        if format == "text" { sink } else { top.into_iter().fold(sink, |s, top| Box::new(Largest::new(s, top))) };
    let mut meter = Meter::new(settings);
    meter.inspector = details.then(|| Inspector::new(settings.max_flows));
    match read(&files, meter, sink) {
        // A reader that went away, as `head` does, is no error.
        Err(Failure::Print(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Failure::Print(e)) => Err(anyhow!("print: {e}")),
        Err(Failure::Read(e)) => Err(e),
        Ok(code) => Ok(code),
    }
}

enum Failure {
    Read(agent_api::Error),
    Print(io::Error),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::Print(e)
    }
}

fn read(files: &[String], mut meter: Meter, mut sink: Box<dyn Sink>) -> Result<ExitCode, Failure> {
    let mut records = Vec::new();
    let mut damaged = false;
    for file in files {
        let path = Path::new(file);
        let failed = |e: io::Error| Failure::Read(anyhow!("read {file:?}: {e}"));
        let mut capture = Capture::open(path).map_err(failed)?;
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        let consumed = capture.consumed();
        let mut progress = Progress::new(file, size, &consumed);
        while let Some(bytes) = capture.batch(&mut records) {
            meter.batch(&records, bytes);
            for flow in meter.table.ended() {
                sink.flow(&flow, &metadata(&mut meter.inspector, &flow))?;
            }
            progress.show(meter.tally().read);
        }
        progress.clear();
        let faults = capture.faults();
        meter.cut_off(faults.cut_off);
        if let Some(why) = &faults.stopped {
            super::log().warn(format_args!("read {file:?}: {why}; what stands before that is counted"));
            damaged = true;
        }
        if faults.lengths > 0 {
            super::log().warn(format_args!("read {file:?}: {} packets with a length that cannot be", faults.lengths));
        }
    }
    let Meter { table, inspector, .. } = &mut meter;
    let mut printed = Ok(());
    table.finish_in_order(&mut |flow| {
        if printed.is_ok() {
            printed = sink.flow(&flow, &metadata(inspector, &flow));
        }
    });
    printed?;
    sink.end(meter.tally())?;
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is known of a flow that is reported.
fn metadata(inspector: &mut Option<Inspector>, flow: &Flow) -> Metadata {
    inspector.as_mut().map(|i| i.take(flow, flow.ended == Ended::Active)).unwrap_or_default()
}

/// A time in Go's notation; none if it is not given or 0.
fn timeout(matches: &ArgMatches, id: &str) -> Result<Option<i64>> {
    let Some(text) = matches.get_one::<String>(id) else { return Ok(None) };
    let nanoseconds = agent_golang::duration::parse(text).map_err(|e| anyhow!("parse --{id} {text:?}: {e}"))?;
    if nanoseconds < 0 {
        bail!("--{id} is below 0");
    }
    Ok((nanoseconds > 0).then_some(nanoseconds))
}

/// Passes on only the flows of most bytes, largest first.
struct Largest {
    inner: Box<dyn Sink>,
    kept: Kept,
}

impl Largest {
    fn new(inner: Box<dyn Sink>, top: usize) -> Self {
        Self { inner, kept: Kept::new(top) }
    }
}

impl Sink for Largest {
    fn flow(&mut self, flow: &Flow, metadata: &Metadata) -> io::Result<()> {
        self.kept.offer(flow, metadata);
        Ok(())
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        for (flow, metadata) in self.kept.take() {
            self.inner.flow(&flow, &metadata)?;
        }
        self.inner.end(tally)
    }
}

/// The flows of most bytes among those offered.
struct Kept {
    top: usize,
    /// Bytes, number, flow; cut down to the largest whenever it gets long.
    flows: Vec<(u64, u64, (Flow, Metadata))>,
    offered: u64,
}

impl Kept {
    fn new(top: usize) -> Self {
        Self { top, flows: Vec::new(), offered: 0 }
    }

    fn offer(&mut self, flow: &Flow, metadata: &Metadata) {
        self.offered += 1;
        self.flows.push((flow.bytes[0] + flow.bytes[1], self.offered, (flow.clone(), metadata.clone())));
        if self.flows.len() > self.top.saturating_mul(2).max(1000) {
            self.trim();
        }
    }

    /// Among equals those offered first stay.
    fn trim(&mut self) {
        self.flows.sort_unstable_by_key(|(bytes, number, _)| (Reverse(*bytes), *number));
        self.flows.truncate(self.top);
    }

    /// Largest first.
    fn take(&mut self) -> Vec<(Flow, Metadata)> {
        self.trim();
        std::mem::take(&mut self.flows).into_iter().map(|(_, _, flow)| flow).collect()
    }
}

/// A line on standard error that tells how far reading is, if someone looks.
struct Progress<'a> {
    file: &'a str,
    size: u64,
    consumed: &'a AtomicU64,
    begun: Instant,
    shown: Instant,
    /// Packets of the files before.
    before: Option<u64>,
    visible: bool,
    written: bool,
}

impl<'a> Progress<'a> {
    fn new(file: &'a str, size: u64, consumed: &'a AtomicU64) -> Self {
        let now = Instant::now();
        let visible = io::stderr().is_terminal();
        Self { file, size, consumed, begun: now, shown: now, before: None, visible, written: false }
    }

    fn show(&mut self, packets: u64) {
        let before = *self.before.get_or_insert(packets);
        if !self.visible || self.shown.elapsed() < PROGRESS {
            return;
        }
        self.shown = Instant::now();
        self.written = true;
        let consumed = self.consumed.load(Ordering::Relaxed);
        let rate = (packets - before) as f64 / self.begun.elapsed().as_secs_f64() / 1e6;
        let done = match self.size {
            0 => format!("{} MB", consumed / 1_000_000),
            size => {
                let percent = (consumed.saturating_mul(100) / size).min(100);
                let bar = "#".repeat((percent / 5) as usize);
                format!("[{bar:<20}] {percent:>3} %")
            }
        };
        // Nothing depends on it.
        let _unseen =
            write!(io::stderr(), "\r{} {done} {packets} packets, {rate:.1} million a second\x1b[K", self.file);
    }

    fn clear(&self) {
        if self.written {
            let _unseen = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
