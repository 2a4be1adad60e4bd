//! Packed batches as bytes that leave the process: written to disk by one run and read, with every length checked, by another.
//!
//! Version 2; version 1 has no value of the kind 6. Numbers are LEB128 (`n`), signed ones zigzag first (`s`), floats 8 bytes, the lowest first:
//!
//! ```text
//! batch  = n:metrics n:bytes-of-texts texts n:texts n:length* metric*
//! metric = n:name kind:1 s:time n:tags (n:key n:value)* n:fields (n:key value)*
//! value  = 0 float | 1 s | 2 n | 3 (false) | 4 (true) | 5 n:text | 6 length:1 decimal
//! ```
//!
//! `texts` is UTF-8, cut by the lengths; names, keys and texts are numbers of such pieces. `kind` is twice the kind of the metric
//! (0 untyped, 1 counter, 2 gauge, 3 summary, 4 histogram) and 1 more if nothing of it needs an escape in line protocol. Times
//! are differences to the metric before. A decimal is a float as it was received, at most 24 bytes of plain digits. Whoever changes any of this gives it another version: disks hold it.

use super::pack::{DECIMAL_MAX, kind, number};
use super::*;
use crate::{Result, anyhow, ensure};

impl Packed {
    /// Appends the stored form, version 2.
    pub fn write(&self, out: &mut Vec<u8>) {
        number(u64::from(self.len), out);
        number(self.texts.len() as u64, out);
        out.extend_from_slice(self.texts.as_bytes());
        out.extend_from_slice(&self.bytes);
    }

    /// Reads the stored form, version 2 or 1; any bytes may be given. Takes memory in proportion to them.
    pub fn read(bytes: &[u8]) -> Result<Batch> {
        let mut read = Reader { bytes };
        let metrics = read.count(6)?;
        let len = read.count(1)?;
        let (texts, rest) = read.bytes.split_at(len);
        let texts = std::str::from_utf8(texts)?;
        ensure!(texts.len() < ARENA as usize, "more than 2 GiB of texts");
        read.bytes = rest;
        let places = read.places(texts)?;

        let mut batch = Batch::new();
        batch.arena = texts.to_owned();
        batch.heads.reserve(metrics);
        let mut last = 0i64;
        for _ in 0..metrics {
            last = read.metric(&places, last, &mut batch)?;
        }
        ensure!(read.bytes.is_empty(), "{} bytes too many", read.bytes.len());
        Ok(batch)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.bytes.split_first().ok_or_else(|| anyhow!("it ends too early"))?;
        self.bytes = rest;
        Ok(first)
    }

    fn number(&mut self) -> Result<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(anyhow!("a number of more than ten bytes"))
    }

    fn signed(&mut self) -> Result<i64> {
        let n = self.number()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn eight(&mut self) -> Result<u64> {
        let (first, rest) = self.bytes.split_first_chunk().ok_or_else(|| anyhow!("it ends too early"))?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(*first))
    }

    /// How many things follow, of `least` bytes each; never more than there is room for.
    fn count(&mut self, least: usize) -> Result<usize> {
        let n = self.number()?;
        let room = (self.bytes.len() / least) as u64;
        ensure!(n <= room, "{n} entries in {} bytes", self.bytes.len());
        Ok(n as usize)
    }

    /// Where the pieces of the texts are.
    fn places(&mut self, texts: &str) -> Result<Vec<Str>> {
        let count = self.count(1)?;
        let (mut places, mut at) = (Vec::with_capacity(count), 0);
        for _ in 0..count {
            let len = self.number()?;
            ensure!(len <= (texts.len() - at) as u64, "a text of {len} bytes of {}", texts.len() - at);
            places.push(Str { at: at as u32 | ARENA, len: len as u32 });
            at += len as usize;
            ensure!(texts.is_char_boundary(at), "a text that ends within a character");
        }
        Ok(places)
    }

    fn text(&mut self, places: &[Str]) -> Result<Str> {
        let n = self.number()?;
        let place = usize::try_from(n).ok().and_then(|n| places.get(n));
        place.copied().ok_or_else(|| anyhow!("text {n} of {}", places.len()))
    }

    /// Adds a metric and gives its time.
    fn metric(&mut self, places: &[Str], last: i64, batch: &mut Batch) -> Result<i64> {
        let name = self.text(places)?;
        let flags = self.byte()?;
        ensure!(flags < 10, "kind {flags}");
        let time = last.wrapping_add(self.signed()?);
        let tags = batch.tags.len();
        let tag_len = u16::try_from(self.count(2)?)?;
        for i in 0..tag_len {
            let pair = (self.text(places)?, self.text(places)?);
            let sorted = i == 0 || batch.text(batch.tags[batch.tags.len() - 1].0) < batch.text(pair.0);
            ensure!(sorted, "tags that are not in order");
            batch.tags.push(pair);
        }
        let fields = batch.fields.len();
        let field_len = self.count(2)?;
        ensure!(field_len > 0, "a metric without fields");
        for _ in 0..field_len {
            let slot = self.field(places, batch)?;
            batch.fields.push(slot);
        }
        batch.heads.push(Head {
            name,
            tags: u32::try_from(tags)?,
            fields: u32::try_from(fields)?,
            field_len: u32::try_from(field_len)?,
            tag_len,
            kind: kind(flags >> 1),
            clean: flags & 1 == 1,
            time,
            series: 0,
        });
        Ok(time)
    }

    fn field(&mut self, places: &[Str], batch: &mut Batch) -> Result<Slot> {
        let key = self.text(places)?;
        ensure!(key.len as usize <= KEY_MAX, "a key of {} bytes", key.len);
        Ok(match self.byte()? {
            0 => Slot::new(key, Type::Float, self.eight()?),
            1 => Slot::new(key, Type::Int, self.signed()? as u64),
            2 => Slot::new(key, Type::Uint, self.number()?),
            3 => Slot::new(key, Type::Bool, 0),
            4 => Slot::new(key, Type::Bool, 1),
            5 => Slot::new(key, Type::Str, self.text(places)?.bits()),
            6 => {
                let decimal = self.decimal()?;
                ensure!(batch.arena.len() + decimal.len() < ARENA as usize, "more than 2 GiB of texts");
                Slot::new(key, Type::Decimal, batch.put(decimal).bits())
            }
            other => return Err(anyhow!("a value of type {other}")),
        })
    }
}

impl<'a> Reader<'a> {
    fn decimal(&mut self) -> Result<&'a str> {
        let len = usize::from(self.byte()?);
        let (text, rest) = self.bytes.split_at_checked(len).ok_or_else(|| anyhow!("it ends too early"))?;
        self.bytes = rest;
        let (whole, fraction) = match text.iter().position(|b| *b == b'.') {
            Some(point) => (&text[..point], Some(&text[point + 1..])),
            None => (text, None),
        };
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let plain = digits(whole.strip_prefix(b"-").unwrap_or(whole)) && fraction.is_none_or(digits);
        ensure!(len <= DECIMAL_MAX && plain, "a float {:?}", String::from_utf8_lossy(text));
        Ok(std::str::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> (Batch, Vec<u8>) {
        let mut batch = Batch::new();
        for i in 0..20i64 {
            batch
                .metric("größe")
                .tag("host", &format!("server{}", i % 3))
                .tag("a", "é")
                .kind(Kind::Gauge)
                .field("f", i as f64 * 0.1)
                .field("i", i64::MIN + i)
                .field("u", u64::MAX)
                .field("b", i % 2 == 0)
                .field("s", format!("text {i}").as_str())
                .time(1_790_000_000_000_000_000 - i);
        }
        let mut bytes = Vec::new();
        Packed::new(&View::all(batch.clone())).write(&mut bytes);
        (batch, bytes)
    }

    #[test]
    fn what_was_written_is_read() {
        let (batch, bytes) = stored();
        let again = Packed::read(&bytes).unwrap();
        assert_eq!(again.len(), 20);
        assert!(batch.iter().zip(again.iter()).all(|(a, b)| a == b && a.clean() == b.clean()));
    }

    #[test]
    fn the_stored_form_stays() {
        let mut batch = Batch::new();
        batch.metric("m").tag("k", "v").field("f", -2i64).field("b", true).time(1);
        let mut bytes = Vec::new();
        Packed::new(&View::all(batch)).write(&mut bytes);
        assert_eq!(bytes, b"\x01\x05mkvfb\x05\x01\x01\x01\x01\x01\x00\x01\x02\x01\x01\x02\x02\x03\x01\x03\x04\x04");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let (_, bytes) = stored();
        for i in 0..bytes.len() {
            assert!(Packed::read(&bytes[..i]).is_err());
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[i] ^= 1 << bit;
                if let Ok(batch) = Packed::read(&bad) {
                    let mut out = String::new();
                    batch.iter().for_each(|m| out.push_str(&format!("{m:?}")));
                    assert!(batch.is_empty() || !out.is_empty());
                }
            }
        }
    }
}
