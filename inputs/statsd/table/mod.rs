//! What has come since the last interval: a table from buckets as sent to the cells that their values go into.
//!
//! A bucket that is known costs one hash of its raw bytes and one update; names, templates and tags are looked at only the
//! first time. Known buckets stay known over intervals, and are forgotten when most of them have not been seen for one
//! (`emit`).

mod emit;

use super::line::{self, Cause, Plain, Split, Type};
use super::name::Naming;
use super::running::Running;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

/// How values are kept and told.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) naming: Naming,
    pub(super) datadog: bool,
    pub(super) distributions: bool,
    pub(super) keep_container: bool,
    pub(super) delete_counters: bool,
    pub(super) delete_gauges: bool,
    pub(super) delete_sets: bool,
    pub(super) delete_timings: bool,
    pub(super) percentiles: Vec<f64>,
    pub(super) percentile_limit: usize,
    pub(super) float_counters: bool,
    pub(super) float_timings: bool,
    pub(super) float_sets: bool,
    pub(super) temporality: bool,
    pub(super) max_ttl: Option<Duration>,
    /// Most bytes that names, tags and set members may take.
    pub(super) max_bytes: usize,
}

/// All buckets.
pub(super) struct Table {
    pub(super) rules: Rules,
    hasher: RandomState,
    /// Buckets as sent, by their own bytes.
    keys: HashTable<Key>,
    texts: Vec<u8>,
    /// Series by type, name and tags.
    index: HashTable<u32>,
    series: Vec<Series>,
    cells: Vec<Cell>,
    /// Values of distributions, each a metric of its own: the series and the field's cell.
    distributions: Vec<(u32, f64)>,
    /// Members of sets, in bytes.
    members: usize,
    /// The number of the interval that runs, and when it began.
    round: u32,
    begun_at: i64,
    made: Instant,
    /// Hundredths of a second since then, where `max_ttl` has to know.
    clock: u32,
}

/// A bucket as sent: its bytes and Datadog's tags lie after each other in `texts`.
#[derive(Clone, Copy, Debug)]
struct Key {
    at: u32,
    bucket: u32,
    tags: u32,
    cell: u32,
    kind: Type,
}

#[derive(Debug)]
struct Series {
    kind: Type,
    name: Box<str>,
    tags: Box<[(Box<str>, Box<str>)]>,
    /// Fields by name, each with its cell.
    fields: Vec<(Box<str>, u32)>,
    /// The last interval in which it had something new.
    active: u32,
}

impl Series {
    fn tags(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.tags.iter().map(|(k, v)| (&**k, &**v))
    }

    fn hash(&self, hasher: &RandomState) -> u64 {
        hash_series(hasher, self.kind, &self.name, self.tags())
    }
}

#[derive(Debug)]
struct Cell {
    value: Value,
    /// The interval of the last value; 0 where there is none to tell.
    round: u32,
    /// When the last value came, by `Table::clock`.
    seen: u32,
}

/// The members of a set.
type Members = HashSet<Box<[u8]>, RandomState>;

#[derive(Debug)]
enum Value {
    Counter(i64),
    Gauge(f64),
    Set(Box<Members>),
    Timing(Box<Running>),
    /// The series that the value is a metric of.
    Distribution(u32),
}

/// What a bucket costs beside its texts: key, series, cell and their shares of the tables.
const OVERHEAD: usize = 250;
/// What a member of a set costs beside its text.
const MEMBER: usize = 32;
/// Distributions are told early when there are so many.
const MANY_DISTRIBUTIONS: usize = 100_000;

impl Table {
    pub(super) fn new(rules: Rules, now: i64) -> Self {
        Table {
            rules,
            hasher: RandomState::default(),
            keys: HashTable::new(),
            texts: Vec::new(),
            index: HashTable::new(),
            series: Vec::new(),
            cells: Vec::new(),
            distributions: Vec::new(),
            members: 0,
            round: 1,
            begun_at: now,
            made: Instant::now(),
            clock: 0,
        }
    }

    /// Takes the values of a line without white space around it.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), Cause> {
        let Some(plain) = Plain::read(line, self.rules.datadog) else { return self.split(line) };
        let hash = hash_bucket(&self.hasher, plain.item.kind, plain.bucket, plain.tags);
        let same = |k: &Key| k.kind == plain.item.kind && parts(&self.texts, k) == (plain.bucket, plain.tags);
        let known = self.keys.find(hash, same);
        match known {
            Some(key) => self.update(key.cell, plain.item),
            None => self.split(line),
        }
    }

    /// The general way: reads the name, finds or makes the cell, and remembers the bucket where it can be.
    fn split(&mut self, line: &[u8]) -> Result<(), Cause> {
        let split = Split::new(line, self.rules.datadog)?;
        let remembered = split.tags.len() <= 1 && split.container.is_none();
        split.each(|item| {
            // A value that cannot be read must not leave a bucket behind.
            check(item)?;
            let cell = self.cell(item.kind, &split)?;
            if remembered {
                self.remember(item.kind, split.bucket, split.tags.first().copied().unwrap_or_default(), cell);
            }
            self.update(cell, item)
        })
    }

    fn remember(&mut self, kind: Type, bucket: &[u8], tags: &[u8], cell: u32) {
        let hash = hash_bucket(&self.hasher, kind, bucket, tags);
        let full = self.bytes() > self.rules.max_bytes;
        let Table { keys, texts, hasher, .. } = self;
        if full || keys.find(hash, |k| k.kind == kind && parts(texts, k) == (bucket, tags)).is_some() {
            return;
        }
        let key = Key { at: texts.len() as u32, bucket: bucket.len() as u32, tags: tags.len() as u32, cell, kind };
        texts.extend_from_slice(bucket);
        texts.extend_from_slice(tags);
        keys.insert_unique(hash, key, |k| {
            let (bucket, tags) = parts(texts, k);
            hash_bucket(hasher, k.kind, bucket, tags)
        });
    }

    /// The cell of a bucket's field, made where it is new.
    fn cell(&mut self, kind: Type, split: &Split<'_>) -> Result<u32, Cause> {
        let cut = self.rules.naming.read(&String::from_utf8_lossy(split.bucket));
        if cut.name.is_empty() {
            return Err("no name");
        }
        let mut tags = cut.tags;
        let mut set = |key: &str, value: &str| match tags.iter_mut().find(|t| t.0 == key) {
            Some(tag) => value.clone_into(&mut tag.1),
            None => tags.push((key.to_owned(), value.to_owned())),
        };
        set("metric_type", kind.tag());
        for text in &split.tags {
            line::datadog_tags(&String::from_utf8_lossy(text)).for_each(|(k, v)| set(k, v));
        }
        if let Some(container) = split.container.filter(|_| self.rules.keep_container) {
            set("container", &String::from_utf8_lossy(container));
        }
        tags.sort();
        let series = self.series(kind, &cut.name, &tags)?;
        let fields = &self.series[series as usize].fields;
        if let Some((_, cell)) = fields.iter().find(|f| *f.0 == *cut.field) {
            return Ok(*cell);
        }
        let cell = self.cells.len() as u32;
        let value = match kind {
            Type::Counter => Value::Counter(0),
            Type::Gauge => Value::Gauge(0.0),
            Type::Set => Value::Set(Box::default()),
            Type::Timing | Type::Histogram => Value::Timing(Box::default()),
            Type::Distribution => Value::Distribution(series),
        };
        self.cells.push(Cell { value, round: 0, seen: 0 });
        self.series[series as usize].fields.push((cut.field.into(), cell));
        Ok(cell)
    }

    fn series(&mut self, kind: Type, name: &str, tags: &[(String, String)]) -> Result<u32, Cause> {
        let full = self.bytes() > self.rules.max_bytes;
        let Table { index, series, hasher, .. } = self;
        let given = || tags.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let hash = hash_series(hasher, kind, name, given());
        let same = |&i: &u32| {
            let s = &series[i as usize];
            s.kind == kind && *s.name == *name && s.tags().eq(given())
        };
        if let Some(&found) = index.find(hash, same) {
            return Ok(found);
        }
        if full {
            return Err("too many buckets");
        }
        let new = series.len() as u32;
        series.push(Series {
            kind,
            name: name.into(),
            tags: given().map(|(k, v)| (k.into(), v.into())).collect(),
            fields: Vec::new(),
            active: 0,
        });
        index.insert_unique(hash, new, |&i| series[i as usize].hash(hasher));
        Ok(new)
    }

    fn bytes(&self) -> usize {
        self.texts.len() * 2 + self.members + (self.keys.len() + self.cells.len()) * OVERHEAD
    }

    fn update(&mut self, cell: u32, item: line::Item<'_>) -> Result<(), Cause> {
        let cell = &mut self.cells[cell as usize];
        match &mut cell.value {
            Value::Counter(sum) => *sum = sum.saturating_add(line::count(item.value, item.rate)?),
            Value::Gauge(level) => {
                let n = line::number(item.value)?;
                *level = if matches!(item.value, [b'+' | b'-', ..]) { *level + n } else { n };
            }
            Value::Set(members) => {
                unsigned(item.value)?;
                if !members.contains(item.value) {
                    if self.members > self.rules.max_bytes {
                        return Err("too many members in sets");
                    }
                    self.members += item.value.len() + MEMBER;
                    members.insert(item.value.into());
                }
            }
            Value::Timing(running) => {
                unsigned(item.value)?;
                let limit = if self.rules.percentiles.is_empty() { 0 } else { self.rules.percentile_limit };
                running.add(line::number(item.value)?, line::times(item.rate), limit);
            }
            Value::Distribution(series) => {
                unsigned(item.value)?;
                let n = line::number(item.value)?;
                if self.rules.distributions {
                    self.distributions.push((*series, n));
                }
            }
        }
        (cell.round, cell.seen) = (self.round, self.clock);
        Ok(())
    }

    /// Takes note of the time, once for many lines.
    pub(super) fn tick(&mut self) {
        if self.rules.max_ttl.is_some() {
            // Hundredths of a second: enough for more than a year.
            self.clock = (self.made.elapsed().as_millis() / 10) as u32;
        }
    }

    /// True if so many distributions wait that they should be told before the interval ends.
    pub(super) fn is_full(&self) -> bool {
        self.distributions.len() >= MANY_DISTRIBUTIONS
    }

    /// Number of buckets known.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.keys.len()
    }
}

/// The two parts of a remembered bucket.
fn parts<'a>(texts: &'a [u8], key: &Key) -> (&'a [u8], &'a [u8]) {
    let (at, bucket, tags) = (key.at as usize, key.bucket as usize, key.tags as usize);
    (&texts[at..at + bucket], &texts[at + bucket..at + bucket + tags])
}

fn hash_bucket(hasher: &RandomState, kind: Type, bucket: &[u8], tags: &[u8]) -> u64 {
    let mut h = hasher.build_hasher();
    h.write(bucket);
    if !tags.is_empty() {
        h.write(tags);
    }
    h.write_u8(kind as u8);
    h.finish()
}

fn hash_series<'a>(
    hasher: &RandomState,
    kind: Type,
    name: &str,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
) -> u64 {
    let mut h = hasher.build_hasher();
    h.write(name.as_bytes());
    for (k, v) in tags {
        h.write(k.as_bytes());
        h.write(v.as_bytes());
    }
    h.write_u8(kind as u8);
    h.finish()
}

/// Reads a value without keeping it.
fn check(item: line::Item<'_>) -> Result<(), Cause> {
    match item.kind {
        Type::Counter => line::count(item.value, item.rate).map(drop),
        Type::Gauge => line::number(item.value).map(drop),
        Type::Set => unsigned(item.value),
        Type::Timing | Type::Histogram | Type::Distribution => {
            unsigned(item.value)?;
            line::number(item.value).map(drop)
        }
    }
}

fn unsigned(value: &[u8]) -> Result<(), Cause> {
    if matches!(value, [b'+' | b'-', ..]) { Err("only gauges and counters may have a sign") } else { Ok(()) }
}
