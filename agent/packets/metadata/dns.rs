//! DNS (RFC 1035), also as multicast (RFC 6762) and LLMNR: the question and how it was answered.

use super::bytes::Bytes;
use std::borrow::Cow;

/// Most labels of a name; 255 bytes hold no more.
const LABELS: usize = 128;

/// What a message says of its question.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its number, which the answer repeats.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// How the answer came out (RCODE), 0 in a query.
    pub code: u8,
    /// The first question's type.
    pub kind: u16,
    /// The labels of the first question's name, each behind its length.
    name: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message with a question; None if it is none.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let (id, flags, questions) = (rest.u16()?, rest.u16()?, rest.u16()?);
        let others = [rest.u16()?, rest.u16()?, rest.u16()?];
        // More questions than one only come by multicast (RFC 9619); an operation beyond UPDATE and DSO is none.
        if !(1..=100).contains(&questions) || flags >> 11 & 15 > 6 || others.iter().any(|n| *n > 1000) {
            return None;
        }
        let text = rest.0;
        let mut labels = 0;
        let name = loop {
            match rest.u8()? {
                0 => break &text[..text.len() - rest.len() - 1],
                // Compression has no use in the first name of a message.
                length @ 1..64 => rest.take(length.into())?,
                _ => return None,
            };
            labels += 1;
            if labels > LABELS || text.len() - rest.len() > 255 {
                return None;
            }
        };
        let kind = rest.u16()?;
        rest.u16()?;
        Some(Message { id, response: flags >> 15 == 1, code: (flags & 15) as u8, kind, name })
    }

    /// The name asked for, without a dot at the end; what is not printable becomes `?`, the root is `.`.
    #[must_use]
    pub fn name(&self) -> Box<str> {
        if self.name.is_empty() {
            return ".".into();
        }
        let mut labels = Bytes(self.name);
        let mut name = String::with_capacity(self.name.len());
        while let Some(label) = labels.short() {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&super::bytes::printable(label));
        }
        name.into_boxed_str()
    }
}

/// What a type is called (IANA "dns-parameters").
#[must_use]
pub fn kind_name(kind: u16) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        24 => "SIG",
        25 => "KEY",
        28 => "AAAA",
        29 => "LOC",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        59 => "CDS",
        60 => "CDNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        // RFC 3597, section 5.
        other => return format!("TYPE{other}").into(),
    })
}

/// What a code is called.
#[must_use]
pub fn code_name(code: u8) -> Cow<'static, str> {
    const NAMES: [&str; 12] = [
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "YXDOMAIN",
        "YXRRSET",
        "NXRRSET",
        "NOTAUTH",
        "NOTZONE",
        "DSOTYPENI",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| format!("RCODE{code}").into(), |name| Cow::Borrowed(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u16, name: &[u8], kind: u16) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd];
        bytes.extend(flags.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 0, 0, 0]);
        bytes.extend(name);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        bytes
    }

    #[test]
    fn a_query_and_its_answer() {
        let name = b"\x03www\x07example\x00";
        let query = message(0x0100, name, 28);
        let m = Message::parse(&query).unwrap();
        assert_eq!((m.id, m.response, m.code, m.kind, &*m.name()), (0xabcd, false, 0, 28, "www.example"));
        let answer = message(0x8183, name, 65);
        let m = Message::parse(&answer).unwrap();
        assert_eq!((m.response, &*code_name(m.code), &*kind_name(m.kind)), (true, "NXDOMAIN", "HTTPS"));
        for cut in 0..query.len() {
            assert!(Message::parse(&query[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn names_that_are_odd() {
        let root = message(0, b"\0", 2);
        assert_eq!(&*Message::parse(&root).unwrap().name(), ".");
        let odd = message(0, b"\x04a\xffb\n\0", 2);
        assert_eq!(&*Message::parse(&odd).unwrap().name(), "a?b?");
        for bad in [&b"\xc0\x0c"[..], b"\x40aaa\0"] {
            assert!(Message::parse(&message(0, bad, 1)).is_none());
        }
        let long = [&b"\x3f"[..], &[b'x'; 63]].concat().repeat(4);
        assert!(Message::parse(&message(0, &[&long[..], b"\0"].concat(), 1)).is_none());
        assert_eq!((&*kind_name(9999), &*code_name(15)), ("TYPE9999", "RCODE15"));
    }
}
