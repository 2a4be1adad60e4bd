//! The families of a document: their types, and the histograms and summaries that are put together from samples.

use crate::exposition::mapping::{Mapping, Spread};
use crate::exposition::sample::{BLANKS, Text, quoted};
use agent_api::*;
use agent_golang::number::parse_float;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The value of a counter, a gauge or a metric of unknown type.
    Number(Kind),
    /// A bucket or quantile of the family of this number.
    Point(usize),
    /// The sum of the family of this number.
    Sum(usize),
    /// The count of the family of this number.
    Count(usize),
}

/// The families of a document.
pub(super) struct Families<'a> {
    /// By name: the type, and where it was said.
    types: HashMap<Text<'a>, Type, FixedState>,
    spreads: Vec<Family<'a>>,
}

#[derive(Clone, Copy)]
struct Type {
    kind: Kind,
    at: usize,
    /// Place in `spreads` of a histogram or summary.
    spread: usize,
}

/// A histogram or summary.
struct Family<'a> {
    name: Text<'a>,
    kind: Kind,
    groups: Vec<Group<'a>>,
    /// Places in `groups` by labels.
    index: HashTable<usize>,
}

/// Where the line begins, if `before` ends with one that holds no more than the `#` of a comment. Looks at that and no further
/// back, so that a text of one endless line is not searched again and again.
fn line_of_comment(before: &str) -> Option<usize> {
    let before = before.trim_end_matches(BLANKS).strip_suffix('#')?.trim_end_matches(BLANKS);
    let begin = before.strip_suffix('\u{feff}').unwrap_or(before);
    (begin.is_empty() || begin.ends_with('\n')).then_some(begin.len())
}

/// What the samples of one set of labels say.
struct Group<'a> {
    hash: u64,
    /// Sorted.
    labels: Vec<(Text<'a>, Text<'a>)>,
    time: Option<i64>,
    count: f64,
    sum: f64,
    points: Vec<(f64, f64)>,
}

impl<'a> Families<'a> {
    /// Finds the lines that say a type.
    pub(super) fn of(text: &'a str, bad: &mut ParseError) -> Self {
        let mut families = Families { types: HashMap::default(), spreads: Vec::new() };
        // Lines before a place, counted on from the last one that was asked for.
        let (mut number, mut counted) = (1, 0);
        for at in memchr::memmem::find_iter(text.as_bytes(), b"TYPE") {
            let Some(begin) = line_of_comment(&text[..at]) else { continue };
            let line = text[at + 4..].lines().next().unwrap_or_default();
            if let Err(cause) = families.declare(line, begin) {
                number += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..begin]).count();
                counted = begin;
                let line = text[begin..].lines().next().unwrap_or_default();
                bad.add(number, line.trim_matches(BLANKS), cause);
            }
        }
        families
    }

    /// Takes in what stands behind `# TYPE`.
    fn declare(&mut self, line: &'a str, at: usize) -> Result<(), &'static str> {
        if !line.starts_with(BLANKS) {
            return Ok(());
        }
        let line = line.trim_matches(BLANKS);
        let (name, kind) = if line.starts_with('"') {
            quoted(line)?
        } else {
            let (name, kind) = line.split_once(BLANKS).unwrap_or((line, ""));
            (Text::Borrowed(name), kind)
        };
        let kind = match kind.trim_matches(BLANKS).to_ascii_lowercase().as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" | "gaugehistogram" => Kind::Histogram,
            "summary" => Kind::Summary,
            "untyped" | "unknown" => Kind::Untyped,
            _ => return Err("a type is none of counter, gauge, histogram, summary, untyped"),
        };
        if self.types.contains_key(&name) {
            return Err("a family has a second type");
        }
        let spread = self.spreads.len();
        if matches!(kind, Kind::Histogram | Kind::Summary) {
            self.spreads.push(Family { name: name.clone(), kind, groups: Vec::new(), index: HashTable::new() });
        }
        self.types.insert(name, Type { kind, at, spread });
        Ok(())
    }

    /// What a sample is by its name and place.
    pub(super) fn part(&self, name: &str, at: usize) -> Result<Part, &'static str> {
        if let Some(own) = self.types.get(name) {
            return match own.kind {
                _ if own.at > at => Err("a sample stands before the type of its family"),
                Kind::Histogram => Err("a sample of a histogram is none of bucket, sum and count"),
                Kind::Summary => Ok(Part::Point(own.spread)),
                kind => Ok(Part::Number(kind)),
            };
        }
        let of = |suffix| self.types.get(name.strip_suffix(suffix)?).filter(|family| family.at <= at);
        let spread = |family: &&Type| matches!(family.kind, Kind::Histogram | Kind::Summary);
        if let Some(family) = of("_sum").filter(spread) {
            return Ok(Part::Sum(family.spread));
        }
        if let Some(family) = of("_count").filter(spread) {
            return Ok(Part::Count(family.spread));
        }
        if let Some(family) = of("_bucket").filter(|f| f.kind == Kind::Histogram) {
            return Ok(Part::Point(family.spread));
        }
        Ok(Part::Number(Kind::Untyped))
    }

    /// Takes a sample of a histogram or summary in.
    pub(super) fn take(
        &mut self,
        part: Part,
        mut labels: Vec<(Text<'a>, Text<'a>)>,
        value: f64,
        time: Option<i64>,
    ) -> Result<(), &'static str> {
        let (Part::Point(spread) | Part::Sum(spread) | Part::Count(spread)) = part else { return Ok(()) };
        let family = &mut self.spreads[spread];
        let mut at = None;
        if let Part::Point(_) = part {
            let label = if family.kind == Kind::Histogram { "le" } else { "quantile" };
            let place = labels.iter().position(|l| l.0 == label);
            let place = place.ok_or("a sample has no label for its bucket or quantile")?;
            let bound = labels.remove(place).1;
            at = Some(parse_float(&bound).map_err(|_| "a bucket or quantile is no number")?);
        }
        let group = family.group(labels);
        group.time = time.or(group.time);
        match (part, at) {
            (Part::Sum(_), _) => group.sum = value,
            (Part::Count(_), _) => group.count = value,
            (_, Some(at)) => group.points.push((at, value)),
            _ => {}
        }
        Ok(())
    }

    /// Adds what was put together.
    pub(super) fn add(self, mapping: &Mapping, out: &mut Collector) {
        for family in self.spreads {
            for group in family.groups {
                let spread = Spread {
                    kind: family.kind,
                    count: group.count,
                    sum: Some(group.sum),
                    created: None,
                    points: &group.points,
                    time: group.time,
                };
                mapping.spread(&family.name, &group.labels, &spread, out.batch());
                out.checkpoint();
            }
        }
    }
}

impl<'a> Family<'a> {
    /// The group of these labels.
    fn group(&mut self, mut labels: Vec<(Text<'a>, Text<'a>)>) -> &mut Group<'a> {
        labels.sort();
        let groups = &mut self.groups;
        // Most samples belong to the group of the one before.
        let place = if groups.last().is_some_and(|g| g.labels == labels) {
            groups.len() - 1
        } else {
            let hash = FixedState::with_seed(0).hash_one(&labels);
            let found = self.index.find(hash, |&i| groups[i].labels == labels).copied();
            found.unwrap_or_else(|| {
                groups.push(Group { hash, labels, time: None, count: 0.0, sum: 0.0, points: Vec::new() });
                let place = groups.len() - 1;
                self.index.insert_unique(hash, place, |&i| groups[i].hash);
                place
            })
        };
        &mut groups[place]
    }
}
