//! One metric of a batch, to read.

use super::*;

/// A metric of a batch; copying it copies two pointers.
#[derive(Clone, Copy)]
pub struct MetricRef<'a> {
    pub(super) batch: &'a Batch,
    pub(super) head: &'a Head,
}

/// A field of a metric.
#[derive(Clone, Copy)]
pub struct FieldRef<'a> {
    batch: &'a Batch,
    slot: Slot,
}

impl<'a> FieldRef<'a> {
    /// The key.
    #[inline]
    pub fn key(self) -> &'a str {
        self.batch.text(self.slot.key())
    }

    /// The value.
    #[inline]
    pub fn value(self) -> Value<'a> {
        self.batch.value(self.slot)
    }

    /// The float as text, if it was read from text and never changed: plain decimal, shortest form, so that writers can copy it.
    #[inline]
    pub fn decimal(self) -> Option<&'a str> {
        (self.slot.kind() == Type::Decimal).then(|| self.batch.text(self.slot.text()))
    }
}

impl<'a> MetricRef<'a> {
    /// The name (measurement).
    #[inline]
    pub fn name(self) -> &'a str {
        self.batch.text(self.head.name)
    }

    /// The time in nanoseconds since the Unix epoch.
    #[inline]
    pub fn time(self) -> i64 {
        self.head.time
    }

    /// False while it has no time of its own; the agent gives it the time of collection later.
    pub fn has_time(self) -> bool {
        self.head.time != UNSET
    }

    /// The kind.
    #[inline]
    pub fn kind(self) -> Kind {
        self.head.kind
    }

    /// The value of a tag.
    #[inline]
    pub fn tag(self, key: &str) -> Option<&'a str> {
        let batch = self.batch;
        batch.tags_of(self.head).iter().find(|(k, _)| batch.is(*k, key)).map(|(_, v)| batch.text(*v))
    }

    /// All tags, sorted by key.
    #[inline]
    pub fn tags(self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + Clone {
        let batch = self.batch;
        batch.tags_of(self.head).iter().map(move |&(k, v)| (batch.text(k), batch.text(v)))
    }

    /// The value of a field.
    #[inline]
    pub fn field(self, key: &str) -> Option<Value<'a>> {
        let batch = self.batch;
        batch.fields_of(self.head).iter().find(|s| batch.is(s.key(), key)).map(|s| batch.value(*s))
    }

    /// The keys of all fields in the order in which they were added. Cheaper than `fields`, which reads the values.
    #[inline]
    pub fn field_keys(self) -> impl ExactSizeIterator<Item = &'a str> + Clone {
        let batch = self.batch;
        batch.fields_of(self.head).iter().map(move |s| batch.text(s.key()))
    }

    /// All fields in the order in which they were added.
    #[inline]
    pub fn fields(self) -> impl ExactSizeIterator<Item = (&'a str, Value<'a>)> + Clone {
        let batch = self.batch;
        batch.fields_of(self.head).iter().map(move |s| (batch.text(s.key()), batch.value(*s)))
    }

    /// All fields with access to the form in which floats were read.
    #[inline]
    pub fn raw_fields(self) -> impl ExactSizeIterator<Item = FieldRef<'a>> + Clone {
        let batch = self.batch;
        batch.fields_of(self.head).iter().map(move |&slot| FieldRef { batch, slot })
    }

    /// Hash of name and tags within this process, never 0; computed once for a batch that was hashed.
    pub fn series(self) -> u64 {
        if self.head.series != 0 { self.head.series } else { hash::series(self.name(), self.tags()) }
    }

    /// True if no name, key or tag value needs an escape in line protocol and none is empty.
    #[inline]
    pub fn clean(self) -> bool {
        self.head.clean
    }

    /// A copy on its own.
    pub fn to_owned(self) -> Metric {
        Metric::from(self)
    }
}

impl std::fmt::Debug for MetricRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name())?;
        for (k, v) in self.tags() {
            write!(f, ",{k}={v}")?;
        }
        let mut sep = ' ';
        for (k, v) in self.fields() {
            write!(f, "{sep}{k}={v:?}")?;
            sep = ',';
        }
        write!(f, " {}", self.time())
    }
}

impl PartialEq for MetricRef<'_> {
    /// Same name, tags, time, kind and the same fields in any order.
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.time() == other.time()
            && self.kind() == other.kind()
            && self.tags().eq(other.tags())
            && self.fields().len() == other.fields().len()
            && self.fields().all(|(k, v)| other.field(k) == Some(v))
    }
}
