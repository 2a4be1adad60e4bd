//! Decryption of values: AES (FIPS 197) in the modes of NIST SP 800-38A.
//!
//! None of these modes tells whether a value was changed or the key is wrong; they are here because servers use them.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use agent_api::{Result, Secret, anyhow, bail, ensure};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;

const BLOCK: usize = 16;

/// The key, given or derived from a password.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Aes {
    /// The key in hexadecimal; empty means that it is derived from the password.
    key: Secret,
    /// The initialisation vector in hexadecimal, 16 bytes.
    init_vector: Secret,
    /// How the key is derived from the password; `PBKDF2-HMAC-SHA256` (RFC 8018) is the one that is known.
    kdf_algorithm: String,
    /// The password.
    password: Secret,
    /// The salt, as text.
    salt: Secret,
    /// Rounds of the derivation.
    iterations: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every block by itself.
    Plain,
    Cbc,
    Cfb,
    Ctr,
    Ofb,
}

/// How values are decrypted.
#[derive(Clone, Debug)]
pub(super) struct Cipher {
    /// Bytes of the key.
    len: usize,
    mode: Mode,
    padded: bool,
    key: Aes,
}

impl Cipher {
    /// The cipher of a name; None for `none`.
    pub(super) fn named(name: &str, key: &Aes) -> Result<Option<Self>> {
        let mut parts = name.split('/');
        let len = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "none" => return Ok(None),
            "aes128" => 16,
            "aes192" => 24,
            "aes256" => 32,
            _ => bail!("unknown cipher {name:?}; AES128, AES192 and AES256 are known"),
        };
        let mode = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            None => Mode::Plain,
            Some("cbc") => Mode::Cbc,
            Some("cfb") => Mode::Cfb,
            Some("ctr") => Mode::Ctr,
            Some("ofb") => Mode::Ofb,
            Some(_) => bail!("unknown mode in {name:?}; CBC, CFB, CTR and OFB are known"),
        };
        let padded = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            None | Some("none") => false,
            Some("pkcs#5" | "pkcs#7") => true,
            Some(_) => bail!("unknown padding in {name:?}; PKCS#5 and PKCS#7 are known"),
        };
        ensure!(parts.next().is_none(), "{name:?} has more parts than cipher, mode and padding");
        ensure!(mode == Mode::Plain || !key.init_vector.is_empty(), "aes.init_vector is needed for {name:?}");
        if key.key.is_empty() {
            ensure!(!key.password.is_empty(), "aes.key or aes.password is needed");
            let known = ["", "pbkdf2-hmac-sha256"].contains(&key.kdf_algorithm.to_ascii_lowercase().as_str());
            ensure!(known, "unknown kdf_algorithm {:?}; PBKDF2-HMAC-SHA256 is known", key.kdf_algorithm);
            ensure!(
                !key.salt.is_empty() && key.iterations > 0,
                "aes.salt and aes.iterations are needed with aes.password"
            );
        }
        Ok(Some(Cipher { len, mode, padded, key: key.clone() }))
    }

    /// Decrypts a value.
    pub(super) fn decrypt(&self, mut data: Vec<u8>) -> Result<Vec<u8>> {
        let key = self.key.bytes(self.len)?;
        let mut vector = [0; BLOCK];
        if self.mode != Mode::Plain {
            let given = hex(&self.key.init_vector.reveal()?).filter(|given| given.len() == BLOCK);
            vector.copy_from_slice(&given.ok_or_else(|| anyhow!("aes.init_vector is not 16 bytes in hexadecimal"))?);
        }
        if matches!(self.mode, Mode::Plain | Mode::Cbc) {
            ensure!(data.len().is_multiple_of(BLOCK), "the encrypted value has no whole blocks");
        }
        match self.len {
            16 => run::<aes::Aes128>(&key, self.mode, vector, &mut data)?,
            24 => run::<aes::Aes192>(&key, self.mode, vector, &mut data)?,
            _ => run::<aes::Aes256>(&key, self.mode, vector, &mut data)?,
        }
        if self.padded {
            let pad = data.last().copied().unwrap_or_default();
            let len = usize::from(pad);
            let whole =
                (1..=BLOCK).contains(&len) && len <= data.len() && data[data.len() - len..].iter().all(|b| *b == pad);
            ensure!(whole, "the padding is broken: is the key right?");
            data.truncate(data.len() - len);
        }
        Ok(data)
    }
}

impl Aes {
    fn bytes(&self, len: usize) -> Result<Vec<u8>> {
        if !self.key.is_empty() {
            let key = hex(&self.key.reveal()?).filter(|key| key.len() == len);
            return key.ok_or_else(|| anyhow!("aes.key is not {len} bytes in hexadecimal"));
        }
        let rounds = NonZeroU32::new(self.iterations).ok_or_else(|| anyhow!("aes.iterations is 0"))?;
        let mut key = vec![0; len];
        let (salt, password) = (self.salt.reveal()?, self.password.reveal()?);
        ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt.as_bytes(), password.as_bytes(), &mut key);
        Ok(key)
    }
}

fn run<C>(key: &[u8], mode: Mode, mut vector: [u8; BLOCK], data: &mut [u8]) -> Result<()>
where
    C: KeyInit + BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + BlockCipherDecrypt,
{
    let cipher = C::new_from_slice(key).map_err(|_| anyhow!("the key has a wrong length"))?;
    for block in data.chunks_mut(BLOCK) {
        match mode {
            Mode::Plain | Mode::Cbc => {
                let packed: [u8; BLOCK] = (&*block).try_into().map_err(|_| anyhow!("the last block is cut"))?;
                let mut plain = Array::from(packed);
                cipher.decrypt_block(&mut plain);
                mix(&mut plain, &vector);
                block.copy_from_slice(&plain);
                if mode == Mode::Cbc {
                    vector = packed;
                }
            }
            Mode::Cfb | Mode::Ctr | Mode::Ofb => {
                let mut stream = Array::from(vector);
                cipher.encrypt_block(&mut stream);
                match mode {
                    Mode::Cfb => vector[..block.len()].copy_from_slice(block),
                    Mode::Ctr => vector = u128::from_be_bytes(vector).wrapping_add(1).to_be_bytes(),
                    _ => vector = stream.into(),
                }
                mix(block, &stream);
            }
        }
    }
    Ok(())
}

fn mix(into: &mut [u8], with: &[u8]) {
    into.iter_mut().zip(with).for_each(|(to, from)| *to ^= from);
}

/// Bytes of a hexadecimal text.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // NIST SP 800-38A, appendix F: key, vector and the first two blocks of the plain text for AES-128 and AES-256.
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const KEY256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
    const VECTOR: &str = "000102030405060708090a0b0c0d0e0f";
    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

    fn cipher(name: &str, key: serde_json::Value) -> Result<Option<Cipher>> {
        Cipher::named(name, &serde_json::from_value(key).unwrap())
    }

    #[test]
    fn the_vectors_of_nist() {
        let counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
        for (name, key, vector, packed) in [
            ("AES128", KEY, "", "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"),
            ("AES128/CBC", KEY, VECTOR, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
            ("AES128/CFB", KEY, VECTOR, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
            ("AES128/OFB", KEY, VECTOR, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
            ("AES128/CTR", KEY, counter, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"),
            ("AES256/CBC", KEY256, VECTOR, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"),
        ] {
            let cipher = cipher(name, json!({ "key": key, "init_vector": vector })).unwrap().unwrap();
            assert_eq!(cipher.decrypt(hex(packed).unwrap()).unwrap(), hex(PLAIN).unwrap(), "{name}");
            if !matches!(cipher.mode, Mode::Plain | Mode::Cbc) {
                // Stream modes take any length.
                assert_eq!(cipher.decrypt(hex(packed).unwrap()[..19].to_vec()).unwrap(), hex(PLAIN).unwrap()[..19]);
            } else {
                assert!(cipher.decrypt(vec![0; 19]).is_err(), "{name}");
            }
        }
    }

    #[test]
    fn paddings_and_passwords() {
        // printf 'secret!' | openssl enc -aes-256-cbc -K (PBKDF2 of "geheim", "salz", 1000 rounds) -iv 00..0f
        let key = json!({ "password": "geheim", "salt": "salz", "iterations": 1000, "init_vector": VECTOR });
        let padded = cipher("AES256/CBC/PKCS#7", key.clone()).unwrap().unwrap();
        let packed = hex("a7fa7685564c1179efba7b8fcba88883").unwrap();
        assert_eq!(padded.decrypt(packed.clone()).unwrap(), b"secret!");
        let wrong = json!({ "password": "falsch", "salt": "salz", "iterations": 1000, "init_vector": VECTOR });
        assert!(cipher("AES256/CBC/PKCS#5", wrong).unwrap().unwrap().decrypt(packed).is_err());
        assert!(padded.decrypt(Vec::new()).is_err());
        assert!(cipher("none", json!({})).unwrap().is_none());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let error = |name, key| cipher(name, key).unwrap_err().to_string();
        assert!(error("DES", json!({ "key": KEY })).contains("\"DES\""));
        assert!(error("AES128/GCM", json!({ "key": KEY })).contains("mode"));
        assert!(error("AES128/CBC/ISO", json!({ "key": KEY })).contains("padding"));
        assert!(error("AES128/CBC", json!({ "key": KEY })).contains("init_vector"));
        assert!(error("AES128", json!({})).contains("aes.password"));
        assert!(error("AES128", json!({ "password": "x" })).contains("aes.salt"));
        assert!(error("AES128", json!({ "password": "x", "kdf_algorithm": "scrypt" })).contains("scrypt"));
        let short = cipher("AES192", json!({ "key": KEY })).unwrap().unwrap();
        assert!(short.decrypt(vec![0; 16]).unwrap_err().to_string().contains("24 bytes"));
    }
}
