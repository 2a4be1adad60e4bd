//! Encryption of what an output keeps on disk, its queue and its dead letters: `buffer_key`, AES-256-GCM by ring.
//!
//! Every payload has a key of its own, derived (HKDF-SHA256, RFC 5869) from the user's text and a random salt beside the payload: so
//! no two payloads can share key and nonce, however many there are, and one is read without anything else of its file.
//! What it belongs to, a record of a queue by its number or a letter by its own, is authenticated with it. A file says by the
//! key's id which key it needs; the id comes from the same derivation and tells nothing of the key. So a key may be
//! exchanged at any time: the new one is for what is written from then on, and `buffer_old_keys` for what is there.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use crate::config::Keys;
use agent_api::{Context, Result, Secret, anyhow, ensure};
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

/// What a payload belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A record of a queue.
    Record { number: u64, metrics: u32 },
    /// A dead letter.
    Letter { id: u64 },
}

impl Owner {
    /// Keys of records and of letters have nothing in common.
    fn label(self) -> &'static [u8] {
        match self {
            Owner::Record { .. } => b"record",
            Owner::Letter { .. } => b"letter",
        }
    }

    fn number(self) -> u64 {
        match self {
            Owner::Record { number, .. } => number,
            Owner::Letter { id } => id,
        }
    }

    /// Of one key only one payload is made, so this need not be random.
    fn nonce(self) -> Nonce {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.number().to_le_bytes());
        Nonce::assume_unique_for_key(bytes)
    }

    /// What is authenticated with the payload.
    fn about(self) -> Aad<[u8; 12]> {
        let metrics = if let Owner::Record { metrics, .. } = self { metrics } else { 0 };
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.number().to_le_bytes());
        bytes[8..].copy_from_slice(&metrics.to_le_bytes());
        Aad::from(bytes)
    }
}

/// A key.
pub(super) struct Key {
    id: [u8; 8],
    secret: Prk,
    random: SystemRandom,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", hex(&self.id))
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

    fn of_payload(&self, owner: Owner, salt: &[u8]) -> Result<LessSafeKey> {
        let mut bytes = [0; 32];
        derive(&self.secret, owner.label(), salt, &mut bytes)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| anyhow!("make a key"))?;
        Ok(LessSafeKey::new(key))
    }

    /// Encrypts what stands in `bytes` from `from` on; it grows by salt and tag.
    pub(super) fn seal(&self, owner: Owner, bytes: &mut Vec<u8>, from: usize) -> Result<()> {
        let mut salt = [0; SALT];
        self.random.fill(&mut salt).map_err(|_| anyhow!("encrypt: no random numbers"))?;
        let key = self.of_payload(owner, &salt)?;
        let tag = key.seal_in_place_separate_tag(owner.nonce(), owner.about(), &mut bytes[from..]);
        let tag = tag.map_err(|_| anyhow!("encrypt {} bytes", bytes.len() - from))?;
        bytes.extend_from_slice(tag.as_ref());
        bytes.extend_from_slice(&salt);
        Ok(())
    }

    /// A payload as it was before it was encrypted.
    pub(super) fn open(&self, owner: Owner, payload: &[u8]) -> Result<Vec<u8>> {
        let refused = || anyhow!("it cannot be decrypted");
        let (sealed, salt) = payload.split_last_chunk::<SALT>().ok_or_else(refused)?;
        let mut bytes = sealed.to_vec();
        let key = self.of_payload(owner, salt)?;
        let len = key.open_in_place(owner.nonce(), owner.about(), &mut bytes).map_err(|_| refused())?.len();
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// The keys of an output.
#[derive(Clone, Debug, Default)]
pub(super) struct Keyring {
    /// With which what is written is encrypted; None: it is not.
    current: Option<Arc<Key>>,
    /// With which what is there already may be encrypted.
    old: Vec<Arc<Key>>,
}

impl Keyring {
    /// The keys that the options give. Fails if a secret store does not answer, or a key is too short.
    pub(super) fn new(keys: &Keys) -> Result<Self> {
        let key = |text: &Secret| text.reveal().and_then(|text| Key::new(&text)).map(Arc::new);
        let current = keys.current.as_ref().map(key).transpose().context("buffer_key")?;
        let old = keys.old.iter().map(key).collect::<Result<_>>().context("buffer_old_keys")?;
        Ok(Keyring { current, old })
    }

    /// The key for what is written from now on.
    pub(super) fn current(&self) -> Option<&Arc<Key>> {
        self.current.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.current.iter().chain(&self.old)
    }

    /// The key of an id; an error names the one that is missing.
    pub(super) fn find(&self, id: [u8; 8]) -> Result<&Arc<Key>> {
        self.all().find(|key| key.id() == id).ok_or_else(|| {
            let given: Vec<String> = self.all().map(|key| hex(&key.id())).collect();
            let given = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
            let needed = hex(&id);
            anyhow!("it is encrypted: buffer_key or buffer_old_keys must have the key with the id {needed}, given is {given}")
        })
    }
}

/// Bytes in hexadecimal: ids as they are shown, and what stands in lines of text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of `hex`; none if it is no such text.
pub(super) fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks();
    rest.is_empty().then(|| pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect())?
}

/// How the payloads of a queue's file are kept.
#[derive(Clone, Debug, Default)]
pub(super) enum Seal {
    /// As they are.
    #[default]
    None,
    /// Encrypted.
    Key(Arc<Key>),
    /// As they are or encrypted with one of these: the header is damaged.
    Perhaps(Vec<Arc<Key>>),
}

impl Seal {
    /// How payloads are kept that are written from now on.
    pub(super) fn new(key: Option<&Arc<Key>>) -> Self {
        key.map_or(Seal::None, |key| Seal::Key(key.clone()))
    }

    /// How those of a file are that says so; an error names the key that is missing.
    pub(super) fn of(id: Option<[u8; 8]>, keys: &Keyring) -> Result<Self> {
        match id {
            Some(OPEN) => Ok(Seal::None),
            Some(id) => keys.find(id).map(|key| Seal::Key(key.clone())),
            None => Ok(Seal::Perhaps(keys.all().cloned().collect())),
        }
    }

    /// The payload of a record as it was before it was encrypted.
    pub(super) fn open<'a>(&self, number: u64, metrics: u32, payload: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let owner = Owner::Record { number, metrics };
        match self {
            Seal::None => Ok(Cow::Borrowed(payload)),
            Seal::Key(key) => key.open(owner, payload).map(Cow::Owned),
            Seal::Perhaps(keys) => {
                let opened = keys.iter().find_map(|key| key.open(owner, payload).ok());
                Ok(opened.map_or(Cow::Borrowed(payload), Cow::Owned))
            }
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
        let owner = Owner::Record { number: 7, metrics: 3 };
        let mut bytes = b"head, then a payload".to_vec();
        right.seal(owner, &mut bytes, 6).unwrap();
        assert!(bytes.starts_with(b"head, ") && bytes.len() == 20 + 16 + SALT);
        assert!(!bytes.windows(7).any(|w| w == b"payload"));
        let payload = &bytes[6..];
        assert_eq!(&*Seal::Key(right.clone()).open(7, 3, payload).unwrap(), b"then a payload");
        let others =
            [Owner::Record { number: 8, metrics: 3 }, Owner::Record { number: 7, metrics: 2 }, Owner::Letter { id: 7 }];
        assert!(others.iter().all(|other| right.open(*other, payload).is_err()) && wrong.open(owner, payload).is_err());
        for bit in 0..payload.len() * 8 {
            let mut bad = payload.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(right.open(owner, &bad).is_err(), "bit {bit}");
        }
        assert!(right.open(owner, &payload[..SALT - 1]).is_err());
        let mut again = b"then a payload".to_vec();
        right.seal(owner, &mut again, 0).unwrap();
        assert_ne!(again, payload, "the same twice is not the same");
    }

    #[test]
    fn a_key_has_an_id_that_stays_and_a_length() {
        // Files on disks hold it.
        let id = key("  0123456789abcdef0123456789abcdef\n").id();
        assert_eq!(id, key("0123456789abcdef0123456789abcdef").id());
        assert_ne!(id, key("0123456789abcdef0123456789abcdeg").id());
        assert_eq!(bytes_of(&hex(&id)), Some(id.to_vec()));
        assert_eq!((bytes_of("012"), bytes_of("+1"), bytes_of("no number at all")), (None, None, None));
        let error = Key::new("too short").unwrap_err().to_string();
        assert!(error.starts_with("a key of 9 characters: expected 32 or more"), "{error}");
    }

    #[test]
    fn a_file_says_which_key_it_needs() {
        let [ours, old, other] = ["f", "e", "d"].map(|end| key(&format!("0123456789abcdef0123456789abcde{end}")));
        let ring = Keyring { current: Some(ours.clone()), old: vec![old.clone()] };
        let says = |ring: &Keyring| Seal::of(Some(other.id()), ring).unwrap_err().to_string();
        let [a, b, c] = [&ours, &old, &other].map(|key| hex(&key.id()));
        assert!(says(&ring).ends_with(&format!("the key with the id {c}, given is {a}, {b}")), "{}", says(&ring));
        assert!(says(&Keyring::default()).ends_with(&format!("the key with the id {c}, given is none")));
        assert!(matches!(Seal::of(Some(OPEN), &ring), Ok(Seal::None)));
        for known in [&ours, &old] {
            assert!(matches!(Seal::of(Some(known.id()), &ring), Ok(Seal::Key(key)) if key.id() == known.id()));
        }
        // Without a header each of them is tried, and none.
        let perhaps = Seal::of(None, &ring).unwrap();
        let mut payload = b"a payload".to_vec();
        assert_eq!(&*perhaps.open(7, 3, &payload).unwrap(), b"a payload");
        old.seal(Owner::Record { number: 7, metrics: 3 }, &mut payload, 0).unwrap();
        assert_eq!(&*perhaps.open(7, 3, &payload).unwrap(), b"a payload");
    }
}
