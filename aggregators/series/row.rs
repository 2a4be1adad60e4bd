//! One series of a table, to read; and how its name and tags are kept as words.
//!
//! A key is the number of tags, then name, keys and values, each as its length and its bytes, filled up with zeros to a whole
//! word. Lengths below 255 take one byte.

use super::{HEADER, Series, Table};
use agent_api::{Builder, Collector, MetricRef};

/// Appends the key of a metric's series.
pub(super) fn write_key(metric: MetricRef<'_>, key: &mut Vec<u8>) {
    let tags = metric.tags();
    // A metric has at most 65,535 tags.
    key.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    write_text(metric.name(), key);
    for (name, value) in tags {
        write_text(name, key);
        write_text(value, key);
    }
}

fn write_text(text: &str, key: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(len) if len < u8::MAX => key.push(len),
        _ => {
            key.push(u8::MAX);
            // A batch holds at most 2 GiB of text.
            key.extend_from_slice(&(text.len() as u32).to_le_bytes());
        }
    }
    key.extend_from_slice(text.as_bytes());
}

/// Up to eight bytes of a key as a word.
pub(super) fn key_word(bytes: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(bytes) {
        Ok(whole) => u64::from_le_bytes(whole),
        Err(_) => {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(padded)
        }
    }
}

/// True if the words are those of a key of as many words.
pub(super) fn same_key(words: &[u64], key: &[u8]) -> bool {
    words.iter().zip(key.chunks(8)).all(|(word, bytes)| *word == key_word(bytes))
}

/// One series, to read.
pub struct Row<'a> {
    table: &'a mut Table,
    series: Series,
    /// Name and tags as bytes.
    key: &'a [u8],
}

impl<'a> Row<'a> {
    pub(super) fn new(table: &'a mut Table, series: Series, key: &'a mut Vec<u8>) -> Self {
        let len = super::halves(table.words.run(series.0, HEADER)[0]).0 as usize;
        key.clear();
        for word in table.words.run_after(series.0, HEADER + table.head, len) {
            key.extend_from_slice(&word.to_le_bytes());
        }
        Row { table, series, key }
    }

    /// The texts of name and tags as bytes: the name, then keys and values in turn.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { rest: &self.key[2..], left: 1 + 2 * self.tag_len() }
    }

    /// Number of tags.
    pub(super) fn tag_len(&self) -> usize {
        u16::from_le_bytes([self.key[0], self.key[1]]).into()
    }

    /// Begins a metric of this name with these tags.
    pub fn metric<'o>(&self, out: &'o mut Collector) -> Builder<'o> {
        let mut texts = self.texts();
        let mut builder = out.metric(text(texts.next().unwrap_or_default()));
        while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
            builder.add_tag(text(key), text(value));
        }
        builder
    }

    /// The state of the whole series.
    pub fn head(&self) -> &[u64] {
        self.table.words.run_after(self.series.0, HEADER, self.table.head)
    }

    /// The state of the whole series, to change.
    pub fn head_mut(&mut self) -> &mut [u64] {
        self.table.head(self.series)
    }

    /// Keys and states of the fields in the order in which they came.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = (&str, &[u64])> {
        self.numbered().map(|(key, state)| (self.key_text(key), state))
    }

    /// Numbers of keys and states of the fields in the order in which they came.
    pub fn numbered(&self) -> impl ExactSizeIterator<Item = (u32, &[u64])> {
        let table = &*self.table;
        let (at, room, len) = table.slots(self.series);
        (0..len).map(move |slot| {
            let state = room.div_ceil(2) as usize + slot as usize * table.width;
            (table.slot_key(at, slot), table.words.run_after(at, state, table.width))
        })
    }

    /// The key of a number.
    pub fn key_text(&self, number: u32) -> &str {
        self.table.keys.text(number)
    }

    /// The states of all fields, to change.
    pub fn each_slot(&mut self, change: impl FnMut(&mut [u64])) {
        self.table.each_slot(self.series, change);
    }
}

/// The texts of a key one after the other.
pub(super) struct Texts<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (len, rest) = match self.rest {
            [u8::MAX, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
            [len, rest @ ..] => (*len as usize, rest),
            [] => (0, self.rest),
        };
        let (text, rest) = rest.split_at(len.min(rest.len()));
        self.rest = rest;
        Some(text)
    }
}

/// A text of a key, which was one when it was written.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
