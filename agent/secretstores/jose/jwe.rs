//! JSON Web Encryption in its compact form (RFC 7516) with a key from a password: `PBES2-HS256+A128KW` (RFC 7518 section 4.8) and
//! `A256GCM` (section 5.3).

use aes::cipher::KeyInit;
use aes_kw::KwAes128;
use agent_api::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use std::num::NonZeroU32;

const ALGORITHM: &str = "PBES2-HS256+A128KW";
const ENCRYPTION: &str = "A256GCM";
/// Rounds for what is written: each reading costs some 30 ms, as an agent reads all its secrets when it starts.
const ROUNDS: u32 = 100_000;
/// Rounds that are still done for a file: more would be an attack on the reader.
const MOST_ROUNDS: u64 = 10_000_000;

/// The plain text of a token.
pub(super) fn decrypt(token: &str, password: &[u8]) -> Result<Vec<u8>> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, key, vector, text, tag] = parts[..] else { bail!("the file is no JWE in compact form") };
    let bytes = |part: &str| BASE64.decode(part).map_err(|_| anyhow!("the file is no JWE: a part is no base64"));
    let fields: Value = serde_json::from_slice(&bytes(header)?).context("read the header of the JWE")?;
    ensure!(
        fields["alg"] == ALGORITHM && fields["enc"] == ENCRYPTION,
        "the file is encrypted by {} and {}; {ALGORITHM} and {ENCRYPTION} are supported",
        fields["alg"],
        fields["enc"]
    );
    let rounds = fields["p2c"].as_u64().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds));
    let rounds = rounds.and_then(|rounds| NonZeroU32::new(rounds as u32)).context("the JWE has no usable p2c")?;
    let salt = bytes(fields["p2s"].as_str().context("the JWE has no p2s")?)?;
    let wrong = || anyhow!("decrypt: is the password right?");
    let mut content = [0; 32];
    let wrapped = bytes(key)?;
    ensure!(wrapped.len() == content.len() + 8, "the key of the JWE has {} bytes instead of 40", wrapped.len());
    wrapping(password, &salt, rounds).unwrap_key(&wrapped, &mut content).map_err(|_| wrong())?;
    let nonce =
        Nonce::try_assume_unique_for_key(&bytes(vector)?).map_err(|_| anyhow!("the vector of the JWE is broken"))?;
    let mut sealed = bytes(text)?;
    sealed.extend(bytes(tag)?);
    let plain =
        cipher(&content)?.open_in_place(nonce, Aad::from(header.as_bytes()), &mut sealed).map_err(|_| wrong())?;
    Ok(plain.to_vec())
}

/// A token of a plain text.
pub(super) fn encrypt(plain: &[u8], password: &[u8]) -> Result<String> {
    let (mut salt, mut content, mut vector) = ([0; 16], [0; 32], [0; 12]);
    let random = SystemRandom::new();
    for bytes in [&mut salt[..], &mut content, &mut vector] {
        random.fill(bytes).map_err(|_| anyhow!("the system gives no random numbers"))?;
    }
    let header = json!({ "alg": ALGORITHM, "enc": ENCRYPTION, "p2c": ROUNDS, "p2s": BASE64.encode(salt) });
    let header = BASE64.encode(header.to_string());
    let rounds = NonZeroU32::new(ROUNDS).context("rounds")?;
    let mut wrapped = [0; 40];
    wrapping(password, &salt, rounds).wrap_key(&content, &mut wrapped).map_err(|e| anyhow!("wrap key: {e}"))?;
    let mut sealed = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key(vector);
    let tag = cipher(&content)?
        .seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut sealed)
        .map_err(|_| anyhow!("encrypt"))?;
    let parts = [&wrapped[..], &vector, &sealed, tag.as_ref()].map(|part| BASE64.encode(part));
    Ok(format!("{header}.{}", parts.join(".")))
}

/// The key that wraps the key of the content.
fn wrapping(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> KwAes128 {
    // RFC 7518 section 4.8.1.1: the algorithm's name, a zero and the salt input.
    let salt = [ALGORITHM.as_bytes(), &[0], salt].concat();
    let mut key = [0; 16];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password, &mut key);
    KwAes128::new(&key.into())
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| anyhow!("the key of the content is broken"))?))
}
