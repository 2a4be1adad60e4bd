//! Telling what has come, some thousand series at a time so that receiving goes on, and forgetting what comes no more.

use super::super::line::Type;
use super::super::name::FIELD;
use super::{Cell, Key, Rules, Series, Table, Value, hash_bucket, parts};
use crate::statsd::running::Running;
use agent_api::{Batch, Builder, Kind};
use hashbrown::HashTable;

/// So many series are told under one hold of the lock: about a millisecond.
const CHUNK: usize = 4096;
/// Below so many series none is forgotten.
const FEW: usize = 4096;
/// Tells a cell that went away from one that moved.
const GONE: u32 = u32::MAX;

impl Table {
    /// Adds the values of distributions that have come, each a metric.
    pub(in crate::statsd) fn emit_distributions(&mut self, now: i64, out: &mut Batch) {
        let start = self.start_time();
        for (series, value) in self.distributions.drain(..) {
            let s = &self.series[series as usize];
            let mut metric = out.metric(&s.name).tags(s.tags()).field(FIELD, value).time(now);
            if let Some(start) = &start {
                metric.add_field("start_time", start.as_str());
            }
        }
    }

    /// Begins to tell: what comes from now on belongs to the next interval. Nothing is lost or counted twice, as a value is
    /// told and taken out in one go.
    pub(in crate::statsd) fn end_round(&mut self) {
        self.round += 1;
    }

    /// Adds what the series from `at` on have to tell and gives where to go on. With `fresh` only those with new values.
    pub(in crate::statsd) fn emit(&mut self, at: usize, fresh: bool, now: i64, out: &mut Batch) -> Option<usize> {
        let end = (at + CHUNK).min(self.series.len());
        let start = self.start_time();
        for i in at..end {
            self.emit_series(i, fresh, now, start.as_deref(), out);
        }
        (end < self.series.len()).then_some(end)
    }

    fn emit_series(&mut self, i: usize, fresh: bool, now: i64, start: Option<&str>, out: &mut Batch) {
        let Table { series, cells, rules, .. } = self;
        let s = &mut series[i];
        let (newest, seen) = s
            .fields
            .iter()
            .map(|f| &cells[f.1 as usize])
            .fold((0, 0), |(round, seen), cell| (cell.round.max(round), cell.seen.max(seen)));
        if newest == 0 {
            return;
        }
        let new = newest + 1 >= self.round;
        if new {
            s.active = self.round;
        }
        let (delete, kind) = match s.kind {
            Type::Counter => (rules.delete_counters, Kind::Counter),
            Type::Gauge => (rules.delete_gauges, Kind::Gauge),
            Type::Set => (rules.delete_sets, Kind::Untyped),
            Type::Timing | Type::Histogram => (rules.delete_timings, Kind::Untyped),
            Type::Distribution => (true, Kind::Untyped),
        };
        if new || !fresh {
            let mut metric = out.metric(&s.name).kind(kind).tags(s.tags()).time(now);
            if rules.temporality && s.kind == Type::Counter {
                metric.add_tag("temporality", if delete { "delta" } else { "cumulative" });
            }
            for (field, cell) in &s.fields {
                let cell = &mut cells[*cell as usize];
                if cell.round > 0 {
                    tell(field, &mut cell.value, rules, &mut metric);
                }
            }
            if let Some(start) = start
                && metric.field_count() > 0
            {
                metric.add_field("start_time", start);
            }
        }
        let age = std::time::Duration::from_millis(u64::from(self.clock.saturating_sub(seen)) * 10);
        if delete || rules.max_ttl.is_some_and(|ttl| age > ttl) {
            for (_, cell) in &s.fields {
                let cell = &mut cells[*cell as usize];
                self.members -= cell.empty();
            }
        }
    }

    /// Ends telling: the next interval runs, and the series that had nothing new are forgotten where they are the most.
    pub(in crate::statsd) fn begin_round(&mut self, now: i64) {
        self.begun_at = now;
        if self.series.len() <= FEW {
            return;
        }
        let live = |s: &Series| s.active == self.round || s.fields.iter().any(|f| self.cells[f.1 as usize].round > 0);
        let kept: Vec<bool> = self.series.iter().map(live).collect();
        if kept.iter().filter(|k| **k).count() < self.series.len() / 2 {
            self.forget(&kept);
        }
    }

    fn forget(&mut self, kept: &[bool]) {
        let mut moved = vec![GONE; self.cells.len()];
        let mut moved_series = vec![GONE; self.series.len()];
        let (mut cells, mut series): (Vec<Cell>, Vec<Series>) = (Vec::new(), Vec::new());
        let mut old: Vec<Option<Cell>> = self.cells.drain(..).map(Some).collect();
        for (i, mut s) in self.series.drain(..).enumerate().filter(|(i, _)| kept[*i]) {
            moved_series[i] = series.len() as u32;
            for (_, place) in &mut s.fields {
                let cell = old[*place as usize].take();
                moved[*place as usize] = cells.len() as u32;
                *place = cells.len() as u32;
                cells.extend(cell);
            }
            series.push(s);
        }
        for cell in &mut cells {
            if let Value::Distribution(of) = &mut cell.value {
                *of = moved_series[*of as usize];
            }
        }
        for (of, _) in &mut self.distributions {
            *of = moved_series[*of as usize];
        }
        self.index = HashTable::with_capacity(series.len());
        for (i, s) in series.iter().enumerate() {
            let hasher = |&i: &u32| series[i as usize].hash(&self.hasher);
            self.index.insert_unique(s.hash(&self.hasher), i as u32, hasher);
        }
        let mut texts = Vec::new();
        let mut keys: HashTable<Key> = HashTable::with_capacity(cells.len());
        for key in self.keys.iter().filter(|k| moved[k.cell as usize] != GONE) {
            let (bucket, tags) = parts(&self.texts, key);
            let new = Key { at: texts.len() as u32, cell: moved[key.cell as usize], ..*key };
            texts.extend_from_slice(bucket);
            texts.extend_from_slice(tags);
            keys.insert_unique(hash_bucket(&self.hasher, key.kind, bucket, tags), new, |k| {
                let (bucket, tags) = parts(&texts, k);
                hash_bucket(&self.hasher, k.kind, bucket, tags)
            });
        }
        (self.cells, self.series, self.texts, self.keys) = (cells, series, texts, keys);
    }

    /// When the interval began, to the second, as the field `start_time` says it (RFC 3339).
    fn start_time(&self) -> Option<String> {
        let second = self.begun_at.div_euclid(1_000_000_000);
        let start = || jiff::Timestamp::from_second(second).map(|t| t.to_string()).unwrap_or_default();
        self.rules.temporality.then(start)
    }
}

impl Cell {
    /// Takes the value out and gives how many bytes of set members that were.
    fn empty(&mut self) -> usize {
        self.round = 0;
        match &mut self.value {
            Value::Counter(sum) => *sum = 0,
            Value::Gauge(level) => *level = 0.0,
            Value::Set(members) => return members.drain().map(|m| m.len() + super::MEMBER).sum(),
            Value::Timing(running) => **running = Running::default(),
            Value::Distribution(_) => {}
        }
        0
    }
}

fn tell(field: &str, value: &mut Value, rules: &Rules, metric: &mut Builder<'_>) {
    match value {
        Value::Counter(sum) if rules.float_counters => metric.add_field(field, *sum as f64),
        Value::Counter(sum) => metric.add_field(field, *sum),
        Value::Gauge(level) => metric.add_field(field, *level),
        Value::Set(members) if rules.float_sets => metric.add_field(field, members.len() as f64),
        Value::Set(members) => metric.add_field(field, members.len() as i64),
        Value::Timing(running) if running.count() > 0 => tell_timing(field, running, rules, metric),
        Value::Timing(_) | Value::Distribution(_) => {}
    }
}

fn tell_timing(field: &str, running: &mut Running, rules: &Rules, metric: &mut Builder<'_>) {
    let prefix = if field == FIELD { String::new() } else { format!("{field}_") };
    let mut add = |name: &str, value: f64| metric.add_field(&format!("{prefix}{name}"), value);
    add("mean", running.mean());
    add("median", running.median());
    add("stddev", running.stddev());
    add("sum", running.sum());
    add("upper", running.upper());
    add("lower", running.lower());
    for (percent, value) in rules.percentiles.iter().zip(running.percentiles(&rules.percentiles)) {
        add(&format!("{percent}_percentile"), value);
    }
    let count = format!("{prefix}count");
    if rules.float_timings {
        metric.add_field(&count, running.count() as f64);
    } else {
        metric.add_field(&count, running.count());
    }
}
