//! The series of the page with their last values, sorted by name.
//!
//! A series costs its labels once (its fields share them) and about 100 bytes; its text is made when somebody asks. Those
//! that were not renewed for their lifetime are not shown, and are removed about as often as matters for memory.

use agent_api::Kind;
use agent_formats::exposition::text::Point;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Labels in one piece: name and value in turn, each with a byte behind it that UTF-8 never has.
pub(super) type Labels = Arc<[u8]>;
const END: u8 = 0xff;

/// Appends a label.
pub(super) fn push_label(labels: &mut Vec<u8>, name: &str, value: &str) {
    for text in [name, value] {
        labels.extend_from_slice(text.as_bytes());
        labels.push(END);
    }
}

/// Name and value of each label.
pub(super) fn read_labels(labels: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut texts = labels.split(|b| *b == END).map(|t| std::str::from_utf8(t).unwrap_or_default());
    std::iter::from_fn(move || Some((texts.next().filter(|n| !n.is_empty())?, texts.next()?)))
}

/// The labels of a metric: what tells its series from others, and what is shown.
#[derive(Default)]
pub(super) struct Identity {
    key: Vec<u8>,
    shown: Vec<u8>,
    shared: OnceCell<(Labels, Labels)>,
}

impl Identity {
    /// Labels that are shown and tell the series.
    pub(super) fn new(shown: Vec<u8>) -> Self {
        Identity { key: shown.clone(), shown, shared: OnceCell::new() }
    }

    /// Labels that are shown, of which `key` alone tell the series.
    pub(super) fn with_key(key: Vec<u8>, shown: Vec<u8>) -> Self {
        Identity { key, shown, shared: OnceCell::new() }
    }

    /// Both, in memory that the series of a metric share.
    fn shared(&self) -> &(Labels, Labels) {
        self.shared.get_or_init(|| {
            let shown: Labels = self.shown.as_slice().into();
            let key = if self.key == self.shown { shown.clone() } else { self.key.as_slice().into() };
            (key, shown)
        })
    }
}

/// A series.
#[derive(Debug)]
pub(super) struct Series {
    /// Its labels.
    pub(super) labels: Labels,
    /// Its last value.
    pub(super) point: Point,
    /// The time of that, in nanoseconds since the Unix epoch.
    pub(super) time: i64,
    renewed: Instant,
}

/// The series of one name.
struct Family {
    /// What they measure: the kind of the first.
    kind: Kind,
    series: HashMap<Labels, Series>,
}

/// All series.
pub(super) struct Table {
    families: BTreeMap<Box<str>, Family>,
    len: usize,
    most: usize,
    lifetime: Option<Duration>,
    purged: Instant,
}

/// Series whose time is over are removed at most so often.
const PURGE: Duration = Duration::from_secs(1);

fn is_spread(kind: Kind) -> bool {
    matches!(kind, Kind::Histogram | Kind::Summary)
}

impl Table {
    /// A table of at most `most` series, each of which lives for `lifetime` after its last value.
    pub(super) fn new(most: usize, lifetime: Option<Duration>) -> Self {
        Table { families: BTreeMap::new(), len: 0, most, lifetime, purged: Instant::now() }
    }

    /// Number of series, those included whose time is over but that were not removed yet.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The value of a series to be set, new or not. None if the table is full, or the name is taken by another kind.
    pub(super) fn point(
        &mut self,
        name: &str,
        kind: Kind,
        who: &Identity,
        time: i64,
        now: Instant,
    ) -> Option<&mut Point> {
        if !self.families.contains_key(name) {
            if self.len >= self.most {
                return None;
            }
            self.families.insert(name.into(), Family { kind, series: HashMap::new() });
        }
        let family = self.families.get_mut(name)?;
        if family.kind != kind && (is_spread(family.kind) || is_spread(kind)) {
            return None;
        }
        if !family.series.contains_key(who.key.as_slice()) {
            if self.len >= self.most {
                return None;
            }
            let (key, labels) = who.shared().clone();
            let point = if is_spread(kind) { Point::Spread(Box::default()) } else { Point::Number(0.0) };
            family.series.insert(key, Series { labels, point, time, renewed: now });
            self.len += 1;
        }
        let series = family.series.get_mut(who.key.as_slice())?;
        if *series.labels != *who.shown {
            series.labels = who.shared().1.clone();
        }
        (series.time, series.renewed) = (time, now);
        Some(&mut series.point)
    }

    /// Removes the series whose time is over, unless that was done a moment ago.
    pub(super) fn purge(&mut self, now: Instant) {
        let Some(lifetime) = self.lifetime else { return };
        if now.duration_since(self.purged) < PURGE.min(lifetime) {
            return;
        }
        self.purged = now;
        self.families.retain(|_, family| {
            let before = family.series.len();
            family.series.retain(|_, s| now.duration_since(s.renewed) <= lifetime);
            self.len -= before - family.series.len();
            !family.series.is_empty()
        });
    }

    /// The families with the series that are alive at a time, sorted by name.
    pub(super) fn alive(&self, now: Instant) -> impl Iterator<Item = (&str, Kind, Vec<&Series>)> {
        let lifetime = self.lifetime;
        let lives = move |s: &&Series| lifetime.is_none_or(|most| now.duration_since(s.renewed) <= most);
        self.families
            .iter()
            .map(move |(name, family)| (&**name, family.kind, family.series.values().filter(lives).collect::<Vec<_>>()))
            .filter(|(_, _, series)| !series.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(value: &str) -> Identity {
        let mut labels = Vec::new();
        push_label(&mut labels, "t", value);
        push_label(&mut labels, "empty", "");
        Identity::new(labels)
    }

    fn alive(table: &Table, now: Instant) -> Vec<(String, usize)> {
        table.alive(now).map(|(name, _, series)| (name.to_owned(), series.len())).collect()
    }

    #[test]
    fn labels_are_read_back() {
        let labels = who("x").shown;
        assert_eq!(read_labels(&labels).collect::<Vec<_>>(), [("t", "x"), ("empty", "")]);
        assert_eq!(read_labels(&[]).count(), 0);
    }

    #[test]
    fn a_series_lives_as_long_as_it_is_renewed() {
        let (start, life) = (Instant::now(), Duration::from_secs(60));
        let mut table = Table::new(10, Some(life));
        for (name, value) in [("a", "x"), ("a", "y"), ("b", "x")] {
            table.point(name, Kind::Gauge, &who(value), 0, start).unwrap();
        }
        assert_eq!(alive(&table, start + life), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        table.point("a", Kind::Gauge, &who("x"), 0, start + life).unwrap();
        let later = start + life + Duration::from_secs(1);
        assert_eq!(alive(&table, later), [("a".to_owned(), 1)]);
        table.purge(later);
        assert_eq!((table.len(), table.families.len()), (1, 1));
    }

    #[test]
    fn a_full_table_keeps_what_it_has() {
        let now = Instant::now();
        let mut table = Table::new(2, None);
        assert!(table.point("a", Kind::Gauge, &who("x"), 0, now).is_some());
        assert!(table.point("a", Kind::Gauge, &who("y"), 0, now).is_some());
        assert!(table.point("a", Kind::Gauge, &who("z"), 0, now).is_none());
        assert!(table.point("b", Kind::Gauge, &who("x"), 0, now).is_none());
        assert!(table.point("a", Kind::Gauge, &who("x"), 0, now).is_some());
        assert_eq!((table.len(), table.families.len()), (2, 1));
    }

    #[test]
    fn a_name_has_one_kind() {
        let now = Instant::now();
        let mut table = Table::new(9, None);
        assert!(table.point("a", Kind::Histogram, &who("x"), 0, now).is_some());
        assert!(table.point("a", Kind::Summary, &who("x"), 0, now).is_none());
        assert!(table.point("a", Kind::Gauge, &who("x"), 0, now).is_none());
        assert!(table.point("b", Kind::Untyped, &who("x"), 0, now).is_some());
        assert!(table.point("b", Kind::Gauge, &who("y"), 0, now).is_some());
    }

    #[test]
    fn the_fields_of_a_metric_share_its_labels() {
        let (now, who, mut table) = (Instant::now(), who("x"), Table::new(9, None));
        for name in ["a", "b"] {
            table.point(name, Kind::Gauge, &who, 0, now).unwrap();
        }
        let (_, shown) = who.shared();
        assert_eq!(Arc::strong_count(shown), 6, "key and labels of two series, and of the metric");
    }
}
