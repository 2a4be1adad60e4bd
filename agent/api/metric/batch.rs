//! The batch: columns of heads, tags and fields over a shared body and an arena.

use super::*;
use std::sync::Arc;

/// Many metrics that move through the agent together.
///
/// Texts live in the shared body (if the batch was parsed from one) or in the arena, which only grows; `bytes` says what
/// all of it occupies. At most 2 GiB of arena: what does not fit is refused by the builder as a metric without fields.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) body: Arc<String>,
    pub(super) arena: String,
    pub(super) heads: Vec<Head>,
    pub(super) tags: Vec<(Str, Str)>,
    pub(super) fields: Vec<Slot>,
    pub(super) receipt: Option<Receipt>,
    pub(super) guard: Option<Guard>,
    pub(super) cargo: Option<Cargo>,
    pub(super) urges: bool,
    names: Option<Kept>,
}

/// The names of a list, kept in the arena once for all metrics that have them.
#[derive(Clone, Debug)]
struct Kept {
    list: &'static [&'static str],
    names: Vec<(Str, bool)>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Batch::default()
    }

    /// True if metrics of this batch may borrow from `body`.
    pub(super) fn borrows(&self, body: &Arc<String>) -> bool {
        Arc::ptr_eq(&self.body, body)
    }

    /// Lets metrics added from now on borrow from `body`, if the batch borrows from nothing else yet.
    pub(super) fn adopt(&mut self, body: &Arc<String>) -> bool {
        if self.borrows(body) {
            return true;
        }
        if self.heads.is_empty() && body.len() < ARENA as usize {
            self.body = body.clone();
            return true;
        }
        false
    }

    /// Number of metrics.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// True if there is no metric.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Memory that the batch holds, in bytes, the shared body included.
    pub fn bytes(&self) -> usize {
        self.body.len() + self.own_bytes()
    }

    /// Memory that the batch holds alone, in bytes.
    pub fn own_bytes(&self) -> usize {
        self.arena.len() + self.heads.len() * size_of::<Head>() + self.tags.len() * 16 + self.fields.len() * 16
    }

    /// One metric to read. Panics if `i` is out of range.
    pub fn at(&self, i: usize) -> MetricRef<'_> {
        MetricRef { batch: self, head: &self.heads[i] }
    }

    /// One metric to change. Panics if `i` is out of range.
    pub fn at_mut(&mut self, i: usize) -> MetricMut<'_> {
        assert!(i < self.heads.len(), "metric {i} of {}", self.heads.len());
        MetricMut { batch: self, row: i }
    }

    /// All metrics in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MetricRef<'_>> {
        self.heads.iter().map(|head| MetricRef { batch: self, head })
    }

    /// Calls `each` on every metric in order and keeps those for which it says true.
    pub fn retain(&mut self, mut each: impl FnMut(&mut MetricMut<'_>) -> bool) {
        let mut kept = 0;
        for i in 0..self.heads.len() {
            if each(&mut MetricMut { batch: self, row: i }) {
                if kept != i {
                    self.heads[kept] = self.heads[i];
                }
                kept += 1;
            }
        }
        self.heads.truncate(kept);
    }

    /// Calls `each` on every metric in order.
    pub fn each(&mut self, mut each: impl FnMut(&mut MetricMut<'_>)) {
        for i in 0..self.heads.len() {
            each(&mut MetricMut { batch: self, row: i });
        }
    }

    /// Begins a metric; it is added when the builder is dropped with at least one field.
    pub fn metric(&mut self, name: &str) -> Builder<'_> {
        Builder::new(self, name)
    }

    /// Adds a copy of row `i` at the end, sharing its texts, and gives its row. Panics if `i` is out of range.
    pub fn duplicate(&mut self, i: usize) -> usize {
        let mut head = self.heads[i];
        let (tags, fields) = (head.tags as usize, head.fields as usize);
        head.tags = self.tags.len() as u32;
        self.tags.extend_from_within(tags..tags + head.tag_len as usize);
        head.fields = self.fields.len() as u32;
        self.fields.extend_from_within(fields..fields + head.field_len as usize);
        self.heads.push(head);
        self.heads.len() - 1
    }

    /// Adds a copy of a metric of any batch and gives its row.
    pub fn push(&mut self, metric: MetricRef<'_>) -> usize {
        let from = metric.batch;
        if self.heads.is_empty() && self.arena.is_empty() {
            self.body = from.body.clone();
        }
        let shared = self.borrows(&from.body);
        let mut head = *metric.head;
        let copy = |to: &mut Batch, s: Str| if s.at & ARENA == 0 && shared { s } else { to.put(from.text(s)) };
        head.name = copy(self, head.name);
        head.tags = self.tags.len() as u32;
        for &(k, v) in from.tags_of(metric.head) {
            let pair = (copy(self, k), copy(self, v));
            self.tags.push(pair);
        }
        head.fields = self.fields.len() as u32;
        for &slot in from.fields_of(metric.head) {
            let key = copy(self, slot.key());
            let bits = if matches!(slot.kind(), Type::Str | Type::Decimal) {
                copy(self, slot.text()).bits()
            } else {
                slot.bits
            };
            self.fields.push(Slot::new(key, slot.kind(), bits));
        }
        self.heads.push(head);
        self.heads.len() - 1
    }

    /// Removes all metrics and texts but keeps the memory for the next use.
    pub fn clear(&mut self) {
        self.body = Arc::default();
        self.arena.clear();
        self.heads.clear();
        self.tags.clear();
        self.fields.clear();
        self.receipt = None;
        self.guard = None;
        self.cargo = None;
        self.urges = false;
        self.names = None;
    }

    /// Makes room for so many metrics more with so many fields each, and bytes of text each, so that nothing is moved while they are added.
    pub fn reserve(&mut self, metrics: usize, fields: usize, bytes: usize) {
        self.heads.reserve(metrics);
        self.fields.reserve(metrics.saturating_mul(fields));
        self.arena.reserve(metrics.saturating_mul(bytes));
    }

    /// Takes everything out, with room for as much again where the batch was.
    pub fn take(&mut self) -> Batch {
        let like = Batch {
            arena: String::with_capacity(self.arena.len().min(1 << 20)),
            heads: Vec::with_capacity(self.heads.len()),
            tags: Vec::with_capacity(self.tags.len()),
            fields: Vec::with_capacity(self.fields.len()),
            ..Batch::default()
        };
        std::mem::replace(self, like)
    }

    /// Sets a tag on every metric, new or not. Its key and value are kept once for all of them, and the column of tags is written
    /// anew in one pass, which is much less work than setting it metric by metric.
    pub fn set_tag(&mut self, key: &str, value: &str) {
        let (pair, good) = ((self.put(key), self.put(value)), clean(key) && clean(value));
        let mut tags = Vec::with_capacity(self.tags.len() + self.heads.len());
        let mut heads = std::mem::take(&mut self.heads);
        for head in &mut heads {
            let (old, from) = (self.tags_of(head), tags.len());
            let at = old.iter().rposition(|tag| self.text(tag.0) < key).map_or(0, |i| i + 1);
            let replaced = old.get(at).is_some_and(|tag| self.text(tag.0) == key);
            tags.extend_from_slice(&old[..at]);
            if replaced || head.tag_len < u16::MAX {
                tags.push(pair);
            }
            tags.extend_from_slice(&old[at + usize::from(replaced)..]);
            head.tags = from as u32;
            head.tag_len = (tags.len() - from) as u16;
            head.series = 0;
            head.clean &= good;
        }
        (self.tags, self.heads) = (tags, heads);
    }

    /// Sorts the metrics by `key`, equal ones staying in order.
    pub fn sort_by_key<K: Ord>(&mut self, mut key: impl FnMut(MetricRef<'_>) -> K) {
        let mut heads = std::mem::take(&mut self.heads);
        heads.sort_by_cached_key(|head| key(MetricRef { batch: self, head }));
        self.heads = heads;
    }

    /// Gives every metric that has no time yet the time `now`, and rounds all times to a multiple of `precision`
    /// nanoseconds counted from the year 1, halves up, as Telegraf does; 0 and 1 leave them as they are.
    pub fn settle_times(&mut self, now: i64, precision: i64) {
        for head in &mut self.heads {
            if head.time == UNSET {
                head.time = now;
            }
        }
        if precision > 1 {
            for head in &mut self.heads {
                head.time = round_time(head.time, precision);
            }
        }
    }

    /// Gives every metric the time that `each` makes of its own, or of none, in their order.
    pub fn map_times(&mut self, mut each: impl FnMut(Option<i64>) -> i64) {
        for head in &mut self.heads {
            head.time = each((head.time != UNSET).then_some(head.time));
        }
    }

    /// Gives every metric the time `now`, rounded as by `settle_times`.
    pub fn set_times(&mut self, now: i64, precision: i64) {
        for head in &mut self.heads {
            head.time = now;
        }
        self.settle_times(now, precision);
    }

    /// Keeps the metrics of these rows, in this order. A row named again is left out, as its copy would share its tags and fields
    /// with it; make one with `duplicate`. Panics if a row is out of range.
    pub fn arrange(&mut self, rows: &[u32]) {
        let mut heads: Vec<Option<Head>> = self.heads.drain(..).map(Some).collect();
        self.heads.extend(rows.iter().filter_map(|&row| heads[row as usize].take()));
    }

    /// Computes the series hash of every metric, so that whoever reads a shared copy finds it done.
    pub fn hash(&mut self) {
        for i in 0..self.heads.len() {
            if self.heads[i].series == 0 {
                self.heads[i].series = self.at(i).series();
            }
        }
    }

    /// The receipt that all pieces of this batch share.
    pub fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// Puts a receipt on the batch.
    pub fn set_receipt(&mut self, receipt: Receipt) {
        self.receipt = Some(receipt);
    }

    /// Takes the receipt off the batch.
    pub fn take_receipt(&mut self) -> Option<Receipt> {
        self.receipt.take()
    }

    /// Puts a guard on the batch: it is dropped when the last piece of the batch is gone.
    pub fn set_guard(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// Takes the guard off the batch.
    pub fn take_guard(&mut self) -> Option<Guard> {
        self.guard.take()
    }

    /// What the batch carries beside its metrics.
    pub fn cargo(&self) -> Option<&Cargo> {
        self.cargo.as_ref()
    }

    /// Lets the batch carry something to the aggregators. It goes where the batch goes, in the same order.
    pub fn set_cargo(&mut self, cargo: Cargo) {
        self.cargo = Some(cargo);
    }

    /// Takes off what the batch carries beside its metrics.
    pub fn take_cargo(&mut self) -> Option<Cargo> {
        self.cargo.take()
    }

    /// True if what came before this batch is to be written at once.
    pub fn urges(&self) -> bool {
        self.urges
    }

    /// Lets the batch tell the outputs to write at once what they have when it comes to them.
    pub fn set_urges(&mut self) {
        self.urges = true;
    }

    /// Copies a text into the arena. Beyond 2 GiB the text is left empty: builders check `full` first.
    #[inline]
    pub(super) fn put(&mut self, text: &str) -> Str {
        let at = self.arena.len();
        if at + text.len() >= ARENA as usize {
            return Str { at: ARENA, len: 0 };
        }
        self.arena.push_str(text);
        Str { at: at as u32 | ARENA, len: text.len() as u32 }
    }

    /// A name of a list, and whether it is clean. The list that was asked for last is kept.
    #[inline]
    pub(super) fn name_of(&mut self, list: &'static [&'static str], i: usize) -> (Str, bool) {
        match &self.names {
            Some(kept) if std::ptr::eq(kept.list, list) => kept.names[i],
            _ => self.keep_names(list)[i],
        }
    }

    #[cold]
    fn keep_names(&mut self, list: &'static [&'static str]) -> &[(Str, bool)] {
        let names = list.iter().map(|name| (self.put(name), clean(name))).collect();
        &self.names.insert(Kept { list, names }).names
    }

    /// The text at a place.
    #[inline]
    pub(super) fn text(&self, s: Str) -> &str {
        let at = (s.at & !ARENA) as usize;
        let whole: &str = if s.at & ARENA == 0 { &self.body } else { &self.arena };
        &whole[at..at + s.len as usize]
    }

    /// The bytes of the text at a place. To compare them needs no look at where characters begin.
    #[inline]
    pub(super) fn bytes_of(&self, s: Str) -> &[u8] {
        let at = (s.at & !ARENA) as usize;
        let whole: &[u8] = if s.at & ARENA == 0 { self.body.as_bytes() } else { self.arena.as_bytes() };
        &whole[at..at + s.len as usize]
    }

    /// True if the text at a place is this one.
    #[inline]
    pub(super) fn is(&self, s: Str, text: &str) -> bool {
        s.len as usize == text.len() && same(self.bytes_of(s), text.as_bytes())
    }

    /// True if two fields have one key.
    #[inline]
    pub(super) fn same_key(&self, a: Slot, b: Slot) -> bool {
        a.key().len == b.key().len && same(self.bytes_of(a.key()), self.bytes_of(b.key()))
    }

    #[inline]
    pub(super) fn tags_of(&self, head: &Head) -> &[(Str, Str)] {
        &self.tags[head.tags as usize..head.tags as usize + head.tag_len as usize]
    }

    #[inline]
    pub(super) fn fields_of(&self, head: &Head) -> &[Slot] {
        &self.fields[head.fields as usize..(head.fields + head.field_len) as usize]
    }

    /// The slot for a value, its text copied into the arena.
    #[inline]
    pub(super) fn slot(&mut self, key: Str, value: Value<'_>) -> Slot {
        match value {
            Value::Float(v) => Slot::new(key, Type::Float, v.to_bits()),
            Value::Int(v) => Slot::new(key, Type::Int, v as u64),
            Value::Uint(v) => Slot::new(key, Type::Uint, v),
            Value::Bool(v) => Slot::new(key, Type::Bool, v as u64),
            Value::Str(v) => {
                let text = self.put(v);
                Slot::new(key, Type::Str, text.bits())
            }
        }
    }

    #[inline]
    pub(super) fn value(&self, slot: Slot) -> Value<'_> {
        match slot.kind() {
            Type::Float => Value::Float(f64::from_bits(slot.bits)),
            Type::Int => Value::Int(slot.bits as i64),
            Type::Uint => Value::Uint(slot.bits),
            Type::Bool => Value::Bool(slot.bits != 0),
            Type::Str => Value::Str(self.text(slot.text())),
            Type::Decimal => Value::Float(fast_float2::parse(self.text(slot.text())).unwrap_or(f64::NAN)),
        }
    }
}

/// True if two texts of one length are the same. Keys are short: a call for each would cost more than the comparison.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    let word = |text: &[u8], at: usize| text[at..].first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let half = |text: &[u8], at: usize| text[at..].first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
    match a.len() {
        // The second piece overlaps the first where the length is no multiple of it.
        n @ 8..=16 => word(a, 0) == word(b, 0) && word(a, n - 8) == word(b, n - 8),
        n @ 4..=7 => half(a, 0) == half(b, 0) && half(a, n - 4) == half(b, n - 4),
        0..=3 => a.iter().eq(b),
        _ => a == b,
    }
}

/// Rounds a time to a multiple of `step` nanoseconds counted from the year 1, halves up; `step` is 1 or more.
pub fn round_time(time: i64, step: i64) -> i64 {
    const YEAR_1: i128 = 62_135_596_800_000_000_000;
    let (since, step) = (time as i128 + YEAR_1, step as i128);
    let over = since.rem_euclid(step);
    let rounded = if over + over < step { since - over } else { since + step - over };
    (rounded - YEAR_1).clamp(i64::MIN as i128 + 1, i64::MAX as i128) as i64
}

impl FromIterator<Metric> for Batch {
    fn from_iter<I: IntoIterator<Item = Metric>>(metrics: I) -> Self {
        let mut batch = Batch::new();
        for metric in metrics {
            metric.add_to(&mut batch);
        }
        batch
    }
}
