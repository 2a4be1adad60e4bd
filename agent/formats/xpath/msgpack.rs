//! MessagePack, read as the JSON that it stands for, as in Telegraf: all numbers are floats then, bytes are base64.
//!
//! Source: the MessagePack specification (github.com/msgpack/msgpack). Of several objects in one document the first is read.

use super::json_document;
use super::parser::Source;
use super::settings::{Section, Settings};
use crate::jsontext::escape;
use agent_api::{Body, Result};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_golang::time::{Layout, Time, Zone};
use agent_xpath::Document;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The format `xpath_msgpack`.
pub(super) struct MsgPack;

impl Source for MsgPack {
    const NAME: &'static str = "xpath_msgpack";
    const ABOUT: &'static str = "MessagePack, taken apart by XPath.";

    fn new(_: &Settings) -> Result<Self> {
        Ok(MsgPack)
    }

    fn own_sections(settings: &mut Settings) -> &mut Vec<Section> {
        &mut settings.xpath_msgpack
    }

    fn read(&self, body: &Body) -> Result<Document, String> {
        json_document::read(&as_json(body.bytes())?)
    }
}

/// The JSON that the first object stands for.
pub(crate) fn as_json(document: &[u8]) -> Result<String, String> {
    let mut out = Vec::with_capacity(document.len() * 2);
    let mut bytes = Bytes { all: document, at: 0 };
    let read = bytes.value(&mut out, 0);
    read.map_err(|cause| format!("read MessagePack at byte {}: {cause}", bytes.at))?;
    Ok(String::from_utf8(out).unwrap_or_default())
}

struct Bytes<'b> {
    all: &'b [u8],
    at: usize,
}

/// Arrays and maps may be nested so deep.
const DEEPEST: usize = 500;

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let taken = self.all.get(self.at..).and_then(|rest| rest.get(..count)).ok_or("it ends too early")?;
        self.at += count;
        Ok(taken)
    }

    /// An unsigned number of `size` bytes.
    fn number(&mut self, size: usize) -> Result<u64, String> {
        Ok(self.take(size)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn length(&mut self, size: usize) -> Result<usize, String> {
        usize::try_from(self.number(size)?).map_err(|_| "a length is too large".to_owned())
    }

    /// Writes the next value as JSON.
    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        let tag = self.take(1)?[0];
        match tag {
            0x00..=0x7f => append_uint(u64::from(tag), out),
            0x80..=0x8f => self.map(usize::from(tag & 15), out, depth)?,
            0x90..=0x9f => self.list(usize::from(tag & 15), out, depth)?,
            0xa0..=0xbf => self.text(usize::from(tag & 31), out)?,
            0xc0 => out.extend_from_slice(b"null"),
            0xc1 => return Err("0xc1 is no type".to_owned()),
            0xc2 => out.extend_from_slice(b"false"),
            0xc3 => out.extend_from_slice(b"true"),
            0xc4..=0xc6 => {
                let length = self.length(1 << (tag - 0xc4))?;
                quoted_base64(self.take(length)?, out);
            }
            0xc7..=0xc9 => {
                let length = self.length(1 << (tag - 0xc7))?;
                self.extension(length, out)?;
            }
            0xca => {
                let value = f32::from_bits(self.number(4)? as u32);
                // The digits of the smaller type, as in Telegraf.
                float(format!("{value}").parse().unwrap_or(f64::from(value)), out)?;
            }
            0xcb => float(f64::from_bits(self.number(8)?), out)?,
            0xcc..=0xcf => append_uint(self.number(1 << (tag - 0xcc))?, out),
            0xd0..=0xd3 => {
                let size = 1 << (tag - 0xd0);
                let unused = 64 - 8 * size;
                append_int((self.number(size)? << unused) as i64 >> unused, out);
            }
            0xd4..=0xd8 => self.extension(1 << (tag - 0xd4), out)?,
            0xd9..=0xdb => {
                let length = self.length(1 << (tag - 0xd9))?;
                self.text(length, out)?;
            }
            0xdc | 0xdd => {
                let length = self.length(if tag == 0xdc { 2 } else { 4 })?;
                self.list(length, out, depth)?;
            }
            0xde | 0xdf => {
                let length = self.length(if tag == 0xde { 2 } else { 4 })?;
                self.map(length, out, depth)?;
            }
            0xe0..=0xff => append_int(i64::from(tag as i8), out),
        }
        Ok(())
    }

    fn text(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), String> {
        escape(&String::from_utf8_lossy(self.take(length)?), out);
        Ok(())
    }

    fn list(&mut self, length: usize, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        out.push(b'[');
        for i in 0..length {
            if i > 0 {
                out.push(b',');
            }
            self.value(out, depth + 1)?;
        }
        out.push(b']');
        Ok(())
    }

    fn map(&mut self, length: usize, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        out.push(b'{');
        for i in 0..length {
            if i > 0 {
                out.push(b',');
            }
            // As text within the text of the key around it, and so on, each level would be twice as long as the one before.
            if matches!(self.all.get(self.at), Some(0x80..=0x9f | 0xdc..=0xdf)) {
                return Err("a map or an array as a key".to_owned());
            }
            let from = out.len();
            self.value(out, depth + 1)?;
            // Other keys that are no texts become what they are as text.
            if out.get(from) != Some(&b'"') {
                let key = String::from_utf8_lossy(&out[from..]).into_owned();
                out.truncate(from);
                escape(&key, out);
            }
            out.push(b':');
            self.value(out, depth + 1)?;
        }
        out.push(b'}');
        Ok(())
    }

    /// Times become texts, as RFC 3339 has them; anything else an object of its number and its bytes.
    fn extension(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let kind = self.take(1)?[0] as i8;
        let data = self.take(length)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let time = match (kind, length) {
            (-1, 4) => Some((number(data) as i64, 0)),
            (-1, 8) => Some(((number(data) & 0x3_ffff_ffff) as i64, number(data) >> 34)),
            // Type 5 is what older writers of Go use.
            (-1, 12) => Some((number(&data[4..]) as i64, number(&data[..4]))),
            (5, 12) => Some((number(&data[..8]) as i64, number(&data[8..]))),
            _ => None,
        };
        match time {
            Some((seconds, nanos)) if nanos < 1_000_000_000 => {
                let mut text = String::new();
                let layout = Layout::parse_spec("2006-01-02T15:04:05.999999999Z07:00");
                layout.format_time(Time::new(seconds, nanos as u32), &Zone::Utc, &mut text);
                escape(&text, out);
            }
            _ => {
                out.extend_from_slice(b"{\"type\":");
                append_int(i64::from(kind), out);
                out.extend_from_slice(b",\"data\":");
                quoted_base64(data, out);
                out.push(b'}');
            }
        }
        Ok(())
    }
}

fn float(value: f64, out: &mut Vec<u8>) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("JSON has no number {value}"));
    }
    append_float(value, FloatStyle::Json, out);
    Ok(())
}

fn quoted_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}
