//! Dead letters: metrics that an output has refused for good, kept with the reason until somebody looks at them.
//!
//! A file of JSON lines for each output, so that any tool can read it. It is locked only while it is changed: letters may be
//! looked at, sent again and removed while an agent runs. With a key what is in a letter is encrypted; its number, time and output
//! are not, so that letters can be counted and removed without the key.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use super::seal::{Key, Keyring, Owner, bytes_of, hex};
use crate::config::Keys;
use agent_api::metric::Packed;
use agent_api::{Batch, Context, Result, Serializer, View, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file grown to so many bytes takes no more.
const MAX_BYTES: u64 = 256 << 20;

/// The dead letters of one output.
#[derive(Debug)]
pub struct DeadLetters {
    directory: PathBuf,
    /// The output as users name it.
    output: String,
    /// The keys of encryption, as the user gives them, and once they are known.
    keys: Keys,
    ring: OnceLock<Keyring>,
}

/// One metric that was refused, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Unique among the letters of the output, growing.
    pub id: u64,
    /// When it was refused, RFC 3339.
    pub time: String,
    /// By which output.
    pub output: String,
    /// What was refused and why.
    #[serde(flatten)]
    pub content: Content,
}

/// What is in a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// To be read by anybody.
    Open(Refused),
    /// Encrypted: `buffer_key`.
    Sealed {
        /// The id of the key.
        key: String,
        /// In hexadecimal: the length of the reason in four bytes, the lowest first, the reason, the metric in its stored form.
        sealed: String,
    },
}

/// A metric and why it was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What the output said: what a server answers may have data in it.
    pub reason: String,
    /// The metric in line protocol, to be read; empty where it cannot be written so.
    pub metric: String,
    /// The metric as it is, in hexadecimal: the stored form of `agent/api/metric/stored.rs`.
    pub packed: String,
}

impl Refused {
    fn new(reason: String, packed: &[u8]) -> Result<Self> {
        let mut line = Vec::new();
        let batch = Packed::read(packed)?;
        let written = agent_formats::influx::Writer::readable().serialize(batch.at(0), &mut line);
        if written.is_err() {
            line.clear();
        }
        let metric = String::from_utf8_lossy(&line).trim_end().to_owned();
        Ok(Refused { reason, metric, packed: hex(packed) })
    }

    /// The metric again.
    pub fn batch(&self) -> Result<Batch> {
        Packed::read(&bytes(&self.packed)?)
    }

    fn sealed(reason: &str, packed: &[u8], id: u64, key: &Key) -> Result<Content> {
        let mut bytes = (reason.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(reason.as_bytes());
        bytes.extend_from_slice(packed);
        key.seal(Owner::Letter { id }, &mut bytes, 0)?;
        Ok(Content::Sealed { key: hex(&key.id()), sealed: hex(&bytes) })
    }

    fn unseal(sealed: &str, id: u64, key: &Key) -> Result<Self> {
        let bytes = key.open(Owner::Letter { id }, &bytes(sealed)?)?;
        let (len, rest) = bytes.split_first_chunk().context("it is too short")?;
        let (reason, packed) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).context("it is too short")?;
        Refused::new(String::from_utf8_lossy(reason).into_owned(), packed)
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    bytes_of(hex).context("it is no hexadecimal text")
}

impl DeadLetters {
    /// Those in a directory. Opens nothing.
    pub fn new(directory: PathBuf, output: String, keys: Keys) -> Self {
        DeadLetters { directory, output, keys, ring: OnceLock::new() }
    }

    fn ring(&self) -> Result<&Keyring> {
        if let Some(ring) = self.ring.get() {
            return Ok(ring);
        }
        let ring = Keyring::new(&self.keys)?;
        Ok(self.ring.get_or_init(|| ring))
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
        let key = self.ring()?.current();
        let mut text = String::new();
        for (i, (view, row)) in views.iter().flat_map(|v| (0..v.len()).map(move |row| (v, row))).enumerate() {
            let id = first + i as u64;
            let mut packed = Vec::new();
            Packed::new(&view.with_rows(vec![view.row(row)])).write(&mut packed);
            let content = match key {
                Some(key) => Refused::sealed(reason, &packed, id, key)?,
                None => Content::Open(Refused::new(reason.to_owned(), &packed)?),
            };
            let letter = Letter { id, time: now.to_string(), output: self.output.clone(), content };
            text.push_str(&serde_json::to_string(&letter)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// What is in a letter, decrypted where it must be. An error names the key that is missing.
    pub fn open(&self, letter: &Letter) -> Result<Refused> {
        let opened = match &letter.content {
            Content::Open(refused) => Ok(refused.clone()),
            Content::Sealed { key, sealed } => bytes_of(key)
                .and_then(|id| id.try_into().ok())
                .with_context(|| format!("{key:?} is not the id of a key"))
                .and_then(|key| self.ring()?.find(key))
                .and_then(|key| Refused::unseal(sealed, letter.id, key)),
        };
        opened.with_context(|| format!("read letter {}", letter.id))
    }

    /// All letters as they are kept, and how many lines are none.
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

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::{Secret, Value};

    fn keys(current: Option<&str>, old: &[&str]) -> Keys {
        Keys { current: current.map(Secret::new), old: old.iter().copied().map(Secret::new).collect() }
    }

    #[test]
    fn sealed_letters_are_read_with_their_key_alone_and_removed_without() {
        let (first, second) = ("the first key, of 32 characters.", "the second key of 32 characters.");
        let folder = super::super::disk::tests::Folder::new();
        let letters = |keys| DeadLetters::new(folder.0.join("far"), "outputs.test".to_owned(), keys);
        for (i, key) in [None, Some(first), Some(second)].into_iter().enumerate() {
            let mut batch = Batch::new();
            batch.metric("m").tag("host", "a").field("i", i as i64).time(7);
            letters(keys(key, &[])).keep(vec![View::all(batch)], "status 400: host=a").unwrap();
        }
        let text = std::fs::read_to_string(folder.0.join("far/letters.jsonl")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("host=a") && lines[1..].iter().all(|line| !line.contains("host=a")), "{text}");

        let given = |keys| {
            let letters = letters(keys);
            let (kept, bad) = letters.read().unwrap();
            assert_eq!((kept.len(), bad), (3, 0));
            let number = |letter| match letters.open(letter)?.batch()?.at(0).field("i") {
                Some(Value::Int(i)) => Ok(i),
                other => bail!("{other:?}"),
            };
            kept.iter().map(|letter| number(letter).ok()).collect::<Vec<Option<i64>>>()
        };
        assert_eq!(given(keys(Some(second), &[first])), [Some(0), Some(1), Some(2)]);
        assert_eq!(given(keys(Some(second), &[])), [Some(0), None, Some(2)]);
        assert_eq!(given(keys(None, &[])), [Some(0), None, None]);

        let ours = letters(keys(Some(second), &[]));
        let (mut kept, _) = ours.read().unwrap();
        let error = format!("{:#}", ours.open(&kept[1]).unwrap_err());
        assert!(error.contains("buffer_old_keys must have the key with the id "), "{error}");
        let opened = ours.open(&kept[2]).unwrap();
        assert_eq!((&*opened.reason, &*opened.metric), ("status 400: host=a", "m,host=a i=2i 7"));
        // The content of one letter is none of another.
        kept[2].id += 1;
        assert!(ours.open(&kept[2]).is_err());
        kept[2].id -= 1;
        assert_eq!(ours.remove(&[kept[1].id, kept[2].id].into()).unwrap(), 2);
        assert_eq!(ours.read().unwrap(), (kept[..1].to_vec(), 0));
    }
}
