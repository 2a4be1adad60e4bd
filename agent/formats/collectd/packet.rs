//! Takes packets apart: what was measured, where and when.

use super::security::{Level, Users};

/// One set of measurements.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub(super) host: String,
    pub(super) plugin: String,
    pub(super) plugin_instance: String,
    pub(super) kind: String,
    pub(super) type_instance: String,
    /// Nanoseconds since 1970; None if the packet does not say.
    pub(super) time: Option<i64>,
    pub(super) values: Vec<f64>,
}

const HOST: u16 = 0x0000;
const TIME: u16 = 0x0001;
const PLUGIN: u16 = 0x0002;
const PLUGIN_INSTANCE: u16 = 0x0003;
const TYPE: u16 = 0x0004;
const TYPE_INSTANCE: u16 = 0x0005;
const VALUES: u16 = 0x0006;
const TIME_HIGH: u16 = 0x0008;
const SIGNATURE: u16 = 0x0200;
const ENCRYPTION: u16 = 0x0210;

/// Reads a packet and adds its sets. What is less secure than `wanted` is left out.
pub(super) fn read(bytes: &[u8], wanted: Level, users: &mut Users, out: &mut Vec<Values>) -> Result<(), String> {
    parts(bytes, Level::None, wanted, users, out)
}

/// Reads parts that came with a level of security.
fn parts(
    mut bytes: &[u8],
    level: Level,
    wanted: Level,
    users: &mut Users,
    out: &mut Vec<Values>,
) -> Result<(), String> {
    let mut state = Values::default();
    while !bytes.is_empty() {
        let (kind, content, rest) = part(bytes)?;
        bytes = rest;
        match kind {
            HOST => state.host = text(content)?,
            PLUGIN => state.plugin = text(content)?,
            PLUGIN_INSTANCE => state.plugin_instance = text(content)?,
            TYPE => state.kind = text(content)?,
            TYPE_INSTANCE => state.type_instance = text(content)?,
            TIME => state.time = number(content)?.checked_mul(1_000_000_000),
            TIME_HIGH => state.time = Some(high_resolution(number(content)?)),
            VALUES if level >= wanted => out.push(Values { values: values(content)?, ..state.clone() }),
            // A signature is of all that follows it.
            SIGNATURE if level == Level::None => {
                let level = users.verify(content, bytes, wanted)?;
                return parts(bytes, level, wanted, users, out);
            }
            ENCRYPTION if level == Level::None => {
                let plain = users.decrypt(content)?;
                parts(&plain, Level::Encrypt, wanted, users, out)?;
            }
            SIGNATURE | ENCRYPTION => return Err("a secured part within another".to_owned()),
            // Intervals and notifications are no metrics; what is not known is passed over, as the protocol asks.
            _ => {}
        }
    }
    Ok(())
}

/// The type and content of the first part, and what follows it.
fn part(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), String> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk::<4>().ok_or("a part of less than 4 bytes")?;
    let length = usize::from(u16::from_be_bytes([c, d]));
    let content = length.checked_sub(4).filter(|content| *content > 0 && *content <= rest.len());
    let (content, rest) = rest.split_at(content.ok_or_else(|| format!("a part of invalid length {length}"))?);
    Ok((u16::from_be_bytes([a, b]), content, rest))
}

fn text(content: &[u8]) -> Result<String, String> {
    let text = content.strip_suffix(b"\0").ok_or("a text without an end")?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn number(content: &[u8]) -> Result<i64, String> {
    let bytes = content.try_into().map_err(|_| format!("a number of {} bytes", content.len()))?;
    Ok(i64::from_be_bytes(bytes))
}

/// Units of 2^-30 seconds as nanoseconds, rounded.
fn high_resolution(units: i64) -> i64 {
    let nanos = (i128::from(units) * 1_000_000_000 + (1 << 29)) >> 30;
    // Fewer than 2^63 units are fewer than 2^33 seconds, which fit.
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// A number of values, a byte of type for each, and the values: gauges in little endian, all else in big endian.
fn values(content: &[u8]) -> Result<Vec<f64>, String> {
    let (&[a, b], rest) = content.split_first_chunk::<2>().ok_or("values without a number")?;
    let count = usize::from(u16::from_be_bytes([a, b]));
    if rest.len() != count * 9 {
        return Err(format!("{count} values in {} bytes", rest.len()));
    }
    let (types, bytes) = rest.split_at(count);
    let mut values = Vec::with_capacity(count);
    for (kind, &bytes) in types.iter().zip(bytes.as_chunks::<8>().0) {
        values.push(match kind {
            // counter, absolute
            0 | 3 => u64::from_be_bytes(bytes) as f64,
            // gauge
            1 => f64::from_le_bytes(bytes),
            // derive
            2 => i64::from_be_bytes(bytes) as f64,
            other => return Err(format!("a value of unknown type {other}")),
        });
    }
    Ok(values)
}
