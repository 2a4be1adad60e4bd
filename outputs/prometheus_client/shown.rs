//! The page: what a reader asked for, and the families in the order and with the labels in which they are shown.

use super::protobuf;
use super::table::{Series, Table, read_labels};
use agent_formats::exposition::names::Escaping;
use agent_formats::exposition::text::{self, Family, Point, Row};
use std::collections::BTreeSet;
use std::time::Instant;

/// The text behind `# HELP`; the words are those that Telegraf's readers know.
const HELP: &str = "Telegraf collected metric";

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// Protocol buffers, else text.
    pub(super) protobuf: bool,
    /// How names are shown.
    pub(super) escaping: Escaping,
}

impl Format {
    /// What the header `Accept` asks for: protocol buffers with a length before each, or the text format 0.0.4, which is also
    /// the answer to whoever asks for something else.
    pub(super) fn negotiate(accept: &str) -> Format {
        let mut escaping = Escaping::Underscores;
        let mut wanted: Vec<(f64, &str)> = accept.split(',').map(|range| (quality(range), range)).collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, range) in wanted {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let parameter = |name: &str| parts.clone().find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
            escaping = parameter("escaping").and_then(Escaping::named).unwrap_or(escaping);
            let family = parameter("proto") == Some("io.prometheus.client.MetricFamily");
            if kind == "application/vnd.google.protobuf" && family && parameter("encoding") == Some("delimited") {
                return Format { protobuf: true, escaping };
            }
            if kind == "text/plain" && matches!(parameter("version"), None | Some("" | "0.0.4" | "1.0.0")) {
                break;
            }
        }
        Format { protobuf: false, escaping }
    }

    /// The value of the header `Content-Type`.
    pub(super) fn content_type(self) -> String {
        let kind = match self.protobuf {
            true => "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            false => "text/plain; version=0.0.4; charset=utf-8",
        };
        format!("{kind}; escaping={}", self.escaping.name())
    }

    /// Appends a family.
    pub(super) fn family(self, family: &Family<'_>, out: &mut Vec<u8>) {
        match self.protobuf {
            true => protobuf::family(family, out),
            false => text::family(family, out),
        }
    }
}

/// The weight of a range of types, 1 if none is given.
fn quality(range: &str) -> f64 {
    let given = range.split(';').find_map(|p| p.trim().strip_prefix("q=")?.parse().ok());
    given.unwrap_or(1.0)
}

/// What is shown of a table.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// Labels that other series of the family have are shown empty, and spreads without points are shown.
    pub(super) first_version: bool,
    /// Times are shown.
    pub(super) times: bool,
}

impl Style {
    /// Appends all families of a table.
    pub(super) fn table(self, table: &Table, now: Instant, format: Format, out: &mut Vec<u8>) {
        for (name, kind, series) in table.alive(now) {
            let fill: BTreeSet<&str> = match self.first_version {
                true => series.iter().flat_map(|s| read_labels(&s.labels)).map(|(name, _)| name).collect(),
                false => BTreeSet::new(),
            };
            let mut rows: Vec<Row<'_>> =
                series.into_iter().filter(|s| self.shows(s)).map(|s| self.row(s, &fill, format.escaping)).collect();
            rows.sort_by(|a, b| {
                let values = || a.labels.iter().map(|l| l.1).cmp(b.labels.iter().map(|l| l.1));
                a.labels.len().cmp(&b.labels.len()).then_with(values)
            });
            if !rows.is_empty() {
                format.family(&Family { name: format.escaping.escape(name), help: HELP, kind, rows }, out);
            }
        }
    }

    fn shows(self, series: &Series) -> bool {
        self.first_version || !matches!(&series.point, Point::Spread(s) if s.points.is_empty())
    }

    fn row<'a>(self, series: &'a Series, fill: &BTreeSet<&'a str>, escaping: Escaping) -> Row<'a> {
        let mut own = read_labels(&series.labels).peekable();
        let labels = match self.first_version {
            // Both are sorted by name.
            true => fill
                .iter()
                .map(|&name| (name, own.next_if(|l| l.0 == name).map_or("", |l| l.1)))
                .map(|(name, value)| (escaping.escape(name), value))
                .collect(),
            false => own.map(|(name, value)| (escaping.escape(name), value)).collect(),
        };
        Row { labels, point: &series.point, time: self.times.then_some(series.time / 1_000_000) }
    }
}
