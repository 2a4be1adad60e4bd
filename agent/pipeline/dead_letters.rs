//! Dead letters: metrics that an output has refused for good, kept with the reason until somebody looks at them.
//!
//! A file of JSON lines for each output, so that any tool can read it. It is locked only while it is changed: letters may be
//! looked at, sent again and removed while an agent runs.

use agent_api::metric::Packed;
use agent_api::{Batch, Context, Result, Serializer, View, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file grown to so many bytes takes no more.
const MAX_BYTES: u64 = 256 << 20;

/// The dead letters of one output.
#[derive(Debug)]
pub struct DeadLetters {
    directory: PathBuf,
    /// The output as users name it.
    output: String,
}

/// One metric and why it was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Unique among the letters of the output, growing.
    pub id: u64,
    /// When it was refused, RFC 3339.
    pub time: String,
    /// By which output.
    pub output: String,
    /// What the output said.
    pub reason: String,
    /// The metric in line protocol, to be read; empty where it cannot be written so.
    pub metric: String,
    /// The metric as it is, in hexadecimal: the stored form of `agent/api/metric/stored.rs`.
    pub packed: String,
}

impl Letter {
    /// The metric again.
    pub fn batch(&self) -> Result<Batch> {
        let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
        let bytes: Result<Vec<u8>> = self.packed.as_bytes().chunks(2).map(byte).collect();
        bytes.and_then(|bytes| Packed::read(&bytes)).with_context(|| format!("read letter {}", self.id))
    }
}

impl DeadLetters {
    /// Those in a directory. Opens nothing.
    pub fn new(directory: PathBuf, output: String) -> Self {
        DeadLetters { directory, output }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("letters.jsonl")
    }

    /// Adds metrics and syncs them.
    pub(super) fn keep(&self, views: Vec<View>, reason: &str) -> Result<()> {
        let path = self.file();
        let shown = path.display();
        std::fs::create_dir_all(&self.directory).with_context(|| format!("create {}", self.directory.display()))?;
        let _held = self.lock(false)?;
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).with_context(|| format!("open {shown}"))?;
        let len = file.metadata().with_context(|| format!("look at {shown}"))?.len();
        if len > MAX_BYTES {
            bail!("add to {shown}: it has {len} bytes; look at it with agent dlq");
        }
        let text = self.letters(views, reason)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a letter would stand before the next one.
            drop(file.set_len(len));
        }
        written.with_context(|| format!("write {shown}"))
    }

    fn letters(&self, views: Vec<View>, reason: &str) -> Result<String> {
        let now = Timestamp::now();
        let first = u64::try_from(now.as_nanosecond()).unwrap_or(0);
        let (mut text, mut writer) = (String::new(), agent_formats::influx::Writer::for_test());
        for (i, (view, row)) in views.iter().flat_map(|v| (0..v.len()).map(move |row| (v, row))).enumerate() {
            let mut line = Vec::new();
            if writer.serialize(view.at(row), &mut line).is_err() {
                line.clear();
            }
            let mut packed = Vec::new();
            Packed::new(&view.with_rows(vec![view.row(row)])).write(&mut packed);
            let letter = Letter {
                id: first + i as u64,
                time: now.to_string(),
                output: self.output.clone(),
                reason: reason.to_owned(),
                metric: String::from_utf8_lossy(&line).trim_end().to_owned(),
                packed: packed.iter().map(|byte| format!("{byte:02x}")).collect(),
            };
            text.push_str(&serde_json::to_string(&letter)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// All letters, and how many lines are none.
    pub fn read(&self) -> Result<(Vec<Letter>, usize)> {
        let path = self.file();
        let text = match std::fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.with_context(|| format!("read {}", path.display()))?,
        };
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let (mut letters, mut bad) = (Vec::new(), 0);
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(letter) => letters.push(letter),
                Err(_) => bad += 1,
            }
        }
        Ok((letters, bad))
    }

    /// Removes letters; gives how many were there. Lines that are no letters stay.
    pub fn remove(&self, ids: &BTreeSet<u64>) -> Result<usize> {
        let path = self.file();
        let shown = path.display();
        let _held = self.lock(true)?;
        let bytes = std::fs::read(&path).with_context(|| format!("read {shown}"))?;
        let (mut left, mut removed) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if serde_json::from_slice::<Letter>(line).is_ok_and(|letter| ids.contains(&letter.id)) {
                removed += 1;
            } else {
                left.extend_from_slice(line);
            }
        }
        let beside = path.with_extension("new");
        let mut file = File::create(&beside).with_context(|| format!("create {}", beside.display()))?;
        file.write_all(&left).and_then(|()| file.sync_data()).with_context(|| format!("write {}", beside.display()))?;
        drop(file);
        std::fs::rename(&beside, &path).with_context(|| format!("replace {shown}"))?;
        Ok(removed)
    }

    /// Holds the letters against changes by others, waiting for them if that is asked for.
    fn lock(&self, wait: bool) -> Result<File> {
        let path = self.directory.join("lock");
        let failed = || format!("lock {}", path.display());
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).with_context(failed)?;
        if wait {
            file.lock().with_context(failed)?;
            return Ok(file);
        }
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("{}: agent dlq is using it", failed()),
            Err(TryLockError::Error(e)) => Err(e).with_context(failed),
        }
    }

    /// The directories below one in which letters are.
    pub fn below(directory: &Path) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
            let path = entry?.path();
            if path.join("letters.jsonl").exists() {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}
