//! Encryption of what a queue keeps on disk: `buffer_key`, AES-256-GCM by ring.
//!
//! Every record has a key of its own, derived (HKDF-SHA256, RFC 5869) from the user's text and a random salt beside the payload: so
//! no two payloads can share key and nonce, however many there are, and a record is read without anything else of its file.
//! The number of the record and its metrics are authenticated with it. A file says by the key's id which key it needs; the id
//! comes from the same derivation and tells nothing of the key.

use agent_api::{Result, anyhow, ensure};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use std::borrow::Cow;
use std::sync::Arc;

/// The text of a key has so many characters at least: 32 hexadecimal digits are 128 bits.
const TEXT_MIN: usize = 32;
/// Random bytes before each payload.
const SALT: usize = 16;
/// The id of no key: payloads are as they are.
pub(super) const OPEN: [u8; 8] = [0; 8];

/// The key of a queue.
pub(super) struct Key {
    id: [u8; 8],
    secret: Prk,
    random: SystemRandom,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", shown(&self.id))
    }
}

/// Bytes to be derived.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(secret: &Prk, what: &[u8], salt: &[u8], out: &mut [u8]) -> Result<()> {
    let derived = secret.expand(&[what, salt], Bytes(out.len())).and_then(|okm| okm.fill(out));
    derived.map_err(|_| anyhow!("derive a key"))
}

impl Key {
    /// The key that a text gives. Space around it does not count.
    pub(super) fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        ensure!(
            text.chars().count() >= TEXT_MIN,
            "a key of {} characters: expected {TEXT_MIN} or more, such as 32 random bytes in base64",
            text.chars().count()
        );
        let secret = Salt::new(HKDF_SHA256, b"agent disk queue").extract(text.as_bytes());
        let mut id = OPEN;
        derive(&secret, b"id", &[], &mut id)?;
        Ok(Key { id, secret, random: SystemRandom::new() })
    }

    pub(super) fn id(&self) -> [u8; 8] {
        self.id
    }

    fn of_record(&self, salt: &[u8]) -> Result<LessSafeKey> {
        let mut bytes = [0; 32];
        derive(&self.secret, b"record", salt, &mut bytes)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| anyhow!("make a key"))?;
        Ok(LessSafeKey::new(key))
    }

    /// Encrypts what stands in `bytes` from `from` on; it grows by salt and tag.
    pub(super) fn seal(&self, number: u64, metrics: u32, bytes: &mut Vec<u8>, from: usize) -> Result<()> {
        let mut salt = [0; SALT];
        self.random.fill(&mut salt).map_err(|_| anyhow!("encrypt: no random numbers"))?;
        let key = self.of_record(&salt)?;
        let tag = key.seal_in_place_separate_tag(nonce(number), about(number, metrics), &mut bytes[from..]);
        let tag = tag.map_err(|_| anyhow!("encrypt {} bytes", bytes.len() - from))?;
        bytes.extend_from_slice(tag.as_ref());
        bytes.extend_from_slice(&salt);
        Ok(())
    }

    fn open(&self, number: u64, metrics: u32, payload: &[u8]) -> Result<Vec<u8>> {
        let refused = || anyhow!("it cannot be decrypted");
        let (sealed, salt) = payload.split_last_chunk::<SALT>().ok_or_else(refused)?;
        let mut bytes = sealed.to_vec();
        let key = self.of_record(salt)?;
        let len = key.open_in_place(nonce(number), about(number, metrics), &mut bytes).map_err(|_| refused())?.len();
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// Of one key only one payload is made, so this need not be random.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn about(number: u64, metrics: u32) -> Aad<[u8; 12]> {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&metrics.to_le_bytes());
    Aad::from(bytes)
}

/// An id as it is shown.
pub(super) fn shown(id: &[u8; 8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the payloads of a file are kept.
#[derive(Clone, Debug, Default)]
pub(super) enum Seal {
    /// As they are.
    #[default]
    None,
    /// Encrypted.
    Key(Arc<Key>),
    /// One or the other: the header is damaged.
    Perhaps(Arc<Key>),
}

impl Seal {
    /// How payloads are kept that are written from now on.
    pub(super) fn new(key: Option<&Arc<Key>>) -> Self {
        key.map_or(Seal::None, |key| Seal::Key(key.clone()))
    }

    /// How those of a file are that says so; an error names the key that is missing.
    pub(super) fn of(id: Option<[u8; 8]>, key: Option<&Arc<Key>>) -> Result<Self> {
        match (id, key) {
            (Some(OPEN), _) | (None, None) => Ok(Seal::None),
            (Some(id), Some(key)) if id == key.id() => Ok(Seal::Key(key.clone())),
            (Some(id), Some(key)) => {
                let (needed, given) = (shown(&id), shown(&key.id()));
                Err(anyhow!(
                    "it is encrypted with another key: it needs the one with the id {needed}, buffer_key has {given}"
                ))
            }
            (Some(id), None) => Err(anyhow!("it is encrypted: set buffer_key to the key with the id {}", shown(&id))),
            (None, Some(key)) => Ok(Seal::Perhaps(key.clone())),
        }
    }

    /// The id for the header.
    pub(super) fn id(&self) -> [u8; 8] {
        match self {
            Seal::None => OPEN,
            Seal::Key(key) | Seal::Perhaps(key) => key.id(),
        }
    }

    /// A payload as it was before it was encrypted.
    pub(super) fn open<'a>(&self, number: u64, metrics: u32, payload: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        match self {
            Seal::None => Ok(Cow::Borrowed(payload)),
            Seal::Key(key) => key.open(number, metrics, payload).map(Cow::Owned),
            Seal::Perhaps(key) => Ok(key.open(number, metrics, payload).map_or(Cow::Borrowed(payload), Cow::Owned)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Arc<Key> {
        Arc::new(Key::new(text).unwrap())
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_key_alone() {
        let (right, wrong) = (key("0123456789abcdef0123456789abcdef"), key("0123456789abcdef0123456789abcdee"));
        let mut bytes = b"head, then a payload".to_vec();
        right.seal(7, 3, &mut bytes, 6).unwrap();
        assert!(bytes.starts_with(b"head, ") && bytes.len() == 20 + 16 + SALT);
        assert!(!bytes.windows(7).any(|w| w == b"payload"));
        let payload = &bytes[6..];
        assert_eq!(&*Seal::Key(right.clone()).open(7, 3, payload).unwrap(), b"then a payload");
        for (key, number, metrics) in [(&wrong, 7, 3), (&right, 8, 3), (&right, 7, 2)] {
            assert!(key.open(number, metrics, payload).is_err());
        }
        for bit in 0..payload.len() * 8 {
            let mut bad = payload.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(right.open(7, 3, &bad).is_err(), "bit {bit}");
        }
        assert!(right.open(7, 3, &payload[..SALT - 1]).is_err());
        let mut again = b"then a payload".to_vec();
        right.seal(7, 3, &mut again, 0).unwrap();
        assert_ne!(again, payload, "the same twice is not the same");
    }

    #[test]
    fn a_key_has_an_id_that_stays_and_a_length() {
        // Files on disks hold it.
        let id = key("  0123456789abcdef0123456789abcdef\n").id();
        assert_eq!(id, key("0123456789abcdef0123456789abcdef").id());
        assert_ne!(id, key("0123456789abcdef0123456789abcdeg").id());
        let error = Key::new("too short").unwrap_err().to_string();
        assert!(error.starts_with("a key of 9 characters: expected 32 or more"), "{error}");
    }

    #[test]
    fn a_file_says_which_key_it_needs() {
        let (ours, other) = (key("0123456789abcdef0123456789abcdef"), key("0123456789abcdef0123456789abcdee"));
        let says = |id, key: Option<&Arc<Key>>| Seal::of(id, key).unwrap_err().to_string();
        assert!(says(Some(other.id()), Some(&ours)).contains(&format!("id {}", shown(&other.id()))));
        assert!(says(Some(other.id()), None).starts_with("it is encrypted: set buffer_key"));
        assert!(matches!(Seal::of(Some(OPEN), Some(&ours)), Ok(Seal::None)));
        assert!(matches!(Seal::of(Some(ours.id()), Some(&ours)), Ok(Seal::Key(_))));
        assert!(matches!(Seal::of(None, Some(&ours)), Ok(Seal::Perhaps(_))));
    }
}
