//! Escapes in strings: what they mean when read, and which Go writes.

use agent_api::Value;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};

/// Appends what stands between the quotes of a string, escapes resolved. What is no escape is taken as it is; half a surrogate
/// pair becomes U+FFFD.
pub fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(i) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..i]);
        let after = &rest[i + 1..];
        let Some(escape) = after.chars().next() else {
            return;
        };
        rest = &after[escape.len_utf8()..];
        match escape {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => match hex(rest) {
                Some(high @ 0xd800..=0xdbff) => {
                    rest = &rest[4..];
                    let low = rest.strip_prefix("\\u").and_then(hex).filter(|low| (0xdc00..=0xdfff).contains(low));
                    match low {
                        Some(low) => {
                            rest = &rest[6..];
                            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                            out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                        }
                        None => out.push('\u{fffd}'),
                    }
                }
                Some(code) => {
                    rest = &rest[4..];
                    out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                }
                None => out.push('u'),
            },
            other => out.push(other),
        }
    }
    out.push_str(rest);
}

fn hex(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// True for bytes that [`escape`] writes otherwise, or that may begin a character that is.
const fn special(b: u8) -> bool {
    matches!(b, 0..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = special(b as u8);
        b += 1;
    }
    table
};

/// Appends a value. JSON has no NaN and no infinities: those are for the caller to leave out.
pub fn append_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Float(v) => append_float(v, FloatStyle::Json, out),
        Value::Int(v) => append_int(v, out),
        Value::Uint(v) => append_uint(v, out),
        Value::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
        Value::Str(v) => escape(v, out),
    }
}

/// Appends a text in quotes as Go's encoding/json writes it: `<`, `>`, `&`, U+2028 and U+2029 are escaped, too.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut done, mut at) = (0, 0);
    while at < bytes.len() {
        let b = bytes[at];
        if !SPECIAL[b as usize] {
            at += 1;
            continue;
        }
        let mut len = 1;
        let letter = match b {
            b'"' | b'\\' => Some(b),
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            8 => Some(b'b'),
            12 => Some(b'f'),
            _ => None,
        };
        let code = match (letter, b) {
            (Some(_), _) => 0,
            (None, 0xe2) => match bytes.get(at + 1..at + 3) {
                Some([0x80, last @ (0xa8 | 0xa9)]) => {
                    len = 3;
                    0x2000 + u32::from(last - 0x80)
                }
                _ => {
                    at += 1;
                    continue;
                }
            },
            (None, b) => u32::from(b),
        };
        out.extend_from_slice(&bytes[done..at]);
        match letter {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    out.push(b"0123456789abcdef"[(code >> shift & 15) as usize]);
                }
            }
        }
        at += len;
        done = at;
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}
