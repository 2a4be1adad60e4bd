//! TLS (RFC 8446 and those before): what both sides say before they encrypt.

use super::bytes::{Bytes, LIMIT, hex};
use md5::{Digest, Md5};
use ring::digest::{SHA256, digest};
use std::borrow::Cow;
use std::fmt::Write;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURES: u16 = 13;
const ALPN: u16 = 16;
const VERSIONS: u16 = 43;

/// What stands at the begin of a stream.
#[derive(Debug)]
pub enum Begin<'a> {
    /// The first message of the handshake, with its header.
    Message(Cow<'a, [u8]>),
    /// Its end is not there yet.
    More,
    /// It is not TLS.
    Other,
}

/// True if bytes may begin a stream of TLS: a record of the handshake. Cheap, for every packet.
#[must_use]
pub fn may_begin(bytes: &[u8]) -> bool {
    // A record of one byte leaves the rest of the message to the next.
    matches!(
        bytes,
        [22, 3, 0..=4, _, _, CLIENT_HELLO | SERVER_HELLO, 0, ..]
            | [22, 3, 0..=4, 0, 1, CLIENT_HELLO | SERVER_HELLO, ..]
    )
}

/// Takes the first message of the handshake out of its records.
#[must_use]
pub fn begin(stream: &[u8]) -> Begin<'_> {
    let mut rest = Bytes(stream);
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let before = rest.len();
        let header = (rest.u8(), rest.u16(), rest.u16());
        let (Some(kind), Some(version), Some(length)) = header else {
            return if before > 4 { Begin::Other } else { Begin::More };
        };
        if kind != 22 || version >> 8 != 3 || length == 0 || usize::from(length) > LIMIT {
            return Begin::Other;
        }
        let whole = rest.len() >= usize::from(length);
        let part = &rest.0[..rest.len().min(length.into())];
        rest = Bytes(&rest.0[part.len()..]);
        if joined.is_empty()
            && let Some(end) = message_length(part)
            && let Some(message) = part.get(..end)
        {
            return Begin::Message(Cow::Borrowed(message));
        }
        joined.extend_from_slice(part);
        match message_length(&joined) {
            Some(end) if end > LIMIT => return Begin::Other,
            Some(end) if end <= joined.len() => {
                joined.truncate(end);
                return Begin::Message(Cow::Owned(joined));
            }
            _ if !whole => return Begin::More,
            _ => {}
        }
    }
}

/// Length of a message of the handshake with its header.
fn message_length(bytes: &[u8]) -> Option<usize> {
    Bytes(bytes.get(1..)?).u24().map(|n| n + 4)
}

/// What a client offers.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    version: u16,
    ciphers: &'a [u8],
    extensions: &'a [u8],
}

/// What a server chose.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello<'a> {
    version: u16,
    extensions: &'a [u8],
}

/// How a hello was carried, for JA4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TCP.
    Tcp,
    /// QUIC.
    Quic,
}

impl<'a> ClientHello<'a> {
    /// Reads a message of the handshake with its header; None if it is none, or damaged.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let mut rest = Bytes(message);
        if rest.u8()? != CLIENT_HELLO {
            return None;
        }
        rest.u24()?;
        let version = rest.u16()?;
        // Random, session.
        rest.take(32)?;
        rest.short()?;
        let ciphers = rest.long()?;
        rest.short()?;
        // SSL had no extensions.
        let extensions = if rest.len() == 0 { &[] } else { rest.long()? };
        Some(ClientHello { version, ciphers, extensions })
    }

    /// The host that the client wants to talk to.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut list = Bytes(Bytes(extension(self.extensions, SERVER_NAME)?).long()?);
        while let (Some(kind), Some(name)) = (list.u8(), list.long()) {
            if kind == 0 && !name.is_empty() {
                return Some(name);
            }
        }
        None
    }

    /// The first protocol that the client would speak inside.
    #[must_use]
    pub fn alpn(&self) -> Option<&'a [u8]> {
        first_protocol(self.extensions)
    }

    /// The highest version that the client speaks.
    #[must_use]
    pub fn version(&self) -> u16 {
        let list = extension(self.extensions, VERSIONS).and_then(|e| Bytes(e).short()).unwrap_or_default();
        words(list).filter(|v| !is_grease(*v)).max().unwrap_or(self.version)
    }

    /// The fingerprint JA3: MD5 over version, ciphers, extensions, groups and point formats as they stand, in hexadecimal digits.
    #[must_use]
    pub fn ja3(&self) -> String {
        let mut text = self.version.to_string();
        let extensions = extensions(self.extensions).map(|e| e.0);
        let groups = extension(self.extensions, GROUPS).and_then(|e| Bytes(e).long()).unwrap_or_default();
        let formats = extension(self.extensions, POINT_FORMATS).and_then(|e| Bytes(e).short()).unwrap_or_default();
        decimals(&mut text, words(self.ciphers));
        decimals(&mut text, extensions);
        decimals(&mut text, words(groups));
        decimals(&mut text, formats.iter().map(|f| u16::from(*f)));
        hex(&Md5::digest(text.as_bytes()))
    }

    /// The fingerprint JA4 (FoxIO, technical details of JA4): counts, and SHA-256 over sorted ciphers and extensions.
    #[must_use]
    pub fn ja4(&self, carrier: Carrier) -> String {
        let mut ciphers: Vec<u16> = words(self.ciphers).filter(|c| !is_grease(*c)).collect();
        let mut known: Vec<u16> = extensions(self.extensions).map(|e| e.0).filter(|e| !is_grease(*e)).collect();
        let version = match self.version() {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let mut text = format!(
            "{}{version}{}{:02}{:02}",
            if carrier == Carrier::Quic { 'q' } else { 't' },
            if known.contains(&SERVER_NAME) { 'd' } else { 'i' },
            ciphers.len().min(99),
            known.len().min(99),
        );
        text.extend(ends(self.alpn().unwrap_or_default()));
        ciphers.sort_unstable();
        known.retain(|e| !matches!(*e, SERVER_NAME | ALPN));
        known.sort_unstable();
        let signatures = extension(self.extensions, SIGNATURES).and_then(|e| Bytes(e).long()).unwrap_or_default();
        let mut listed = hexadecimals(&known);
        if !signatures.is_empty() {
            listed.push('_');
            listed.push_str(&hexadecimals(&words(signatures).filter(|s| !is_grease(*s)).collect::<Vec<_>>()));
        }
        // Writing to a String does not fail.
        let extensions = if known.is_empty() { String::new() } else { listed };
        let _infallible = write!(text, "_{}_{}", sum(&hexadecimals(&ciphers)), sum(&extensions));
        text
    }
}

impl<'a> ServerHello<'a> {
    /// Reads a message of the handshake with its header; None if it is none, or damaged.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let mut rest = Bytes(message);
        if rest.u8()? != SERVER_HELLO {
            return None;
        }
        rest.u24()?;
        let version = rest.u16()?;
        rest.take(32)?;
        rest.short()?;
        // Cipher and compression.
        rest.take(3)?;
        let extensions = if rest.len() == 0 { &[] } else { rest.long()? };
        Some(ServerHello { version, extensions })
    }

    /// The version that is spoken.
    #[must_use]
    pub fn version(&self) -> u16 {
        extension(self.extensions, VERSIONS).and_then(|e| Bytes(e).u16()).unwrap_or(self.version)
    }

    /// The protocol that is spoken inside; TLS 1.3 encrypts it.
    #[must_use]
    pub fn alpn(&self) -> Option<&'a [u8]> {
        first_protocol(self.extensions)
    }
}

/// What a version is called.
#[must_use]
pub fn version_name(version: u16) -> Cow<'static, str> {
    Cow::Borrowed(match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        draft @ 0x7f00..=0x7fff => return format!("TLS 1.3 draft {}", draft & 0xff).into(),
        other => return format!("0x{other:04x}").into(),
    })
}

fn first_protocol(extensions: &[u8]) -> Option<&[u8]> {
    Bytes(Bytes(extension(extensions, ALPN)?).long()?).short().filter(|p| !p.is_empty())
}

fn extensions(list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = Bytes(list);
    std::iter::from_fn(move || Some((rest.u16()?, rest.long()?)))
}

fn extension(list: &[u8], wanted: u16) -> Option<&[u8]> {
    extensions(list).find(|e| e.0 == wanted).map(|e| e.1)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|w| u16::from_be_bytes([w[0], w[1]]))
}

/// Values that only keep others honest (RFC 8701).
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn decimals(text: &mut String, values: impl Iterator<Item = u16>) {
    let mut separator = ',';
    text.push(separator);
    for value in values.filter(|v| !is_grease(*v)) {
        if separator == '-' {
            text.push(separator);
        }
        separator = '-';
        // Writing to a String does not fail.
        let _infallible = write!(text, "{value}");
    }
}

fn hexadecimals(values: &[u16]) -> String {
    values.iter().map(|v| format!("{v:04x}")).collect::<Vec<_>>().join(",")
}

/// The first 12 digits of the sum; zeros of nothing.
fn sum(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

/// First and last letter of a protocol; of its hexadecimal digits, if one of them is no letter or digit.
fn ends(protocol: &[u8]) -> [char; 2] {
    match protocol {
        [] => ['0', '0'],
        [first, .., last] if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [char::from(*first), char::from(*last)]
        }
        [only] if only.is_ascii_alphanumeric() => [char::from(*only); 2],
        odd => {
            let digits = hex(odd);
            let mut digits = digits.chars();
            // There are two digits at least.
            [digits.next().unwrap_or('0'), digits.next_back().unwrap_or('0')]
        }
    }
}
