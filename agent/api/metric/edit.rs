//! One metric of a batch, to change. Only what changes is copied: new texts go to the arena, a longer list of tags or fields
//! moves to the end of its column, with room for some more behind it, since what adds one tag is often followed by another.

use super::*;
use std::cmp::Ordering;

/// Room for so many more tags or fields is left behind a list that moves.
const ROOM: usize = 4;
/// A place in the column of tags that belongs to the list before it. No text is that long.
const FREE_TAG: (Str, Str) = (Str { at: 0, len: u32::MAX }, Str { at: 0, len: 0 });
/// A place in the column of fields that belongs to the list before it. No type has that number.
const FREE_FIELD: Slot = Slot { key: 0, len_type: u32::MAX, bits: 0 };

/// Among more tags than these a key is found by halves; among fewer by looking at one after the other, which is quicker there.
const MANY: usize = 24;

/// Which of two keys comes first; mostly their first bytes tell, without a call.
#[inline]
fn order(a: &[u8], b: &[u8]) -> Ordering {
    match (a.first(), b.first()) {
        (Some(first), Some(other)) if first != other => first.cmp(other),
        _ => a.cmp(b),
    }
}

/// A metric of a batch that may be changed in place.
pub struct MetricMut<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) row: usize,
}

impl MetricMut<'_> {
    /// The same metric to read.
    pub fn read(&self) -> MetricRef<'_> {
        self.batch.at(self.row)
    }

    /// Its row in the batch.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.read().name()
    }

    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.read().tag(key)
    }

    /// The value of a field.
    pub fn field(&self, key: &str) -> Option<Value<'_>> {
        self.read().field(key)
    }

    /// The time in nanoseconds since the Unix epoch.
    pub fn time(&self) -> i64 {
        self.head().time
    }

    /// Sets the name.
    pub fn set_name(&mut self, name: &str) {
        let text = self.batch.put(name);
        let head = self.head_mut();
        head.name = text;
        head.series = 0;
        head.clean &= clean(name);
    }

    /// Sets the time in nanoseconds since the Unix epoch.
    pub fn set_time(&mut self, time: i64) {
        self.head_mut().time = time;
    }

    /// Sets the kind.
    pub fn set_kind(&mut self, kind: Kind) {
        self.head_mut().kind = kind;
    }

    /// Sets a tag, new or not. A metric has at most 65 535 tags; more are ignored.
    pub fn set_tag(&mut self, key: &str, value: &str) {
        let good = clean(value);
        match self.find_tag(key) {
            Ok(i) => {
                let text = self.batch.put(value);
                self.batch.tags[i].1 = text;
            }
            Err(i) => {
                if self.head().tag_len == u16::MAX {
                    return;
                }
                let pair = (self.batch.put(key), self.batch.put(value));
                self.insert_tag(i, pair);
                self.head_mut().clean &= clean(key);
            }
        }
        let head = self.head_mut();
        head.series = 0;
        head.clean &= good;
    }

    /// Sets a tag if it is not there; says whether it was set.
    pub fn default_tag(&mut self, key: &str, value: &str) -> bool {
        let missing = self.find_tag(key).is_err();
        if missing {
            self.set_tag(key, value);
        }
        missing
    }

    /// Removes a tag; says whether it was there.
    pub fn remove_tag(&mut self, key: &str) -> bool {
        let Ok(i) = self.find_tag(key) else { return false };
        let (start, len) = (self.head().tags as usize, self.head().tag_len as usize);
        self.batch.tags.copy_within(i + 1..start + len, i);
        self.batch.tags[start + len - 1] = FREE_TAG;
        let head = self.head_mut();
        head.tag_len -= 1;
        head.series = 0;
        true
    }

    /// Gives a tag another key, replacing a tag that has it; says whether `from` was there.
    pub fn rename_tag(&mut self, from: &str, to: &str) -> bool {
        let Ok(i) = self.find_tag(from) else { return false };
        if from == to {
            return true;
        }
        let value = self.batch.tags[i].1;
        match self.find_tag(to) {
            Ok(taken) => {
                self.batch.tags[taken].1 = value;
                self.remove_tag(from);
            }
            Err(place) => {
                // Those between the old and the new place move by one.
                let pair = (self.batch.put(to), value);
                let place = if place > i {
                    self.batch.tags.copy_within(i + 1..place, i);
                    place - 1
                } else {
                    self.batch.tags.copy_within(place..i, place + 1);
                    place
                };
                self.batch.tags[place] = pair;
            }
        }
        let head = self.head_mut();
        head.series = 0;
        head.clean &= clean(to);
        true
    }

    /// Keeps the tags for which `keep` says true.
    pub fn retain_tags(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let (start, len) = (self.head().tags as usize, self.head().tag_len as usize);
        let mut to = start;
        for i in start..start + len {
            let (k, v) = self.batch.tags[i];
            if keep(self.batch.text(k), self.batch.text(v)) {
                self.batch.tags[to] = (k, v);
                to += 1;
            }
        }
        if to - start != len {
            self.batch.tags[to..start + len].fill(FREE_TAG);
            let head = self.head_mut();
            head.tag_len = (to - start) as u16;
            head.series = 0;
        }
    }

    /// Sets a field, new (at the end) or not. A key is at most 16 MiB long; a longer one is ignored.
    pub fn set_field<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        if key.len() > KEY_MAX {
            return;
        }
        match self.find_field(key) {
            Some(i) => {
                let slot = self.batch.slot(self.batch.fields[i].key(), value.into());
                self.batch.fields[i] = slot;
            }
            None => {
                let text = self.batch.put(key);
                let slot = self.batch.slot(text, value.into());
                self.insert_field(slot);
                self.head_mut().clean &= clean(key);
            }
        }
    }

    /// Removes a field; says whether it was there. A metric left without fields is dropped by the agent.
    pub fn remove_field(&mut self, key: &str) -> bool {
        let Some(i) = self.find_field(key) else { return false };
        let (start, len) = (self.head().fields as usize, self.head().field_len as usize);
        self.batch.fields.copy_within(i + 1..start + len, i);
        self.batch.fields[start + len - 1] = FREE_FIELD;
        self.head_mut().field_len -= 1;
        true
    }

    /// Gives a field another key, replacing a field that has it; says whether `from` was there.
    pub fn rename_field(&mut self, from: &str, to: &str) -> bool {
        let Some(i) = self.find_field(from) else { return false };
        if from == to || to.len() > KEY_MAX {
            return true;
        }
        let slot = self.batch.fields[i];
        if let Some(taken) = self.find_field(to) {
            self.batch.fields[taken].bits = slot.bits;
            self.batch.fields[taken] = Slot::new(self.batch.fields[taken].key(), slot.kind(), slot.bits);
            self.remove_field(from);
            return true;
        }
        let key = self.batch.put(to);
        self.batch.fields[i] = Slot::new(key, slot.kind(), slot.bits);
        self.head_mut().clean &= clean(to);
        true
    }

    /// Keeps the fields for which `keep` says true.
    pub fn retain_fields(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let (start, len) = (self.head().fields as usize, self.head().field_len as usize);
        let mut to = start;
        for i in start..start + len {
            let slot = self.batch.fields[i];
            if keep(self.batch.text(slot.key())) {
                self.batch.fields[to] = slot;
                to += 1;
            }
        }
        self.batch.fields[to..start + len].fill(FREE_FIELD);
        self.head_mut().field_len = (to - start) as u32;
    }

    /// Number of tags.
    pub fn tag_len(&self) -> usize {
        self.head().tag_len as usize
    }

    /// Key and value of tag `i` in the order of the keys. Panics if there is no such tag.
    pub fn tag_at(&self, i: usize) -> (&str, &str) {
        let (k, v) = self.batch.tags_of(self.head())[i];
        (self.batch.text(k), self.batch.text(v))
    }

    /// Gives tag `i` another value. Panics if there is no such tag.
    pub fn set_tag_at(&mut self, i: usize, value: &str) {
        assert!(i < self.tag_len(), "tag {i} of {}", self.tag_len());
        let text = self.batch.put(value);
        let at = self.head().tags as usize + i;
        self.batch.tags[at].1 = text;
        let head = self.head_mut();
        head.series = 0;
        head.clean &= clean(value);
    }

    /// Number of fields.
    pub fn field_len(&self) -> usize {
        self.head().field_len as usize
    }

    /// Key of field `i` in the order of the fields. Panics if there is no such field. To look at it first saves reading the values of
    /// fields that are not wanted.
    #[inline]
    pub fn field_key_at(&self, i: usize) -> &str {
        self.batch.text(self.batch.fields_of(self.head())[i].key())
    }

    /// Key and value of field `i` in the order of the fields. Panics if there is no such field.
    pub fn field_at(&self, i: usize) -> (&str, Value<'_>) {
        let slot = self.batch.fields_of(self.head())[i];
        (self.batch.text(slot.key()), self.batch.value(slot))
    }

    /// Gives field `i` another value. Panics if there is no such field.
    pub fn set_field_at<'v>(&mut self, i: usize, value: impl Into<Value<'v>>) {
        assert!(i < self.field_len(), "field {i} of {}", self.field_len());
        let at = self.head().fields as usize + i;
        let slot = self.batch.slot(self.batch.fields[at].key(), value.into());
        self.batch.fields[at] = slot;
    }

    /// Removes field `i`; the later ones move up. Panics if there is no such field.
    pub fn remove_field_at(&mut self, i: usize) {
        assert!(i < self.field_len(), "field {i} of {}", self.field_len());
        let (start, len) = (self.head().fields as usize, self.head().field_len as usize);
        self.batch.fields.copy_within(start + i + 1..start + len, start + i);
        self.batch.fields[start + len - 1] = FREE_FIELD;
        self.head_mut().field_len -= 1;
    }

    /// Puts the fields in the order of their keys.
    pub fn sort_fields(&mut self) {
        let (start, len) = (self.head().fields as usize, self.head().field_len as usize);
        let mut fields = self.batch.fields[start..start + len].to_vec();
        fields.sort_by(|a, b| self.batch.text(a.key()).cmp(self.batch.text(b.key())));
        self.batch.fields[start..start + len].copy_from_slice(&fields);
    }

    /// Adds a copy of this metric at the end of the batch and gives its row.
    pub fn duplicate(&mut self) -> usize {
        self.batch.duplicate(self.row)
    }

    fn head(&self) -> &Head {
        &self.batch.heads[self.row]
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.batch.heads[self.row]
    }

    /// The index of a tag in the column, or where it belongs among this metric's tags.
    fn find_tag(&self, key: &str) -> Result<usize, usize> {
        let start = self.head().tags as usize;
        let tags = self.batch.tags_of(self.head());
        let to_key = |&(k, _): &(Str, Str)| order(self.batch.bytes_of(k), key.as_bytes());
        if tags.len() > MANY {
            return tags.binary_search_by(to_key).map(|i| start + i).map_err(|i| start + i);
        }
        for (i, tag) in tags.iter().enumerate() {
            match to_key(tag) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(start + i),
                Ordering::Greater => return Err(start + i),
            }
        }
        Err(start + tags.len())
    }

    fn insert_tag(&mut self, at: usize, pair: (Str, Str)) {
        let (mut start, len) = (self.head().tags as usize, self.head().tag_len as usize);
        let at = at - start;
        let tags = &mut self.batch.tags;
        match tags.get(start + len) {
            Some((key, _)) if key.len == u32::MAX => {}
            Some(_) => {
                let end = tags.len();
                tags.extend_from_within(start..start + len);
                tags.extend([FREE_TAG; ROOM]);
                start = end;
            }
            None => tags.push(FREE_TAG),
        }
        tags.copy_within(start + at..start + len, start + at + 1);
        tags[start + at] = pair;
        let head = self.head_mut();
        head.tags = start as u32;
        head.tag_len += 1;
        head.series = 0;
    }

    fn find_field(&self, key: &str) -> Option<usize> {
        let start = self.head().fields as usize;
        self.batch.fields_of(self.head()).iter().position(|s| self.batch.is(s.key(), key)).map(|i| start + i)
    }

    fn insert_field(&mut self, slot: Slot) {
        let (mut start, len) = (self.head().fields as usize, self.head().field_len as usize);
        let fields = &mut self.batch.fields;
        match fields.get(start + len) {
            Some(place) if place.len_type == u32::MAX => {}
            Some(_) => {
                let end = fields.len();
                fields.extend_from_within(start..start + len);
                fields.extend([FREE_FIELD; ROOM]);
                start = end;
            }
            None => fields.push(FREE_FIELD),
        }
        fields[start + len] = slot;
        let head = self.head_mut();
        head.fields = start as u32;
        head.field_len += 1;
    }
}
