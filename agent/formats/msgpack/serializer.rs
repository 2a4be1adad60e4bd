//! Writing: a map for each metric.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// The serializer of MessagePack.
pub struct Writer;

impl Plugin for Writer {
    const NAME: &'static str = "msgpack";
    const ABOUT: &'static str = "Metrics in MessagePack.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(Writer)
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        map(4, out);
        text("name", out);
        text(metric.name(), out);
        text("time", out);
        time(metric.time(), out);
        text("tags", out);
        map(metric.tags().len(), out);
        for (key, value) in metric.tags() {
            text(key, out);
            text(value, out);
        }
        text("fields", out);
        map(metric.fields().len(), out);
        for (key, value) in metric.fields() {
            text(key, out);
            match value {
                Value::Float(value) => {
                    out.push(0xcb);
                    out.extend_from_slice(&value.to_be_bytes());
                }
                Value::Int(value) => int(value, out),
                Value::Uint(value) => uint(value, out),
                Value::Bool(value) => out.push(if value { 0xc3 } else { 0xc2 }),
                Value::Str(value) => text(value, out),
            }
        }
        Ok(())
    }
}

/// The head of a map.
fn map(len: usize, out: &mut Vec<u8>) {
    match len {
        0..=15 => out.push(0x80 | len as u8),
        16..=0xffff => {
            out.push(0xde);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdf);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 0x100..=0xffff => {
            out.push(0xda);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0xdb);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// A signed number; one above zero keeps a signed type, so that readers see what it was.
fn int(value: i64, out: &mut Vec<u8>) {
    if (-32..=127).contains(&value) {
        out.push(value as u8);
    } else if let Ok(value) = i8::try_from(value) {
        out.extend_from_slice(&[0xd0, value as u8]);
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xd1);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xd2);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn uint(value: u64, out: &mut Vec<u8>) {
    if value <= 127 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The timestamp extension: 32 bits of seconds, 34 with 30 of nanoseconds, or 64 with 32.
fn time(nanos: i64, out: &mut Vec<u8>) {
    let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) as u32);
    match (u32::try_from(seconds), nanos) {
        (Ok(seconds), 0) => {
            out.extend_from_slice(&[0xd6, 0xff]);
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        _ if (0..1 << 34).contains(&seconds) => {
            out.extend_from_slice(&[0xd7, 0xff]);
            out.extend_from_slice(&(u64::from(nanos) << 34 | seconds as u64).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[0xc7, 12, 0xff]);
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::build;

    fn write(batch: &Batch) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = build::<Writer>(&[]).unwrap();
        for metric in batch.iter() {
            writer.serialize(metric, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn a_metric_is_a_map() {
        let mut batch = Batch::new();
        drop(batch.metric("cpu").tag("h", "a").field("v", 1.5).field("n", -33i64).time(1_600_000_000_000_000_000));
        let expected = [
            &[0x84, 0xa4][..],
            b"name\xa3cpu\xa4time\xd6\xff\x5f\x5e\x10\x00\xa4tags\x81\xa1h\xa1a\xa6fields\x82\xa1v\xcb\x3f\xf8\0\0\0\0\0\0\xa1n\xd0\xdf",
        ];
        assert_eq!(write(&batch), expected.concat());
    }

    #[test]
    fn times_take_the_form_that_holds_them() {
        for (nanos, length) in [(0, 4), (1, 8), (4_294_967_296_000_000_000, 8), (-1, 12), (i64::MIN, 12), (i64::MAX, 8)]
        {
            let mut out = Vec::new();
            time(nanos, &mut out);
            let (head, data) = out.split_at(if length == 12 { 3 } else { 2 });
            assert_eq!(data.len(), length, "{nanos}: {head:x?}");
            let number = |b: &[u8]| b.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            let (seconds, rest) = match length {
                4 => (number(data) as i64, 0),
                8 => ((number(data) & 0x3_ffff_ffff) as i64, number(data) >> 34),
                _ => (number(&data[4..]) as i64, number(&data[..4])),
            };
            assert_eq!(i128::from(seconds) * 1_000_000_000 + i128::from(rest), i128::from(nanos));
        }
    }

    /// What is written is read again, by the parser of the format.
    #[cfg(feature = "xpath_msgpack")]
    #[test]
    fn what_is_written_is_read_again() {
        let values = [0, 1, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, i64::MAX];
        let long: Vec<String> = [0, 1, 31, 32, 255, 256, 65_535, 65_536].iter().map(|n| "x".repeat(*n)).collect();
        let mut batch = Batch::new();
        let mut m = batch.metric("m").time(0);
        for value in values {
            m.add_field(&format!("i{value}"), -value);
            m.add_field(&format!("u{value}"), value as u64);
        }
        for text in &long {
            m.add_field(&format!("s{}", text.len()), text.as_str());
        }
        drop(m);
        let document = write(&batch);
        let json = crate::xpath::msgpack_as_json(&document).unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["time"], "1970-01-01T00:00:00Z");
        for value in values {
            assert_eq!(read["fields"][format!("i{value}")].as_i64(), Some(-value));
            assert_eq!(read["fields"][format!("u{value}")].as_u64(), Some(value as u64));
        }
        for text in &long {
            assert_eq!(read["fields"][format!("s{}", text.len())].as_str(), Some(text.as_str()));
        }
    }
}
