//! Candidate a: a struct for each metric, its texts kept in place if they are short.

use crate::Held;
use crate::line::{self, Writer};

/// A text of up to 22 bytes in place, a longer one on the heap; 24 bytes as `String`.
#[derive(Clone)]
enum Text {
    Short(u8, [u8; 22]),
    Long(Box<[u8]>),
}

impl Text {
    #[inline]
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        if bytes.len() > 22 {
            return Text::Long(bytes.into());
        }
        let mut short = [0; 22];
        short[..bytes.len()].copy_from_slice(bytes);
        Text::Short(bytes.len() as u8, short)
    }

    /// Bytes, as text out of them would have to be checked again without `unsafe`.
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Text::Short(len, bytes) => &bytes[..*len as usize],
            Text::Long(bytes) => bytes,
        }
    }
}

#[derive(Clone)]
struct Metric {
    name: Text,
    tags: Vec<(Text, Text)>,
    fields: Vec<(Text, f64)>,
    time: i64,
}

#[derive(Clone)]
pub(crate) struct Metrics(Vec<Metric>);

impl Held for Metrics {
    type Shared = ();
    const ABOUT: &'static str = "struct of short texts in place";
    const ALLOCATIONS: &'static str = "2, 2";

    fn parse(block: String, (): &mut ()) -> Self {
        let text = |place| Text::new(line::cut(&block, place));
        let metric = |l: line::Line<'_>| {
            let mut metric = Metric {
                name: text(l.name()),
                tags: Vec::with_capacity(4),
                fields: Vec::with_capacity(4),
                time: line::TIME,
            };
            metric.tags.extend(l.tags().map(|(k, v)| (text(k), text(v))));
            metric.fields.extend(l.fields().map(|(k, v)| (text(k), line::number(line::cut(&block, v)))));
            metric
        };
        Metrics(line::lines(&block).map(metric).collect())
    }

    fn change(&mut self, key: &str, value: &str, (): &mut ()) {
        for metric in &mut self.0 {
            if let Some((_, old)) = metric.tags.iter_mut().find(|(k, _)| k.bytes() == key.as_bytes()) {
                *old = Text::new(value);
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        for metric in &self.0 {
            let tags = metric.tags.iter().map(|(k, v)| (k.bytes(), v.bytes()));
            let mut line = Writer::head(metric.name.bytes(), tags, out);
            metric.fields.iter().for_each(|(k, v)| line.float(k.bytes(), *v));
            line.end(metric.time);
        }
    }
}
