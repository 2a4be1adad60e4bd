//! Adding a metric to a batch: in parts by name and value, or by parsers from places in a shared body.

use super::*;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// A metric being added. It counts from the moment it is dropped, and only if it has a field; of a tag or field given
/// twice the last stays.
pub struct Builder<'a> {
    batch: &'a mut Batch,
    head: Head,
    /// Which names of the list of `known` were given.
    given: u128,
    known: &'static [&'static str],
    /// A name may have been given twice.
    twice: bool,
}

/// The fields of a metric are compared each with each up to so many, and found by a table on the stack up to `TABLE / 2`.
const PAIRS: u32 = 16;
const TABLE: usize = 256;

/// Up to so many tags are put in order one by one, more are sorted in the end: going back through them all for each would
/// cost the square of their number.
const FEW: u16 = 32;

impl<'a> Builder<'a> {
    pub(super) fn new(batch: &'a mut Batch, name: &str) -> Self {
        let text = batch.put(name);
        Builder::start(batch, text, clean(name))
    }

    fn start(batch: &'a mut Batch, name: Str, clean: bool) -> Self {
        let (tags, fields) = (batch.tags.len() as u32, batch.fields.len() as u32);
        let head =
            Head { name, tags, fields, field_len: 0, tag_len: 0, kind: Kind::Untyped, clean, time: UNSET, series: 0 };
        Builder { batch, head, given: 0, known: &[], twice: false }
    }

    /// Adds a tag. Empty values are kept here and left out by formats that cannot write them.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.add_tag(key, value);
        self
    }

    /// Adds tags.
    pub fn tags<K: AsRef<str>, V: AsRef<str>>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        for (k, v) in tags {
            self.add_tag(k.as_ref(), v.as_ref());
        }
        self
    }

    /// Adds a tag, for loops.
    pub fn add_tag(&mut self, key: &str, value: &str) {
        if self.head.tag_len < u16::MAX {
            let pair = (self.batch.put(key), self.batch.put(value));
            self.head.clean &= clean(key) && clean(value);
            self.push_tag(pair);
        }
    }

    /// Adds a field.
    pub fn field<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.add_field(key, value);
        self
    }

    /// Adds fields.
    pub fn fields<'v, K: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, Value<'v>)>) -> Self {
        for (k, v) in fields {
            self.add_field(k.as_ref(), v);
        }
        self
    }

    /// Adds a field, for loops. A key is at most 16 MiB long; a longer one is ignored.
    pub fn add_field<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        if key.len() > KEY_MAX {
            return;
        }
        let text = self.batch.put(key);
        self.head.clean &= clean(key);
        let slot = self.batch.slot(text, value.into());
        self.push_slot(slot);
    }

    /// Adds a field whose name is the `i`-th of a static list of different names. For metrics that are made by the million: the batch
    /// keeps the names once, and need not compare them. Panics if `i` is out of range.
    #[inline]
    pub fn add_field_of<'v>(&mut self, names: &'static [&'static str], i: usize, value: impl Into<Value<'v>>) {
        let (name, clean) = self.batch.name_of(names, i);
        self.head.clean &= clean;
        let bit = 1u128.checked_shl(i as u32).unwrap_or(0);
        // Names of other lists may be the same.
        self.twice |= bit == 0 || self.given & bit != 0 || (self.given != 0 && !std::ptr::eq(self.known, names));
        (self.given, self.known) = (self.given | bit, names);
        let slot = self.batch.slot(name, value.into());
        self.batch.fields.push(slot);
        self.head.field_len += 1;
    }

    /// Sets the time in nanoseconds since the Unix epoch; without it the agent sets the time of collection.
    pub fn time(mut self, time: i64) -> Self {
        self.head.time = time;
        self
    }

    /// Sets the kind.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.head.kind = kind;
        self
    }

    /// Number of fields so far.
    pub fn field_count(&self) -> usize {
        self.head.field_len as usize
    }

    /// Leaves the metric out after all.
    pub fn discard(mut self) {
        self.batch.fields.truncate(self.head.fields as usize);
        self.head.field_len = 0;
    }

    /// Puts a tag where it belongs: behind those of smaller keys. Most come in order, and those that do not go a few places back.
    #[inline]
    fn push_tag(&mut self, pair: (Str, Str)) {
        let batch = &mut *self.batch;
        if self.head.tag_len >= FEW {
            batch.tags.push(pair);
            self.head.tag_len += 1;
            return;
        }
        let (start, mut at) = (self.head.tags as usize, batch.tags.len());
        while at > start {
            match batch.text(batch.tags[at - 1].0).cmp(batch.text(pair.0)) {
                std::cmp::Ordering::Less => break,
                std::cmp::Ordering::Equal => {
                    batch.tags[at - 1] = pair;
                    return;
                }
                std::cmp::Ordering::Greater => at -= 1,
            }
        }
        batch.tags.insert(at, pair);
        self.head.tag_len += 1;
    }

    #[inline]
    fn push_slot(&mut self, slot: Slot) {
        self.twice = true;
        self.batch.fields.push(slot);
        self.head.field_len += 1;
    }

    /// Sorts the tags of a metric that has more than a few.
    #[cold]
    fn sort_tags(&mut self) {
        let mut tags = self.batch.tags.split_off(self.head.tags as usize);
        let batch = &*self.batch;
        // Stable, so of equal keys the last given is the last of its run.
        tags.sort_by(|a, b| batch.text(a.0).cmp(batch.text(b.0)));
        let mut kept: Vec<(Str, Str)> = Vec::with_capacity(tags.len());
        for pair in tags {
            match kept.last_mut() {
                Some(last) if batch.text(last.0) == batch.text(pair.0) => *last = pair,
                _ => kept.push(pair),
            }
        }
        self.head.tag_len = kept.len() as u16;
        self.batch.tags.extend(kept);
    }

    /// Of fields of one key only the last value stays, in the place of the first.
    fn unique_fields(&mut self) {
        let start = self.head.fields as usize;
        let batch = &mut *self.batch;
        let mut end = start;
        if self.head.field_len <= PAIRS {
            for i in start..batch.fields.len() {
                let slot = batch.fields[i];
                let same = (start..end).find(|j| batch.same_key(batch.fields[*j], slot));
                batch.fields[same.unwrap_or(end)] = slot;
                end += usize::from(same.is_none());
            }
        } else if self.head.field_len as usize <= TABLE / 2 {
            // For each hash the number of the first field that has it, or one before it in the table, from 1.
            let mut table = [0u8; TABLE];
            for i in start..batch.fields.len() {
                let slot = batch.fields[i];
                let mut at = hash::text(batch.text(slot.key())) as usize % TABLE;
                let place = loop {
                    match table[at] {
                        0 => {
                            end += 1;
                            table[at] = (end - start) as u8;
                            break end - 1;
                        }
                        n if batch.same_key(batch.fields[start + n as usize - 1], slot) => {
                            break start + n as usize - 1;
                        }
                        _ => at = (at + 1) % TABLE,
                    }
                };
                batch.fields[place] = slot;
            }
        } else {
            let slots = batch.fields.split_off(start);
            let mut seen = std::collections::HashMap::with_capacity_and_hasher(slots.len(), hash::state().clone());
            let mut kept: Vec<Slot> = Vec::with_capacity(slots.len());
            for slot in slots {
                match seen.entry(batch.text(slot.key())) {
                    Entry::Occupied(first) => kept[*first.get()] = slot,
                    Entry::Vacant(none) => {
                        none.insert(kept.len());
                        kept.push(slot);
                    }
                }
            }
            batch.fields.extend(kept);
            end = batch.fields.len();
        }
        batch.fields.truncate(end);
        self.head.field_len = (end - start) as u32;
    }
}

impl Drop for Builder<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.head.field_len == 0 {
            self.batch.tags.truncate(self.head.tags as usize);
            return;
        }
        if self.head.tag_len > FEW {
            self.sort_tags();
        }
        if self.twice && self.head.field_len > 1 {
            self.unique_fields();
        }
        self.batch.heads.push(self.head);
    }
}

/// Adds metrics whose texts are places in one shared body, for parsers: nothing is copied but what had an escape.
///
/// All offsets count from the begin of the body given to [`Borrower::new`].
pub struct Borrower<'a> {
    batch: &'a mut Batch,
    base: u32,
}

impl<'a> Borrower<'a> {
    /// None if the batch borrows from another body already, or the body is no text or too large: copy then.
    pub fn new(batch: &'a mut Batch, body: &Body) -> Option<Self> {
        let (text, from, _) = body.shared()?;
        let text: &Arc<String> = text;
        if !batch.adopt(text) {
            return None;
        }
        Some(Borrower { batch, base: from as u32 })
    }

    /// The batch, for what is copied after all.
    pub fn batch(&mut self) -> &mut Batch {
        self.batch
    }

    /// Number of metrics in the batch.
    pub fn len(&self) -> usize {
        self.batch.heads.len()
    }

    /// True if the batch has no metric.
    pub fn is_empty(&self) -> bool {
        self.batch.heads.is_empty()
    }

    /// Begins a metric whose name is at `from..to` and, as all that is borrowed, needs no escape.
    #[inline]
    pub fn metric(&mut self, from: usize, to: usize) -> BorrowedBuilder<'_> {
        self.metric_named((from, to))
    }

    /// Begins a metric whose name is at a place.
    #[inline]
    pub fn metric_named(&mut self, name: impl Into<Place>) -> BorrowedBuilder<'_> {
        let base = self.base;
        let name = name.into().at(base);
        BorrowedBuilder { inner: Builder::start(self.batch, name, true), base }
    }

    /// Keeps a text that stands in many metrics but not in the body. It is to need no escape, and its place is only good for
    /// this batch.
    pub fn keep(&mut self, text: &str) -> Place {
        Place(Where::Kept(self.batch.put(text)))
    }
}

/// Where a text is: at `(from, to)` in the body of a [`Borrower`], or where [`Borrower::keep`] put it.
#[derive(Clone, Copy, Debug)]
pub struct Place(Where);

#[derive(Clone, Copy, Debug)]
enum Where {
    Body(usize, usize),
    Kept(Str),
}

impl From<(usize, usize)> for Place {
    #[inline]
    fn from((from, to): (usize, usize)) -> Self {
        Place(Where::Body(from, to))
    }
}

impl Place {
    #[inline]
    fn at(self, base: u32) -> Str {
        match self.0 {
            Where::Body(from, to) => Str { at: base + from as u32, len: (to - from) as u32 },
            Where::Kept(text) => text,
        }
    }
}

/// See [`Borrower`]: a metric being added.
pub struct BorrowedBuilder<'a> {
    inner: Builder<'a>,
    base: u32,
}

impl BorrowedBuilder<'_> {
    /// Adds a tag from two places.
    #[inline]
    pub fn tag(&mut self, key: impl Into<Place>, value: impl Into<Place>) {
        if self.inner.head.tag_len < u16::MAX {
            let pair = (key.into().at(self.base), value.into().at(self.base));
            self.inner.push_tag(pair);
        }
    }

    /// Adds a field whose key is a place.
    #[inline]
    pub fn field(&mut self, key: impl Into<Place>, value: Value<'_>) {
        let key = key.into().at(self.base);
        let slot = self.inner.batch.slot(key, value);
        self.inner.push_slot(slot);
    }

    /// Adds a float whose text is plain decimal in shortest form (see [`FieldRef::decimal`]).
    #[inline]
    pub fn decimal(&mut self, key: impl Into<Place>, text: impl Into<Place>) {
        let slot = Slot::new(key.into().at(self.base), Type::Decimal, text.into().at(self.base).bits());
        self.inner.push_slot(slot);
    }

    /// Adds a text field from a place.
    #[inline]
    pub fn text(&mut self, key: impl Into<Place>, text: impl Into<Place>) {
        let slot = Slot::new(key.into().at(self.base), Type::Str, text.into().at(self.base).bits());
        self.inner.push_slot(slot);
    }

    /// Sets the time in nanoseconds since the Unix epoch.
    #[inline]
    pub fn time(&mut self, time: i64) {
        self.inner.head.time = time;
    }

    /// Sets the kind.
    #[inline]
    pub fn kind(&mut self, kind: Kind) {
        self.inner.head.kind = kind;
    }

    /// Says that a name, key or tag value of it needs an escape in line protocol after all.
    #[inline]
    pub fn needs_escape(&mut self) {
        self.inner.head.clean = false;
    }

    /// Leaves the metric out after all.
    #[inline]
    pub fn discard(self) {
        self.inner.discard();
    }
}
