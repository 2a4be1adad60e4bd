//! QUIC (RFC 9000, 9369): the client's first packets, whose keys everybody can compute (RFC 9001, section 5.2).

use super::bytes::Bytes;
use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// Longest packet that is opened; nobody's datagrams are longer.
const PACKET: usize = 2048;

/// RFC 9001, 5.2 and RFC 9369, 3.3.1.
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];

/// Of drafts 29 to 32, and 23 to 28; those after them have that of version 1.
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
];
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
];

/// The versions whose first packets can be opened: these two, and the drafts of the first one that were in use.
const VERSION_1: u32 = 1;
const VERSION_2: u32 = 0x6b33_43cf;
const DRAFT_23: u32 = 0xff00_0017;
const DRAFT_28: u32 = 0xff00_001c;
const DRAFT_29: u32 = 0xff00_001d;
const DRAFT_32: u32 = 0xff00_0020;
const DRAFT_33: u32 = 0xff00_0021;
const DRAFT_34: u32 = 0xff00_0022;

/// True if bytes may be a client's first packet; cheap, for every packet.
#[must_use]
pub fn may_begin(bytes: &[u8]) -> bool {
    // A long header, of the kind Initial, of a known version, with a connection id of a client: at least 8 bytes.
    bytes.len() >= 100
        && bytes[5] >= 8
        && match u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) {
            VERSION_1 | DRAFT_23..=DRAFT_34 => bytes[0] & 0xf0 == 0xc0,
            VERSION_2 => bytes[0] & 0xf0 == 0xd0,
            _ => false,
        }
}

/// Opens a client's first packet and shows each piece of the handshake with its place. The version; None if the packet is none, or was
/// not made by a client.
pub fn open(datagram: &[u8], mut each: impl FnMut(u64, &[u8])) -> Option<u32> {
    if !may_begin(datagram) {
        return None;
    }
    let mut rest = Bytes(datagram);
    rest.u8()?;
    let version = rest.u32()?;
    let connection = rest.short().filter(|id| id.len() <= 20)?;
    rest.short().filter(|id| id.len() <= 20)?;
    let token = rest.varint()?;
    rest.take(usize::try_from(token).ok()?)?;
    let length = usize::try_from(rest.varint()?).ok()?;
    let number_at = datagram.len() - rest.len();
    let packet = datagram.get(..number_at.checked_add(length)?).filter(|p| p.len() <= PACKET)?;
    let keys = Keys::of_client(version, connection)?;
    let mut opened = packet.to_vec();
    let plain = keys.open(&mut opened, number_at)?;
    frames(plain, &mut each)?;
    Some(version)
}

/// Shows what frames hold of the handshake; None if one of them has no business in a first packet.
fn frames(plain: &[u8], each: &mut impl FnMut(u64, &[u8])) -> Option<()> {
    let mut rest = Bytes(plain);
    while rest.len() > 0 {
        match rest.varint()? {
            // PADDING, PING.
            0 | 1 => {}
            // ACK, with and without counts of ECN.
            kind @ (2 | 3) => {
                let (_, _, ranges, _) = (rest.varint()?, rest.varint()?, rest.varint()?, rest.varint()?);
                for _ in 0..ranges {
                    numbers(&mut rest, 2)?;
                }
                if kind == 3 {
                    numbers(&mut rest, 3)?;
                }
            }
            // CRYPTO.
            6 => {
                let (at, length) = (rest.varint()?, rest.varint()?);
                each(at, rest.take(usize::try_from(length).ok()?)?);
            }
            _ => return None,
        }
    }
    Some(())
}

/// Passes over so many numbers.
fn numbers(rest: &mut Bytes<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        rest.varint()?;
    }
    Some(())
}

/// The keys of the client's first packets.
struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

/// A length of what is derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Keys {
    fn of_client(version: u32, connection: &[u8]) -> Option<Self> {
        let [key, iv, header] = secrets(version, connection)?;
        Some(Keys {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: iv[..12].try_into().ok()?,
            header: HeaderProtectionKey::new(&AES_128, &header).ok()?,
        })
    }

    /// Decrypts a packet in place; its number is at `number_at`.
    fn open<'a>(&self, packet: &'a mut [u8], number_at: usize) -> Option<&'a [u8]> {
        // RFC 9001, 5.4: the sample is where a number of four bytes would end.
        let mask = self.header.new_mask(packet.get(number_at + 4..number_at + 20)?).ok()?;
        packet[0] ^= mask[0] & 0x0f;
        let number_length = usize::from(packet[0] & 3) + 1;
        let mut nonce = self.iv;
        for i in 0..number_length {
            packet[number_at + i] ^= mask[1 + i];
            nonce[12 - number_length + i] ^= packet[number_at + i];
        }
        let (head, body) = packet.split_at_mut(number_at + number_length);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.open_in_place(nonce, Aad::from(&*head), body).ok().map(|plain| &*plain)
    }
}

/// Key, initialization vector (12 bytes of it) and key of header protection.
fn secrets(version: u32, connection: &[u8]) -> Option<[[u8; 16]; 3]> {
    let salt = match version {
        VERSION_1 | DRAFT_33..=DRAFT_34 => SALT_1,
        VERSION_2 => SALT_2,
        DRAFT_29..=DRAFT_32 => SALT_DRAFT_29,
        DRAFT_23..=DRAFT_28 => SALT_DRAFT_23,
        _ => return None,
    };
    let labels = match version {
        VERSION_2 => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
        _ => ["quic key", "quic iv", "quic hp"],
    };
    let initial = Salt::new(HKDF_SHA256, &salt).extract(connection);
    let mut client = [0; 32];
    expand(&initial, "client in", &mut client)?;
    let client = Prk::new_less_safe(HKDF_SHA256, &client);
    let mut all = [[0; 16]; 3];
    for ((secret, label), length) in all.iter_mut().zip(labels).zip([16, 12, 16]) {
        expand(&client, label, &mut secret[..length])?;
    }
    Some(all)
}

/// HKDF-Expand-Label without a context (RFC 8446, 7.1).
fn expand(secret: &Prk, label: &str, out: &mut [u8]) -> Option<()> {
    let length = (out.len() as u16).to_be_bytes();
    let name = [6 + label.len() as u8];
    let info = [&length[..], &name, b"tls13 ", label.as_bytes(), &[0]];
    secret.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::metadata::bytes::hex;

    /// A client's first packet around frames, as RFC 9001 section 5 says.
    pub(in crate::metadata) fn seal(version: u32, connection: &[u8], number: u8, frames: &[u8]) -> Vec<u8> {
        let keys = Keys::of_client(version, connection).unwrap();
        let mut packet = vec![if version == VERSION_2 { 0xd0 } else { 0xc0 }];
        packet.extend(version.to_be_bytes());
        packet.push(connection.len() as u8);
        packet.extend(connection);
        // No id of the sender, no token.
        packet.extend([0, 0]);
        let body = frames.len().max(100);
        packet.extend((0x4000 | (body + 17) as u16).to_be_bytes());
        let number_at = packet.len();
        packet.push(number);
        let mut nonce = keys.iv;
        nonce[11] ^= number;
        let mut sealed = frames.to_vec();
        sealed.resize(body, 0);
        let aad = packet.clone();
        keys.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed).unwrap();
        packet.extend(sealed);
        let mask = keys.header.new_mask(&packet[number_at + 4..number_at + 20]).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        packet[number_at] ^= mask[1];
        packet
    }

    #[test]
    fn keys_of_the_rfcs() {
        let connection = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        // RFC 9001, A.1, RFC 9369, A.1, and appendix A of the drafts: key, initialization vector, key of header protection.
        let known = [
            (VERSION_1, "1f369613dd76d5467730efcbe3b1a22d fa044b2f42a3fd3b46fb255c 9f50449e04a0e810283a1e9933adedd2"),
            (VERSION_2, "8b1a0bc121284290a29e0971b5cd045d 91f73e2351d8fa91660e909f 45b95e15235d6f45a6b19cbcb0294ba9"),
            (DRAFT_29, "175257a31eb09dea9366d8bb79ad80ba 6b26114b9cba2b63a9e8dd4f 9ddd12c994c0698b89374a9c077a3077"),
            (DRAFT_28, "af7fd7efebd21878ff66811248983694 8681359410a70bb9c92f0420 a980b8b4fb7d9fbc13e814c23164253d"),
        ];
        for (version, keys) in known {
            let [key, iv, header] = secrets(version, &connection).unwrap();
            assert_eq!([hex(&key), hex(&iv[..12]), hex(&header)].join(" "), keys, "{version:#x}");
        }
        assert_eq!(secrets(DRAFT_34, &connection), secrets(VERSION_1, &connection));
    }

    #[test]
    fn pieces_of_a_handshake() {
        for version in [VERSION_1, VERSION_2, DRAFT_23, DRAFT_29, DRAFT_34] {
            // PING, CRYPTO, PADDING, ACK, CRYPTO.
            let frames = [1, 6, 3, 2, b'd', b'e', 0, 0, 2, 5, 0, 1, 0, 0, 0, 6, 0, 3, b'a', b'b', b'c'];
            let packet = seal(version, b"connection", 7, &frames);
            let mut seen = Vec::new();
            assert_eq!(open(&packet, |at, piece| seen.push((at, piece.to_vec()))), Some(version));
            assert_eq!(seen, [(3, b"de".to_vec()), (0, b"abc".to_vec())]);
            // One that was changed on its way is none.
            for at in [6, 20, packet.len() - 1] {
                let mut changed = packet.clone();
                changed[at] ^= 1;
                assert_eq!(open(&changed, |_, _| panic!("opened")), None, "{at}");
            }
            for end in 0..packet.len() {
                assert_eq!(open(&packet[..end], |_, _| panic!("opened")), None);
            }
        }
        assert_eq!(open(&seal(1, b"connection", 7, &[0x1c, 0]), |_, _| {}), None, "a frame that does not belong here");
    }
}
