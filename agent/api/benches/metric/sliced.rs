//! Candidate b: a struct for each metric, its texts slices of the block they were read in.
//!
//! One reference to the block for each metric and not for each text, as that would count up fifteen times a metric.

use crate::Held;
use crate::line::{self, Place, Writer};
use std::sync::Arc;

/// A text in the block or, with the top bit of its place set, in what the metric owns.
#[derive(Clone, Copy)]
struct Text {
    at: u32,
    len: u32,
}

const OWN: u32 = 1 << 31;

impl From<Place> for Text {
    #[inline]
    fn from((from, to): Place) -> Self {
        Text { at: from as u32, len: (to - from) as u32 }
    }
}

#[derive(Clone)]
struct Metric {
    block: Arc<String>,
    own: String,
    name: Text,
    tags: Vec<(Text, Text)>,
    fields: Vec<(Text, f64)>,
    time: i64,
}

impl Metric {
    #[inline]
    fn text(&self, text: Text) -> &str {
        let (whole, at): (&str, _) =
            if text.at & OWN == 0 { (&self.block, text.at) } else { (&self.own, text.at & !OWN) };
        &whole[at as usize..(at + text.len) as usize]
    }

    #[inline]
    fn bytes(&self, text: Text) -> &[u8] {
        self.text(text).as_bytes()
    }
}

#[derive(Clone)]
pub(crate) struct Metrics(Vec<Metric>);

impl Held for Metrics {
    type Shared = ();
    const ABOUT: &'static str = "struct of slices of a shared block";
    const ALLOCATIONS: &'static str = "2, 2";

    fn parse(block: String, (): &mut ()) -> Self {
        let block = Arc::new(block);
        let metric = |l: line::Line<'_>| {
            let mut metric = Metric {
                block: block.clone(),
                own: String::new(),
                name: l.name().into(),
                tags: Vec::with_capacity(4),
                fields: Vec::with_capacity(4),
                time: line::TIME,
            };
            metric.tags.extend(l.tags().map(|(k, v)| (k.into(), v.into())));
            metric.fields.extend(l.fields().map(|(k, v)| (k.into(), line::number(line::cut(&block, v)))));
            metric
        };
        Metrics(line::lines(&block).map(metric).collect())
    }

    fn change(&mut self, key: &str, value: &str, (): &mut ()) {
        for metric in &mut self.0 {
            if let Some(i) = metric.tags.iter().position(|(k, _)| metric.text(*k) == key) {
                metric.tags[i].1 = Text { at: metric.own.len() as u32 | OWN, len: value.len() as u32 };
                metric.own.push_str(value);
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        for metric in &self.0 {
            let tags = metric.tags.iter().map(|(k, v)| (metric.bytes(*k), metric.bytes(*v)));
            let mut line = Writer::head(metric.bytes(metric.name), tags, out);
            metric.fields.iter().for_each(|(k, v)| line.float(metric.bytes(*k), *v));
            line.end(metric.time);
        }
    }
}
