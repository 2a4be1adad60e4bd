//! The grammar of a line: `bucket:value|type|@rate`, several values after another, and Datadog's additions.

use memchr::memchr;
use std::borrow::Cow;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Type {
    Counter,
    Gauge,
    Set,
    Timing,
    Histogram,
    Distribution,
}

impl Type {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"c" => Type::Counter,
            b"g" => Type::Gauge,
            b"s" => Type::Set,
            b"ms" => Type::Timing,
            b"h" => Type::Histogram,
            b"d" => Type::Distribution,
            _ => return None,
        })
    }

    /// The value of the tag `metric_type`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Set => "set",
            Type::Timing => "timing",
            Type::Histogram => "histogram",
            Type::Distribution => "distribution",
        }
    }
}

/// One value of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item<'a> {
    pub(super) kind: Type,
    pub(super) value: &'a [u8],
    /// How many values this one stands for is 1 / rate; None where no rate was given.
    pub(super) rate: Option<f64>,
}

/// A line of the plainest form, `bucket:value|type`, with a rate or Datadog's tags at most: what nearly all are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    pub(super) bucket: &'a [u8],
    pub(super) item: Item<'a>,
    /// Datadog's tags as sent.
    pub(super) tags: &'a [u8],
}

impl<'a> Plain<'a> {
    /// None where the line is of another form, which `Split` reads.
    pub(super) fn read(line: &'a [u8], datadog: bool) -> Option<Self> {
        let colon = memchr(b':', line)?;
        let rest = &line[colon + 1..];
        let bar = memchr(b'|', rest)?;
        let (value, rest) = (&rest[..bar], &rest[bar + 1..]);
        let (kind, rest) = match rest {
            [b'c', rest @ ..] => (Type::Counter, rest),
            [b'm', b's', rest @ ..] => (Type::Timing, rest),
            [b'g', rest @ ..] => (Type::Gauge, rest),
            [b'h', rest @ ..] => (Type::Histogram, rest),
            [b's', rest @ ..] => (Type::Set, rest),
            [b'd', rest @ ..] => (Type::Distribution, rest),
            _ => return None,
        };
        let (rate, tags) = match rest {
            [] => (None, &rest[..0]),
            [b'|', b'@', rest @ ..] => match memchr(b'|', rest) {
                None => (Some(rest), &rest[..0]),
                Some(end) => (Some(&rest[..end]), tags(&rest[end..], datadog)?),
            },
            rest => (None, tags(rest, datadog)?),
        };
        let rate = match rate {
            Some(text) => Some(read_rate(text)?),
            None => None,
        };
        if memchr(b':', value).is_some() {
            return None;
        }
        Some(Plain { bucket: &line[..colon], item: Item { kind, value, rate }, tags })
    }
}

/// The tags of `|#a:b,c` where nothing follows.
fn tags(rest: &[u8], datadog: bool) -> Option<&[u8]> {
    match rest {
        [b'|', b'#', tags @ ..] if datadog && memchr(b'|', tags).is_none() => Some(tags),
        _ => None,
    }
}

/// A rate; None if it is none, or one that no value could have.
fn read_rate(text: &[u8]) -> Option<f64> {
    fast_float2::parse::<f64, _>(text).ok().filter(|r| r.is_finite())
}

/// A line in parts.
#[derive(Debug)]
pub(super) struct Split<'a> {
    pub(super) bucket: &'a [u8],
    /// Datadog's tags as sent, one text for each part that begins with `#`.
    pub(super) tags: Vec<&'a [u8]>,
    /// Datadog's container field.
    pub(super) container: Option<&'a [u8]>,
    values: Cow<'a, [u8]>,
    datadog: bool,
}

/// Why a line or a value of it is not taken.
pub(super) type Cause = &'static str;

impl<'a> Split<'a> {
    /// Cuts off the bucket, and what only Datadog's dialect has.
    pub(super) fn new(line: &'a [u8], datadog: bool) -> Result<Self, Cause> {
        let colon = memchr(b':', line).ok_or("no ':' after the name")?;
        let (bucket, values) = (&line[..colon], &line[colon + 1..]);
        let mut split = Split { bucket, tags: Vec::new(), container: None, values: Cow::Borrowed(values), datadog };
        if datadog && memchr(b'|', values).is_some() {
            split.take_extensions(values);
        }
        Ok(split)
    }

    fn take_extensions(&mut self, values: &'a [u8]) {
        let parts: Vec<&[u8]> = values.split(|b| *b == b'|').collect();
        // Where several values follow each other (`1|c:2|c`), `c:` is a type with the next value behind it.
        let several = parts.get(1).is_some_and(|kind| memchr(b':', kind).is_some());
        let mut kept: Vec<&[u8]> = Vec::with_capacity(parts.len());
        for (i, part) in parts.into_iter().enumerate() {
            match part {
                [b'#', tags @ ..] => self.tags.push(tags),
                [b'c', b':', container @ ..] if i >= 2 && !several => self.container = Some(container),
                part => kept.push(part),
            }
        }
        self.values = Cow::Owned(kept.join(&b'|'));
    }

    /// Calls `each` with every value in order until one cannot be read; those before it count.
    pub(super) fn each(&self, mut each: impl FnMut(Item<'_>) -> Result<(), Cause>) -> Result<(), Cause> {
        // Values that wait for the type behind the last of them: `1:2:3|c` of DogStatsD 1.1.
        let mut packed: Vec<&[u8]> = Vec::new();
        for bit in self.values.split(|b| *b == b':') {
            let mut parts = bit.split(|b| *b == b'|');
            let value = parts.next().unwrap_or_default();
            let Some(kind) = parts.next() else {
                if !self.datadog {
                    return Err("no '|' after the value");
                }
                packed.push(value);
                continue;
            };
            let kind = Type::named(kind).ok_or("unknown type")?;
            // What is behind the type and no rate has always been passed over, and so has a rate that cannot be read.
            let rate = parts.next().and_then(|part| part.strip_prefix(b"@")).and_then(read_rate);
            for value in packed.drain(..).chain([value]) {
                each(Item { kind, value, rate })?;
            }
        }
        if packed.is_empty() { Ok(()) } else { Err("no '|' after the value") }
    }
}

/// The tags of Datadog's dialect; one without a value is `true`.
pub(super) fn datadog_tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',').filter_map(|tag| {
        let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
        (!key.is_empty()).then_some((key, if value.is_empty() { "true" } else { value }))
    })
}

/// A whole number of at most 18 digits; None sends the caller to the slower ways.
pub(super) fn small_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut n = 0i64;
    for b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n = n * 10 + i64::from(digit);
    }
    Some(if negative { -n } else { n })
}

/// A finite number.
pub(super) fn number(text: &[u8]) -> Result<f64, Cause> {
    if let Some(n) = small_int(text).filter(|n| n.unsigned_abs() <= 1 << 53) {
        return Ok(n as f64);
    }
    match fast_float2::parse::<f64, _>(text) {
        Ok(n) if n.is_finite() => Ok(n),
        Ok(_) => Err("value is not finite"),
        Err(_) => Err("value is no number"),
    }
}

/// The value of a counter: whole, what is behind the point cut off, divided by the rate.
pub(super) fn count(text: &[u8], rate: Option<f64>) -> Result<i64, Cause> {
    let whole = match small_int(text) {
        Some(n) => n,
        None => match std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()) {
            Some(n) => n,
            None => number(text)? as i64,
        },
    };
    Ok(match rate {
        Some(rate) if rate != 0.0 => (whole as f64 / rate) as i64,
        _ => whole,
    })
}

/// How many equal values a timing stands for.
pub(super) fn times(rate: Option<f64>) -> u32 {
    match rate {
        Some(rate) if rate > 0.0 => (1.0 / rate) as u32,
        _ => 1,
    }
}
