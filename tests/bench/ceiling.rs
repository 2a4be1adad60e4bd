//! Ceilings: what one core does with nothing but the work that cannot be left out.
//!
//! Each loop finds every part, reads every number and writes all of it back as line protocol. It knows its own input and checks
//! nothing, so an agent cannot reach it; what counts is how much of it is left.

use std::fs::File;
use std::io::{Read, Result, Write};

/// Reads the file in blocks that stay in the cache and writes each back as line protocol.
pub(crate) fn run(what: &str, file: &str, out: &str) -> Result<()> {
    const BLOCK: usize = 256 << 10;
    // What ends a line, and where the first begins.
    let (end, each): (u8, fn(&mut Parts<'_>, &mut Vec<u8>)) = match what {
        "lines" => (b'\n', line_back),
        "json" => (b'}', object_back),
        "access" => (b'\n', request_back),
        _ => panic!("there is no ceiling for {what}"),
    };
    let (mut from, mut to) = (File::open(file)?, File::create(out)?);
    let (mut block, mut kept, mut back, mut places) =
        (vec![0; BLOCK * 2], 0, Vec::with_capacity(BLOCK * 2), Vec::new());
    loop {
        let read = from.read(&mut block[kept..kept + BLOCK])?;
        let text = &block[..kept + read];
        let whole = text.iter().rposition(|b| *b == end).map_or(0, |i| i + 1);
        places.clear();
        match what {
            "lines" => find(
                &text[..whole],
                |b| u8::from(b == b',') | u8::from(b == b'=') | u8::from(b == b' ') | u8::from(b == b'\n'),
                &mut places,
            ),
            "json" => find(
                &text[..whole],
                |b| u8::from(b == b'"') | u8::from(b == b':') | u8::from(b == b',') | u8::from(b == b'}'),
                &mut places,
            ),
            _ => find(
                &text[..whole],
                |b| {
                    u8::from(b == b' ')
                        | u8::from(b == b'"')
                        | u8::from(b == b'[')
                        | u8::from(b == b']')
                        | u8::from(b == b'\n')
                },
                &mut places,
            ),
        }
        let mut parts = Parts { text, places: &places, next: 0, at: 0 };
        while parts.next < places.len() {
            each(&mut parts, &mut back);
            back.extend_from_slice(b" 1790000000000000000\n");
        }
        to.write_all(&back)?;
        back.clear();
        if read == 0 {
            return Ok(());
        }
        let len = text.len();
        block.copy_within(whole..len, 0);
        kept = len - whole;
    }
}

/// Appends the places of all bytes for which `is` says 1: 64 compares become SIMD code, and a multiplication gathers eight of
/// their results into eight bits.
#[inline]
fn find(text: &[u8], is: impl Fn(u8) -> u8, places: &mut Vec<u32>) {
    for (block, at) in text.chunks(64).zip((0u32..).step_by(64)) {
        let mut flags = [0u8; 64];
        for (flag, byte) in flags.iter_mut().zip(block) {
            *flag = is(*byte);
        }
        let mut mask =
            flags.as_chunks::<8>().0.iter().rev().fold(0u64, |mask, word| {
                mask << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56
            });
        while mask != 0 {
            places.push(at + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
}

/// A text being taken apart at its places.
struct Parts<'a> {
    text: &'a [u8],
    places: &'a [u32],
    next: usize,
    at: usize,
}

impl<'a> Parts<'a> {
    /// What stands before the next place, and the byte there.
    #[inline]
    fn part(&mut self) -> (&'a [u8], u8) {
        let place = self.places[self.next] as usize;
        let part = &self.text[self.at..place];
        self.next += 1;
        self.at = place + 1;
        (part, self.text[place])
    }

    /// What stands before the next place with that byte.
    #[inline]
    fn up_to(&mut self, byte: u8) -> &'a [u8] {
        let from = self.at;
        while self.part().1 != byte {}
        &self.text[from..self.at - 1]
    }
}

/// A number of few digits, exact: both mantissa and power of ten are floats without rounding (Clinger 1990).
#[inline]
fn number(text: &[u8]) -> f64 {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut digits, mut after, mut point) = (0u64, 0, 0);
    for b in text {
        if *b == b'.' {
            point = 1;
        } else {
            digits = digits * 10 + u64::from(b.wrapping_sub(b'0'));
            after += point;
        }
    }
    digits as f64 / POWERS[after]
}

/// Writes a field whose number is short, so that its text is the shortest form once the zeros at its end are gone.
#[inline]
fn put(key: &[u8], value: &[u8], separator: &mut u8, out: &mut Vec<u8>) {
    std::hint::black_box(number(value));
    out.push(std::mem::replace(separator, b','));
    out.extend_from_slice(key);
    out.push(b'=');
    let mut end = value.len();
    if value.contains(&b'.') {
        while value[end - 1] == b'0' {
            end -= 1;
        }
        end -= usize::from(value[end - 1] == b'.');
    }
    out.extend_from_slice(&value[..end]);
}

fn line_back(parts: &mut Parts<'_>, out: &mut Vec<u8>) {
    let (name, mut then) = parts.part();
    out.extend_from_slice(name);
    while then == b',' {
        let key = parts.part().0;
        let (value, after) = parts.part();
        out.push(b',');
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value);
        then = after;
    }
    let mut separator = b' ';
    while then != b'\n' {
        let key = parts.part().0;
        let (value, after) = parts.part();
        match value.strip_suffix(b"i") {
            Some(digits) => {
                put(key, digits, &mut separator, out);
                out.push(b'i');
            }
            None => put(key, value, &mut separator, out),
        }
        then = after;
    }
}

/// `,{"key":"text","key":number}`: the first two texts are tags.
fn object_back(parts: &mut Parts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"file");
    let (mut separator, mut texts, mut then) = (b' ', 0, b',');
    while then != b'}' {
        parts.up_to(b'"');
        let key = parts.up_to(b'"');
        parts.up_to(b':');
        if parts.text[parts.at] == b'"' {
            parts.up_to(b'"');
            let value = parts.up_to(b'"');
            texts += 1;
            out.push(if texts <= 2 { b',' } else { std::mem::replace(&mut separator, b',') });
            out.extend_from_slice(key);
            out.extend_from_slice(if texts <= 2 { b"=" } else { b"=\"" });
            out.extend_from_slice(value);
            out.extend_from_slice(if texts <= 2 { b"" } else { b"\"" });
            then = parts.part().1;
            continue;
        }
        let (value, after) = parts.part();
        if matches!(value[0], b't' | b'f') {
            out.push(std::mem::replace(&mut separator, b','));
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(value);
        } else {
            put(key, value, &mut separator, out);
        }
        then = after;
    }
}

/// A request in the combined format as the pattern COMBINED_LOG_FORMAT names its parts.
fn request_back(parts: &mut Parts<'_>, out: &mut Vec<u8>) {
    let client = parts.up_to(b' ');
    let ident = parts.up_to(b' ');
    let user = parts.up_to(b' ');
    parts.up_to(b'[');
    std::hint::black_box(parts.up_to(b']'));
    parts.up_to(b'"');
    let verb = parts.up_to(b' ');
    let path = parts.up_to(b' ');
    let version = parts.up_to(b'"');
    parts.up_to(b' ');
    let code = parts.up_to(b' ');
    let bytes = parts.up_to(b' ');
    parts.up_to(b'"');
    let referrer = parts.up_to(b'"');
    parts.up_to(b'"');
    let agent = parts.up_to(b'"');
    parts.up_to(b'\n');
    for (key, value) in [(&b"tail,resp_code="[..], code), (b",verb=", verb)] {
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    let texts = [
        (&b" client_ip=\""[..], client),
        (b"\",ident=\"", ident),
        (b"\",auth=\"", user),
        (b"\",request=\"", path),
        (b"\",referrer=\"", referrer),
        (b"\",agent=\"", agent),
    ];
    for (key, value) in texts {
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    out.push(b'"');
    let mut separator = b',';
    put(b"resp_bytes", bytes, &mut separator, out);
    put(b"http_version", version.strip_prefix(b"HTTP/").unwrap_or(b"0"), &mut separator, out);
}
