//! Packing: a batch as a compact run of bytes, for metrics that have to wait long.
//!
//! Every text stands once, in a dictionary of the batch; numbers that are mostly small take few bytes. A metric of the
//! benchmarks (140 bytes as text, 160 as columns beside its text) takes 60 to 80 bytes. In memory the bytes
//! are trusted; `stored` is the same form for disks, checked when it is read.

use super::*;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The longest text of a float that is kept as it was received: what is longer takes less as eight bytes.
pub(super) const DECIMAL_MAX: usize = 24;

/// A packed batch, without receipt and guard.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The texts of the dictionary, one after the other.
    pub(super) texts: Box<str>,
    /// Lengths of the texts, then the metrics.
    pub(super) bytes: Box<[u8]>,
    pub(super) len: u32,
}

impl Packed {
    /// Packs the metrics of a view.
    pub fn new(view: &View) -> Self {
        let mut packer = Packer::default();
        packer.pack(view);
        let mut bytes = Vec::with_capacity(packer.lengths.len() + packer.metrics.len() + 10);
        number(packer.spans, &mut bytes);
        bytes.extend_from_slice(&packer.lengths);
        bytes.extend_from_slice(&packer.metrics);
        Packed { texts: packer.texts.into_boxed_str(), bytes: bytes.into_boxed_slice(), len: view.len() as u32 }
    }

    /// Number of metrics.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no metric.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory that it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.texts.len() + self.bytes.len() + size_of::<Packed>()
    }

    /// The batch again.
    pub fn unpack(self) -> Batch {
        let mut read = Reader { bytes: &self.bytes, at: 0 };
        let count = read.number() as usize;
        let (mut places, mut at) = (Vec::with_capacity(count), 0u32);
        for _ in 0..count {
            let len = read.number() as u32;
            places.push(Str { at: at | ARENA, len });
            at += len;
        }
        let mut batch = Batch::new();
        batch.arena = self.texts.into_string();
        let (text, mut last) = (|n: u64| places[n as usize], 0i64);
        for _ in 0..self.len {
            let name = text(read.number());
            let flags = read.byte();
            last = last.wrapping_add(read.signed());
            let (tags, tag_len) = (batch.tags.len() as u32, read.number());
            for _ in 0..tag_len {
                let pair = (text(read.number()), text(read.number()));
                batch.tags.push(pair);
            }
            let (fields, field_len) = (batch.fields.len() as u32, read.number());
            for _ in 0..field_len {
                let key = text(read.number());
                let slot = match read.byte() {
                    0 => Slot::new(key, Type::Float, read.eight()),
                    1 => Slot::new(key, Type::Int, read.signed() as u64),
                    2 => Slot::new(key, Type::Uint, read.number()),
                    3 => Slot::new(key, Type::Bool, 0),
                    4 => Slot::new(key, Type::Bool, 1),
                    5 => Slot::new(key, Type::Str, text(read.number()).bits()),
                    _ => Slot::new(key, Type::Decimal, batch.put(read.decimal()).bits()),
                };
                batch.fields.push(slot);
            }
            batch.heads.push(Head {
                name,
                tags,
                fields,
                field_len: field_len as u32,
                tag_len: tag_len as u16,
                kind: kind(flags >> 1),
                clean: flags & 1 == 1,
                time: last,
                series: 0,
            });
        }
        batch
    }
}

pub(super) fn kind(n: u8) -> Kind {
    match n {
        1 => Kind::Counter,
        2 => Kind::Gauge,
        3 => Kind::Summary,
        4 => Kind::Histogram,
        _ => Kind::Untyped,
    }
}

/// Packs views one after the other and keeps its memory between them.
#[derive(Debug, Default)]
pub struct Packer {
    /// The numbers of texts by their hashes, and where they are.
    known: HashTable<Span>,
    hasher: RandomState,
    /// The texts of the metric before, in order: keys mostly stand in the same place, and to compare is quicker than to hash.
    before: Vec<Span>,
    /// Number of texts of this metric so far.
    place: usize,
    /// Number of texts.
    spans: u64,
    texts: String,
    lengths: Vec<u8>,
    metrics: Vec<u8>,
}

/// A text of the dictionary.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: usize,
    len: usize,
    id: u64,
}

impl Packer {
    /// Appends the stored form of a view; see [`Packed::write`].
    pub fn write(&mut self, view: &View, out: &mut Vec<u8>) {
        self.pack(view);
        number(view.len() as u64, out);
        number(self.texts.len() as u64, out);
        out.extend_from_slice(self.texts.as_bytes());
        number(self.spans, out);
        out.extend_from_slice(&self.lengths);
        out.extend_from_slice(&self.metrics);
    }

    fn pack(&mut self, view: &View) {
        self.known.clear();
        self.before.clear();
        self.spans = 0;
        self.texts.clear();
        self.lengths.clear();
        self.metrics.clear();
        let mut last = 0i64;
        for metric in view.iter() {
            self.metric(metric, last);
            last = metric.time();
        }
    }

    fn metric(&mut self, metric: MetricRef<'_>, last: i64) {
        self.place = 0;
        self.text(metric.name());
        self.metrics.push((metric.kind() as u8) << 1 | u8::from(metric.clean()));
        self.signed(metric.time().wrapping_sub(last));
        number(metric.tags().len() as u64, &mut self.metrics);
        for (key, value) in metric.tags() {
            self.text(key);
            self.text(value);
        }
        number(metric.fields().len() as u64, &mut self.metrics);
        for field in metric.raw_fields() {
            self.text(field.key());
            if let Some(decimal) = field.decimal().filter(|d| d.len() <= DECIMAL_MAX) {
                self.metrics.extend_from_slice(&[6, decimal.len() as u8]);
                self.metrics.extend_from_slice(decimal.as_bytes());
                continue;
            }
            match field.value() {
                Value::Float(v) => {
                    self.metrics.push(0);
                    self.metrics.extend_from_slice(&v.to_bits().to_le_bytes());
                }
                Value::Int(v) => {
                    self.metrics.push(1);
                    self.signed(v);
                }
                Value::Uint(v) => {
                    self.metrics.push(2);
                    number(v, &mut self.metrics);
                }
                Value::Bool(v) => self.metrics.push(3 + u8::from(v)),
                Value::Str(v) => {
                    self.metrics.push(5);
                    self.text(v);
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        let place = self.place;
        self.place += 1;
        let texts = self.texts.as_bytes();
        let is = |span: &Span| texts[span.at..span.at + span.len] == *text.as_bytes();
        if let Some(before) = self.before.get(place).filter(|before| is(before)) {
            number(before.id, &mut self.metrics);
            return;
        }
        let hash = self.hasher.hash_one(text);
        let span = match self.known.find(hash, is) {
            Some(span) => *span,
            None => {
                let span = Span { at: self.texts.len(), len: text.len(), id: self.spans };
                self.texts.push_str(text);
                number(text.len() as u64, &mut self.lengths);
                self.spans += 1;
                let (hasher, texts) = (&self.hasher, &self.texts);
                let again = |span: &Span| hasher.hash_one(&texts[span.at..span.at + span.len]);
                self.known.insert_unique(hash, span, again);
                span
            }
        };
        match self.before.get_mut(place) {
            Some(before) => *before = span,
            None => self.before.push(span),
        }
        number(span.id, &mut self.metrics);
    }

    /// Small numbers of either sign take few bytes (zigzag).
    fn signed(&mut self, n: i64) {
        number((n << 1 ^ n >> 63) as u64, &mut self.metrics);
    }
}

/// Seven bits a byte, the lowest first, the top bit set on all but the last (LEB128).
pub(super) fn number(mut n: u64, to: &mut Vec<u8>) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

/// Reads what `Packer` wrote; the bytes never leave the process, so they are right.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.bytes[self.at - 1]
    }

    fn number(&mut self) -> u64 {
        let (mut n, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return n;
            }
            shift += 7;
        }
    }

    fn signed(&mut self) -> i64 {
        let n = self.number();
        (n >> 1) as i64 ^ -((n & 1) as i64)
    }

    fn eight(&mut self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.bytes[self.at..self.at + 8]);
        self.at += 8;
        u64::from_le_bytes(bytes)
    }

    /// A float as it was received.
    fn decimal(&mut self) -> &str {
        let len = usize::from(self.byte());
        self.at += len;
        std::str::from_utf8(&self.bytes[self.at - len..self.at]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let mut batch = Batch::new();
        for i in 0..200i64 {
            batch
                .metric("cpu load")
                .tag("host", &format!("server{}", i % 7))
                .tag("empty", "")
                .kind(kind((i % 5) as u8))
                .field("f", i as f64 * 0.1)
                .field("i", i64::MIN + i)
                .field("u", u64::MAX - i as u64)
                .field("b", i % 2 == 0)
                .field("s", format!("text {i}").as_str())
                .time(1_790_000_000_000_000_000 - i * 1000);
        }
        let view = View::all(batch).with_rows((3..150).rev().collect());
        let packed = Packed::new(&view);
        let again = packed.clone().unpack();
        assert_eq!((packed.len(), again.len()), (147, 147));
        for (a, b) in view.iter().zip(again.iter()) {
            assert_eq!(a, b);
            assert_eq!((a.clean(), a.series()), (b.clean(), b.series()));
        }
    }

    #[test]
    fn floats_as_they_were_received_stay_so() {
        let body = Body::from("cpu usage=1.25 idle=-0.5 long=1.0000000000000000000000001");
        let mut batch = Batch::new();
        let mut borrower = Borrower::new(&mut batch, &body).expect("an empty batch borrows");
        let mut m = borrower.metric(0, 3);
        m.decimal((4, 9), (10, 14));
        m.decimal((15, 19), (20, 24));
        m.decimal((25, 29), (30, 57));
        drop(m);
        let view = View::all(batch);
        let mut stored = Vec::new();
        Packer::default().write(&view, &mut stored);
        for again in [Packed::new(&view).unpack(), Packed::read(&stored).unwrap()] {
            assert_eq!(again.at(0), view.at(0));
            let texts: Vec<_> = again.at(0).raw_fields().map(FieldRef::decimal).collect();
            assert_eq!(texts, [Some("1.25"), Some("-0.5"), None]);
        }
    }

    #[test]
    fn a_packer_begins_anew_with_every_view() {
        let mut packer = Packer::default();
        for n in [3, 1, 200] {
            let mut batch = Batch::new();
            for i in 0..n {
                batch.metric("m").tag("host", &format!("h{}", i * n)).field("f", i64::from(i));
            }
            let view = View::all(batch);
            let (mut first, mut second) = (Vec::new(), Vec::new());
            packer.write(&view, &mut first);
            Packed::new(&view).write(&mut second);
            assert_eq!(first, second);
            assert!(Packed::read(&first).unwrap().iter().eq(view.iter()));
        }
    }

    #[test]
    fn a_metric_of_the_benchmarks_takes_less_than_its_text() {
        let (mut batch, mut text) = (Batch::new(), 0);
        for i in 0..1000 {
            let v = |k: i32| (i * 7919 * k % 100_000) as f64 / 1000.0;
            let host = format!("server{i:06}");
            batch
                .metric("cpu_load")
                .tag("host", &host)
                .tag("rack", "r001")
                .tag("region", "eu-west-1")
                .field("usage_user", v(3))
                .field("usage_system", v(5))
                .field("usage_idle", v(7))
                .field("usage_iowait", v(11))
                .time(1_790_000_000_000_000_000 + i64::from(i) * 1_000_000);
            text += 140;
        }
        let packed = Packed::new(&View::all(batch));
        assert!(packed.bytes() * 2 < text, "{} bytes for {text}", packed.bytes());
    }
}
