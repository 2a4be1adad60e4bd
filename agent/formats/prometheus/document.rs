//! Reading text: a fast walk over ordinary samples, whose texts are borrowed from the document, and sample by sample with all that the
//! format knows where one is out of the ordinary or part of a histogram or summary.
//!
//! A family's type counts for its samples wherever they stand, so the types are found before the walk; a type that comes behind a
//! sample of its family is a mistake, as in Prometheus' own reader.

use super::families::{Families, Part};
use crate::decimal::is_shortest;
use crate::exposition::mapping::{Mapping, Version, field_of};
use crate::exposition::sample::{self, BLANKS, Sample};
use agent_api::metric::{BorrowedBuilder, Borrower, Place};
use agent_api::*;
use agent_golang::number::parse_float;

/// So many lines are read between two moments at which a full batch may be handed on.
const LINES: usize = 256;

/// No sample has this name.
const NONE: (&str, Part) = ("", Part::Number(Kind::Untyped));

/// A document on its way.
pub(super) struct Document<'a> {
    body: &'a Body,
    text: &'a str,
    mapping: &'a Mapping,
    /// Whether samples keep their own time.
    times: bool,
    families: Families<'a>,
    /// The name of the last sample, and what it is.
    last: (&'a str, Part),
    at: usize,
    line: usize,
    bad: ParseError,
}

impl<'a> Document<'a> {
    /// Adds the metrics of a document; the batch is to be empty.
    pub(super) fn read(body: &Body, mapping: &Mapping, times: bool, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let mut bad = ParseError::default();
        let families = Families::of(&text, &mut bad);
        let mut document = Document {
            body,
            text: &text,
            mapping,
            times,
            families,
            last: NONE,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            line: 0,
            bad,
        };
        while document.at < document.text.len() {
            document.some_lines(out);
            out.checkpoint();
        }
        document.families.add(mapping, out);
        document.bad.or_ok()
    }

    fn some_lines(&mut self, out: &mut Collector) {
        let Some(mut to) = Borrower::new(out.batch(), self.body) else {
            // Documents beyond 2 GiB cannot be borrowed.
            for _ in 0..LINES {
                self.slow(out.batch());
            }
            return;
        };
        let name = match self.mapping.version {
            Version::One => None,
            Version::Two => Some(to.keep(self.mapping.name)),
        };
        let fields = [Kind::Untyped, Kind::Counter, Kind::Gauge].map(|kind| (kind, to.keep(field_of(kind))));
        for _ in 0..LINES {
            if self.at >= self.text.len() {
                break;
            }
            match self.fast(name, &fields, &mut to) {
                Some(next) => {
                    self.at = next;
                    self.line += 1;
                }
                None => self.slow(to.batch()),
            }
        }
    }

    /// Reads an ordinary line of the form `name{label="value",...} number time` and gives the begin of the next; None leaves all as it was.
    #[inline]
    fn fast(&mut self, name: Option<Place>, fields: &[(Kind, Place); 3], to: &mut Borrower<'_>) -> Option<usize> {
        let (text, bytes, start) = (self.text, self.text.as_bytes(), self.at);
        let at = |i: usize| bytes.get(i).copied().unwrap_or(b'\n');
        if at(start) == b'#' {
            // A type changes what samples of its family are.
            self.last = NONE;
            return Some(memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |i| start + i + 1));
        }
        let mut i = start;
        while CLASS[at(i) as usize] & NAME != 0 {
            i += 1;
        }
        if i == start || bytes[start].is_ascii_digit() {
            return None;
        }
        let word = text.get(start..i)?;
        if word != self.last.0 {
            self.last = (word, self.families.part(word, start).ok()?);
        }
        let Part::Number(kind) = self.last.1 else { return None };
        let mut m = match name {
            Some(name) => to.metric_named(name),
            None => to.metric(start, i),
        };
        m.kind(kind);
        if at(i) == b'{' {
            i += 1;
            loop {
                let key = i;
                while CLASS[at(i) as usize] & LABEL != 0 {
                    i += 1;
                }
                if i == key {
                    if at(i) == b'}' {
                        break;
                    }
                    return give_up(m);
                }
                if at(i) != b'=' || at(i + 1) != b'"' || bytes[key].is_ascii_digit() {
                    return give_up(m);
                }
                let value = i + 2;
                let mut seen = 0;
                let mut end = value;
                loop {
                    let class = CLASS[at(end) as usize];
                    if class & STOP != 0 {
                        break;
                    }
                    seen |= class;
                    end += 1;
                }
                if at(end) != b'"' || end >= bytes.len() || is_reserved(&bytes[key..i]) {
                    return give_up(m);
                }
                if seen & ESCAPED != 0 {
                    m.needs_escape();
                }
                if end > value {
                    m.tag((key, i), (value, end));
                }
                i = end + 1;
                match at(i) {
                    b',' => i += 1,
                    b'}' => break,
                    _ => return give_up(m),
                }
            }
            i += 1;
        }
        if at(i) != b' ' {
            return give_up(m);
        }
        let number = i + 1;
        i = number;
        while at(i) > b' ' {
            i += 1;
        }
        let end = i;
        let key = match name {
            Some(_) => Place::from((start, start + word.len())),
            None => fields.iter().find(|f| f.0 == kind)?.1,
        };
        match bytes.get(number..end) {
            Some(digits) if is_shortest(digits) => m.decimal(key, (number, end)),
            Some(digits) => match fast_float2::parse::<f64, _>(digits) {
                Ok(value) if value.is_finite() => m.field(key, Value::Float(value)),
                _ => return give_up(m),
            },
            None => return give_up(m),
        }
        if at(i) == b' ' {
            let from = i + 1;
            i = from;
            let mut millis = 0i64;
            while at(i).is_ascii_digit() && i - from < 15 {
                millis = millis * 10 + i64::from(at(i) - b'0');
                i += 1;
            }
            if i == from || millis > i64::MAX / 1_000_000 {
                return give_up(m);
            }
            if self.times && millis > 0 {
                m.time(millis * 1_000_000);
            }
        }
        if at(i) != b'\n' {
            return give_up(m);
        }
        Some((i + 1).min(bytes.len()))
    }

    /// Reads the line at hand with all that the format knows.
    fn slow(&mut self, to: &mut Batch) {
        let rest = &self.text[self.at..];
        let len = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |i| i + 1);
        let (line, start) = (rest[..len].trim_matches(|c| c == '\n' || BLANKS.contains(&c)), self.at);
        self.at += len;
        self.line += 1;
        if line.is_empty() || line.starts_with('#') {
            self.last = NONE;
            return;
        }
        let text: &'a str = line;
        if let Err(cause) = sample::read(text).and_then(|sample| self.sample(sample, start, to)) {
            self.bad.add(self.line, line, cause);
        }
    }

    fn sample(&mut self, sample: Sample<'a>, start: usize, to: &mut Batch) -> Result<(), &'static str> {
        let mut words = sample::words(sample.rest);
        let value = number(words.next().ok_or("a sample has no value")?)?;
        let time = match words.next() {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| "a time is no whole number of milliseconds")?),
        };
        if words.next().is_some() {
            return Err("there is more than value and time behind a sample");
        }
        let time = time.filter(|t| self.times && *t > 0);
        let time = time.map(|t| t.checked_mul(1_000_000).ok_or("a time is out of range")).transpose()?;
        match self.families.part(&sample.name, start)? {
            Part::Number(kind) => {
                self.mapping.number(&sample.name, kind, sample.labels, value, time, to);
                Ok(())
            }
            part => self.families.take(part, sample.labels, value, time),
        }
    }
}

/// A value: Go's numbers, infinities and NaN, without underscores.
fn number(text: &str) -> Result<f64, &'static str> {
    if text.contains('_') {
        return Err("a value is no number");
    }
    parse_float(text).map_err(|_| "a value is no number")
}

fn is_reserved(label: &[u8]) -> bool {
    label == b"__name__"
}

fn give_up(m: BorrowedBuilder<'_>) -> Option<usize> {
    m.discard();
    None
}

/// Part of a name of a metric.
const NAME: u8 = 1;
/// Part of a name of a label.
const LABEL: u8 = 2;
/// Ends the walk over a value: a quote, a backslash or the end of the line.
const STOP: u8 = 4;
/// Needs an escape in line protocol.
const ESCAPED: u8 = 8;

const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        classes[i] = match b {
            b'"' | b'\\' | b'\n' => STOP,
            b',' | b' ' | b'=' | 9 | 11..=13 => ESCAPED,
            b':' => NAME,
            b'_' => NAME | LABEL,
            _ if b.is_ascii_alphanumeric() => NAME | LABEL,
            _ => 0,
        };
        i += 1;
    }
    classes
}
