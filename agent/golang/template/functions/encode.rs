//! JSON, Base64, Base32 and checksums (sprig, "Encoding Functions", "Cryptographic Functions", JSON of "Defaults").

use std::fmt::Write;

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

use super::{Args, Function};
use crate::template::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("toJson", 1, |args| encoded(args, json::Style::Html, false)),
    Function::new("mustToJson", 1, |args| encoded(args, json::Style::Html, true)),
    Function::new("toRawJson", 1, |args| encoded(args, json::Style::Raw, true)),
    Function::new("mustToRawJson", 1, |args| encoded(args, json::Style::Raw, true)),
    Function::new("toPrettyJson", 1, |args| encoded(args, json::Style::Pretty, false)),
    Function::new("mustToPrettyJson", 1, |args| encoded(args, json::Style::Pretty, true)),
    Function::new("fromJson", 1, |args| Ok(json::decode(args.text(0)?).unwrap_or_default())),
    Function::new("mustFromJson", 1, |args| json::decode(args.text(0)?)),
    Function::new("b64enc", 1, |args| Ok(BASE64.encode(args.text(0)?.as_bytes()).into())),
    Function::new("b64dec", 1, |args| Ok(BASE64.decode(args.text(0)?).into())),
    Function::new("b32enc", 1, |args| Ok(BASE32.encode(args.text(0)?.as_bytes()).into())),
    Function::new("b32dec", 1, |args| Ok(BASE32.decode(args.text(0)?).into())),
    Function::new("sha1sum", 1, |args| Ok(hex(&Sha1::digest(args.text(0)?.as_bytes())).into())),
    Function::new("sha256sum", 1, |args| Ok(hex(&Sha256::digest(args.text(0)?.as_bytes())).into())),
    Function::new("sha512sum", 1, |args| Ok(hex(&Sha512::digest(args.text(0)?.as_bytes())).into())),
    Function::new("adler32sum", 1, |args| Ok(adler32(args.text(0)?.as_bytes()).to_string().into())),
];

/// A value that JSON cannot hold (infinity) gives nothing, or an error.
fn encoded<'a>(args: &Args<'_, 'a>, style: json::Style, must: bool) -> Result<Value<'a>, String> {
    match json::encode(args.value(0), style) {
        Ok(text) => Ok(text.into()),
        Err(cause) if must => Err(cause),
        Err(_) => Ok("".into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1, 0);
    for &byte in bytes {
        a = (a + u32::from(byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}

/// An encoding of RFC 4648: `bits` of the data to a character, groups filled up with `=`.
struct Encoding {
    alphabet: &'static [u8],
    bits: u32,
    /// Characters in a group.
    group: usize,
    name: &'static str,
}

const BASE64: Encoding = Encoding {
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
    name: "base64",
};

const BASE32: Encoding = Encoding { alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8, name: "base32" };

impl Encoding {
    fn encode(&self, data: &[u8]) -> String {
        let mut out = String::with_capacity(data.len() * 8 / self.bits as usize + self.group);
        let mask = (1 << self.bits) - 1;
        let (mut held, mut count) = (0_u32, 0);
        for &byte in data {
            held = held << 8 | u32::from(byte);
            count += 8;
            while count >= self.bits {
                count -= self.bits;
                out.push(char::from(self.alphabet[(held >> count & mask) as usize]));
            }
            held &= (1 << count) - 1;
        }
        if count > 0 {
            out.push(char::from(self.alphabet[(held << (self.bits - count) & mask) as usize]));
        }
        while !out.len().is_multiple_of(self.group) {
            out.push('=');
        }
        out
    }

    /// The text, or (as sprig does it) the text of the error; bytes that are no UTF-8 become U+FFFD.
    fn decode(&self, text: &str) -> String {
        match self.bytes(text) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(at) => format!("illegal {} data at input byte {at}", self.name),
        }
    }

    /// The data, or the position of the first byte that does not belong.
    fn bytes(&self, text: &str) -> Result<Vec<u8>, usize> {
        let mut out = Vec::with_capacity(text.len());
        let (mut held, mut count, mut characters) = (0_u32, 0, 0_usize);
        let mut fill = 0;
        for (at, byte) in text.bytes().enumerate() {
            if matches!(byte, b'\n' | b'\r') {
                continue;
            }
            characters += 1;
            if byte == b'=' {
                fill += 1;
                continue;
            }
            let value = self.alphabet.iter().position(|&own| own == byte);
            let value = value.filter(|_| fill == 0).ok_or(at)?;
            held = held << self.bits | value as u32;
            count += self.bits;
            if count >= 8 {
                count -= 8;
                out.push((held >> count) as u8);
                held &= (1 << count) - 1;
            }
        }
        // A group that is not whole is told by its begin; what is left over is less than one more character would have held.
        if fill == 0 && !characters.is_multiple_of(self.group) {
            return Err(text.len() - characters % self.group);
        }
        if !characters.is_multiple_of(self.group) || count >= self.bits || fill >= self.group {
            return Err(text.len());
        }
        Ok(out)
    }
}
