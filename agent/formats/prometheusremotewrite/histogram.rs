//! Native histograms: buckets whose bounds follow from a schema, of which only those with something in them are sent.
//!
//! Source: prometheus.io/docs/specs/native_histograms. Bucket `i` of schema `s` ends at 2^(i * 2^-s); schema -53 has a list of its own bounds.

use crate::wire::{Malformed, Message, Wire, unzigzag, varint};

/// The schema of histograms that bring their bounds.
const CUSTOM: i64 = -53;

/// A native histogram; counts are absolute, and floats also where they were sent as whole numbers.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) schema: i64,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: f64,
    pub(super) reset_hint: u64,
    /// In milliseconds since the Unix epoch.
    pub(super) time: i64,
    pub(super) positive: Half,
    pub(super) negative: Half,
    bounds: Vec<f64>,
}

/// The buckets of one sign.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Distance from the end of the one before, and number of buckets.
    pub(super) spans: Vec<(i64, u64)>,
    /// The count of each bucket of all spans.
    pub(super) counts: Vec<f64>,
}

impl Histogram {
    pub(super) fn read(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut h = Histogram::default();
        let (mut negative, mut positive) = (Vec::new(), Vec::new());
        while let Some((field, wire)) = message.next()? {
            match field {
                1 => h.count = wire.number()? as f64,
                2 => h.count = wire.double()?,
                3 => h.sum = wire.double()?,
                4 => h.schema = wire.zigzag()?,
                5 => h.zero_threshold = wire.double()?,
                6 => h.zero_count = wire.number()? as f64,
                7 => h.zero_count = wire.double()?,
                8 => h.negative.spans.push(span(wire.message()?)?),
                9 => numbers(wire, &mut negative)?,
                10 => doubles(wire, &mut h.negative.counts)?,
                11 => h.positive.spans.push(span(wire.message()?)?),
                12 => numbers(wire, &mut positive)?,
                13 => doubles(wire, &mut h.positive.counts)?,
                14 => h.reset_hint = wire.number()?,
                15 => h.time = wire.signed()?,
                16 => doubles(wire, &mut h.bounds)?,
                _ => {}
            }
        }
        for (deltas, half) in [(negative, &mut h.negative), (positive, &mut h.positive)] {
            let mut count = 0i64;
            half.counts.extend(deltas.into_iter().map(|delta| {
                count = count.wrapping_add(delta);
                count as f64
            }));
        }
        Ok(h)
    }

    /// Upper bound and cumulated count of each bucket, from the lowest.
    pub(super) fn buckets(&self) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = self.negative.numbered().map(|(i, n)| (-self.bound(i - 1), n)).collect();
        buckets.reverse();
        if self.zero_count > 0.0 {
            buckets.push((self.zero_threshold, self.zero_count));
        }
        buckets.extend(self.positive.numbered().map(|(i, n)| (self.bound(i), n)));
        let mut sum = 0.0;
        for bucket in &mut buckets {
            sum += bucket.1;
            bucket.1 = sum;
        }
        buckets
    }

    /// The upper bound of a bucket of positive values.
    fn bound(&self, i: i64) -> f64 {
        if self.schema == CUSTOM {
            let own = usize::try_from(i).ok().and_then(|i| self.bounds.get(i));
            return own.copied().unwrap_or(f64::INFINITY);
        }
        let bound = (i as f64 * (-(self.schema as f64)).exp2()).exp2();
        // The last bucket of finite values ends with the largest of them.
        if bound.is_infinite() { f64::MAX } else { bound }
    }
}

impl Half {
    /// The number of each bucket, and its count.
    fn numbered(&self) -> impl Iterator<Item = (i64, f64)> {
        let mut next = 0i64;
        // No span is followed beyond the counts there are, whatever length it says.
        let mut left = self.counts.len() as u64;
        let numbers = self.spans.iter().flat_map(move |&(offset, length)| {
            let (first, length) = (next.saturating_add(offset), length.min(left));
            left -= length;
            next = first.saturating_add(length as i64);
            first..next
        });
        numbers.zip(self.counts.iter().copied())
    }
}

fn span(mut message: Message<'_>) -> Result<(i64, u64), Malformed> {
    let (mut offset, mut length) = (0, 0);
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => offset = wire.zigzag()?,
            2 => length = wire.number()?,
            _ => {}
        }
    }
    Ok((offset, length))
}

/// Numbers of a repeated field, which stand together or one by one.
fn numbers(wire: Wire<'_>, to: &mut Vec<i64>) -> Result<(), Malformed> {
    let Wire::Bytes(mut bytes) = wire else {
        to.push(wire.zigzag()?);
        return Ok(());
    };
    while !bytes.is_empty() {
        to.push(varint(&mut bytes).map(unzigzag).ok_or("a list of numbers is cut")?);
    }
    Ok(())
}

fn doubles(wire: Wire<'_>, to: &mut Vec<f64>) -> Result<(), Malformed> {
    let Wire::Bytes(bytes) = wire else {
        to.push(wire.double()?);
        return Ok(());
    };
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err("a list of numbers is cut");
    }
    to.extend(numbers.iter().map(|n| f64::from_le_bytes(*n)));
    Ok(())
}
