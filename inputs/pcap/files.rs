//! Capture files: read to their end one after the other, or followed each in a thread of its own.

use super::Shared;
use super::feed::Feed;
use crate::globpath::GlobPath;
use agent_api::{Context, Result, Sender, Stop, anyhow, plugin};
use agent_capture::Filter;
use agent_packets::{Capture, Record};
use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Files that are followed at once.
const MAX_FOLLOWED: usize = 256;
/// How often is looked for more at the end of a file.
const PAUSE: Duration = Duration::from_millis(100);

/// Which files.
pub(super) struct Files {
    /// Each as it was written, and compiled.
    patterns: Vec<(PathBuf, GlobPath)>,
    stdin: bool,
    known: HashSet<PathBuf>,
}

/// A thread that reads.
pub(super) struct Reading {
    ended: oneshot::Receiver<Result<()>>,
    out: Sender,
    stops: bool,
}

impl Files {
    pub(super) fn new(patterns: Vec<(PathBuf, GlobPath)>, stdin: bool) -> Self {
        Files { patterns, stdin, known: HashSet::new() }
    }

    /// Starts threads for the files that are new.
    pub(super) fn start(&mut self, shared: &Arc<Shared>, out: &Sender, stop: &Stop, follow: bool) -> Vec<Reading> {
        let mut paths: Vec<PathBuf> = Vec::new();
        for (path, glob) in &self.patterns {
            // A plain name that is not there is a mistake, unless it is waited for; a pattern may match nothing.
            if glob.is_plain() && !follow {
                paths.push(path.clone());
            } else {
                paths.extend(glob.files());
            }
        }
        paths.retain(|path| !self.known.contains(path));
        if std::mem::take(&mut self.stdin) {
            paths.push(PathBuf::from("-"));
        }
        let sender = out.clone();
        let (shared, out, stop) = (shared.clone(), out.clone(), stop.clone());
        if follow {
            paths.truncate(MAX_FOLLOWED.saturating_sub(self.known.len()));
            self.known.extend(paths.iter().cloned());
            let one = |path: PathBuf| {
                let (shared, out, stop) = (shared.clone(), out.clone(), stop.clone());
                let stops = path != Path::new("-");
                on_a_thread(&out.clone(), stops, async move { read(&shared, &path, &out, &stop, stops).await })
            };
            return paths.into_iter().map(one).collect();
        }
        self.known.extend(paths.iter().cloned());
        let stops = paths.iter().all(|path| path.is_file());
        let all = async move {
            for path in paths {
                if stop.is_stopped() {
                    break;
                }
                if let Err(e) = read(&shared, &path, &out, &stop, false).await {
                    out.error(e);
                }
            }
            Ok(())
        };
        vec![if stops { as_a_task(&sender, stops, all) } else { on_a_thread(&sender, stops, all) }]
    }
}

impl Reading {
    /// True if it ends soon after it was told to.
    pub(super) fn stops(&self) -> bool {
        self.stops
    }

    /// Waits for its end; an error is the agent's to see.
    pub(super) async fn wait(self) {
        match self.ended.await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => self.out.error(e),
            Err(_) => self.out.error(anyhow!("panicked while reading")),
        }
    }
}

fn as_a_task(out: &Sender, stops: bool, work: impl Future<Output = Result<()>> + Send + 'static) -> Reading {
    let (done, ended) = oneshot::channel();
    tokio::spawn(agent_api::meter::inherit(async move {
        // Nobody may wait for it any more.
        let _unheard = done.send(work.await);
    }));
    Reading { ended, out: out.clone(), stops }
}

fn on_a_thread(out: &Sender, stops: bool, work: impl Future<Output = Result<()>> + Send + 'static) -> Reading {
    let (done, ended) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().name("pcap-files".to_owned()).spawn(move || {
        // Nobody may wait for it any more.
        let _unheard = done.send(runtime.block_on(work));
    });
    if let Err(e) = thread {
        out.error(anyhow!("start a thread: {e}"));
    }
    Reading { ended, out: out.clone(), stops }
}

/// Reads a file to its end; one that is followed until it is told to stop, anew whenever it is replaced.
async fn read(shared: &Shared, path: &Path, out: &Sender, stop: &Stop, follow: bool) -> Result<()> {
    loop {
        let known = if follow { Some(File::open(path).and_then(|f| f.metadata())) } else { None };
        read_once(shared, path, out, stop, follow)
            .await
            .with_context(|| format!("read {:?}", path.display().to_string()))?;
        let Some(known) = known else { return Ok(()) };
        // It has ended because it was replaced: by what may still have to come.
        while !stop.is_stopped()
            && !std::fs::metadata(path).is_ok_and(|now| known.as_ref().is_ok_and(|k| !same(k, &now)))
        {
            std::thread::sleep(PAUSE);
        }
        if stop.is_stopped() {
            return Ok(());
        }
    }
}

async fn read_once(shared: &Shared, path: &Path, out: &Sender, stop: &Stop, follow: bool) -> Result<()> {
    let mut capture = if follow {
        let file = File::open(path)?;
        Capture::new(Following { file, path: path.to_owned(), read: 0, stop: stop.clone() })
    } else {
        Capture::open(path)
    }?;
    let source = shared.sources.add(&path.to_string_lossy(), false);
    let fresh = |filter| Feed::new(filter, shared.options.clone(), out.clone(), source.clone());
    // The kind of link stands in front of the packets; of several in one file each packet has its own.
    let mut records = Vec::new();
    let mut feed: Option<(u16, Feed)> = None;
    loop {
        let mut read = || read_some(shared, &mut capture, &mut records, &mut feed, &fresh, follow);
        let more = if follow { read() } else { plugin::briefly(read).await }?;
        if let Some((_, feed)) = &mut feed {
            feed.hand_on().await;
        }
        if !more || (stop.is_stopped() && !follow) {
            break;
        }
    }
    let faults = capture.faults().clone();
    let mut feed = match feed {
        Some((_, feed)) => feed,
        None => fresh(None),
    };
    feed.cut_off(faults.cut_off);
    feed.close();
    feed.hand_on().await;
    if let Some(why) = faults.stopped {
        shared
            .log
            .warn(format_args!("read {:?}: {why}; what stands before that is counted", path.display().to_string()));
    }
    if faults.lengths > 0 {
        let packets = faults.lengths;
        shared.log.warn(format_args!(
            "read {:?}: {packets} packets with a length that cannot be",
            path.display().to_string()
        ));
    }
    Ok(())
}

/// Reads until there is a batch to hand on, or the file ends; then it says false.
fn read_some(
    shared: &Shared,
    capture: &mut Capture,
    records: &mut Vec<Record>,
    feed: &mut Option<(u16, Feed)>,
    fresh: &impl Fn(Option<Filter>) -> Feed,
    follow: bool,
) -> Result<bool> {
    while let Some(bytes) = capture.batch(records) {
        for together in records.chunk_by_mut(|a, b| a.link == b.link) {
            let link = together[0].link;
            match feed {
                Some((known, feed)) if *known == link => feed.take_all(together, bytes),
                _ => {
                    let filter = shared.filters.of(link)?;
                    let before = feed.take().map(|(_, before)| before);
                    let (_, now) = feed.insert((link, fresh(filter).after(before)));
                    now.take_all(together, bytes);
                }
            }
        }
        let Some((_, feed)) = feed else { continue };
        if follow {
            feed.close();
        }
        if feed.has_full() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A file that does not end before it is replaced, cut, or nobody wants it any more.
struct Following {
    file: File,
    path: PathBuf,
    read: u64,
    stop: Stop,
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let stopped = self.stop.is_stopped();
            // What was written before the file was replaced is still read.
            let replaced = match (self.file.metadata(), std::fs::metadata(&self.path)) {
                (Ok(ours), Ok(now)) => !same(&ours, &now) || now.len() < self.read,
                _ => true,
            };
            let read = self.file.read(buffer)?;
            self.read += read as u64;
            if read > 0 || stopped || replaced {
                return Ok(read);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// True if both are of the same file.
#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}
