//! Names of indexes and pipelines: text with parts of the time and values of tags in it.

use agent_api::MetricRef;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::borrow::Cow;
use std::fmt::Write;

/// A part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Tag(String),
    /// What stands behind a percent sign.
    Time(char),
}

/// The name of an index.
#[derive(Clone, Debug)]
pub(super) struct IndexName {
    parts: Vec<Part>,
    default: String,
}

/// The name of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct PipelineName {
    parts: Vec<Part>,
    default: String,
}

impl IndexName {
    /// `default` stands for tags that a metric lacks.
    pub(super) fn new(text: &str, default: &str) -> Self {
        IndexName { parts: parts(text, true), default: default.to_owned() }
    }

    /// That of a metric.
    pub(super) fn of(&self, metric: MetricRef<'_>) -> String {
        let (mut name, mut time) = (String::new(), None);
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Tag(key) => name.push_str(metric.tag(key).unwrap_or(&self.default)),
                Part::Time(what) => append(time.get_or_insert_with(|| at(metric.time())), *what, &mut name),
            }
        }
        name
    }
}

impl PipelineName {
    /// None if there is none; `default` is that of metrics which lack a tag.
    pub(super) fn new(text: &str, default: &str) -> Option<Self> {
        (!text.is_empty()).then(|| PipelineName { parts: parts(text, false), default: default.to_owned() })
    }

    /// That of a metric; empty if it has none.
    pub(super) fn of(&self, metric: MetricRef<'_>) -> Cow<'_, str> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Time(_) => {}
                Part::Tag(key) => match metric.tag(key) {
                    Some(value) => name.push_str(value),
                    None => return Cow::Borrowed(&self.default),
                },
            }
        }
        Cow::Owned(name)
    }
}

fn at(nanos: i64) -> Zoned {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC)
}

/// The week is without a leading zero, as it always was.
fn append(time: &Zoned, what: char, out: &mut String) {
    // Writing to a text never fails.
    let _always = match what {
        'Y' => write!(out, "{:04}", time.year()),
        'y' => write!(out, "{:02}", time.year().rem_euclid(100)),
        'm' => write!(out, "{:02}", time.month()),
        'd' => write!(out, "{:02}", time.day()),
        'H' => write!(out, "{:02}", time.hour()),
        _ => write!(out, "{}", time.date().iso_week_date().week()),
    };
}

/// Braces that are not closed and percent signs before anything else are text.
fn parts(text: &str, times: bool) -> Vec<Part> {
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(c) = rest.chars().next() {
        let (part, after) = match rest.strip_prefix("{{").and_then(|inner| inner.split_once("}}")) {
            Some((key, after)) => (Some(Part::Tag(key.trim().to_owned())), after),
            None => match rest.strip_prefix('%').and_then(|code| code.chars().next()) {
                Some(code @ ('Y' | 'y' | 'm' | 'd' | 'H' | 'V')) if times => (Some(Part::Time(code)), &rest[2..]),
                _ => (None, &rest[c.len_utf8()..]),
            },
        };
        match part {
            None => plain.push(c),
            Some(part) => {
                parts.extend(Some(std::mem::take(&mut plain)).filter(|t| !t.is_empty()).map(Part::Text));
                parts.push(part);
            }
        }
        rest = after;
    }
    parts.extend(Some(plain).filter(|t| !t.is_empty()).map(Part::Text));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::Batch;

    #[test]
    fn names_of_indexes_and_pipelines() {
        let mut batch = Batch::new();
        drop(batch.metric("m").tag("k", "a b").field("v", 1i64).time(1_704_067_199_000_000_000));
        drop(batch.metric("m").field("v", 1i64).time(-1));
        let index = |text: &str, i: usize| IndexName::new(text, "none").of(batch.at(i));
        assert_eq!(index("own-%Y.%y.%m.%d-%H-%V", 0), "own-2023.23.12.31-23-52");
        assert_eq!(index("own-{{k}}-{{ z }}-%", 0), "own-a b-none-%");
        assert_eq!(index("{{k", 0), "{{k");
        assert_eq!(index("ä%Q{{k}}é%Y", 1), "ä%Qnoneé1969");
        let pipeline = |text: &str, i: usize| PipelineName::new(text, "usual").unwrap().of(batch.at(i)).into_owned();
        assert_eq!((pipeline("p-{{k}}", 0).as_str(), pipeline("p-{{k}}", 1).as_str()), ("p-a b", "usual"));
        assert_eq!(pipeline("%Y", 1), "%Y");
        assert!(PipelineName::new("", "usual").is_none());
    }
}
