//! Checks signatures (HMAC-SHA-256) and decrypts (AES-256 in output feedback mode, with a SHA-1 of the content).

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::SystemTime;

/// How secure what came is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Sign,
    Encrypt,
}

/// Users and their passwords, from a file of lines `user: password` that is read again when it changes.
#[derive(Debug)]
pub(super) struct Users {
    path: PathBuf,
    read: Option<SystemTime>,
    passwords: HashMap<String, String>,
}

/// The file is read up to this size.
const LARGEST_FILE: u64 = 1 << 20;

impl Users {
    pub(super) fn new(path: &str) -> Users {
        Users { path: path.into(), read: None, passwords: HashMap::new() }
    }

    /// The password of a user; None if there is no such user, an error if the file cannot be read.
    fn password(&mut self, user: &str) -> Result<Option<&str>, String> {
        let failed = |e: std::io::Error| format!("read {}: {e}", self.path.display());
        let meta = std::fs::metadata(&self.path).map_err(failed)?;
        let modified = meta.modified().map_err(failed)?;
        if self.read != Some(modified) {
            if meta.len() > LARGEST_FILE {
                return Err(format!("read {}: the file is over {LARGEST_FILE} bytes long", self.path.display()));
            }
            let text = std::fs::read_to_string(&self.path).map_err(failed)?;
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
            let pairs = lines.filter_map(|line| line.split_once(':'));
            self.passwords = pairs.map(|(user, word)| (user.trim().to_owned(), word.trim().to_owned())).collect();
            self.read = Some(modified);
        }
        Ok(self.passwords.get(user).map(String::as_str))
    }

    /// Checks the signature of `signed`. Where nothing need be signed, a signature that cannot be checked says nothing.
    pub(super) fn verify(&mut self, content: &[u8], signed: &[u8], wanted: Level) -> Result<Level, String> {
        let (tag, user) = content.split_at_checked(32).ok_or("a signature of less than 32 bytes")?;
        let name = String::from_utf8_lossy(user).into_owned();
        let password = match self.password(&name) {
            Ok(Some(password)) => password,
            Ok(None) | Err(_) if wanted == Level::None => return Ok(Level::None),
            Ok(None) => return Err(format!("the user {name:?} is not known")),
            Err(cause) => return Err(cause),
        };
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(password.as_bytes()).map_err(|e| e.to_string())?;
        mac.update(user);
        mac.update(signed);
        mac.verify_slice(tag).map_err(|_| format!("the signature of {name:?} is wrong"))?;
        Ok(Level::Sign)
    }

    /// The parts within an encrypted part.
    pub(super) fn decrypt(&mut self, content: &[u8]) -> Result<Vec<u8>, String> {
        let short = || "an encrypted part that is too short".to_owned();
        let (&length, rest) = content.split_first_chunk::<2>().ok_or_else(short)?;
        let (user, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(length))).ok_or_else(short)?;
        let (&vector, sealed) = rest.split_first_chunk::<16>().ok_or_else(short)?;
        let name = String::from_utf8_lossy(user).into_owned();
        let password = self.password(&name)?.ok_or_else(|| format!("the user {name:?} is not known"))?;
        let mut plain = sealed.to_vec();
        output_feedback(Sha256::digest(password.as_bytes()).into(), vector, &mut plain);
        let (sum, parts) = plain.split_at_checked(20).ok_or_else(short)?;
        if Sha1::digest(parts)[..] != *sum {
            return Err(format!("what {name:?} encrypted cannot be decrypted"));
        }
        Ok(parts.to_vec())
    }
}

/// Encrypts or decrypts, which is the same in output feedback mode (NIST SP 800-38A, 6.4).
pub(super) fn output_feedback(key: [u8; 32], vector: [u8; 16], bytes: &mut [u8]) {
    let cipher = Aes256::new(&key.into());
    let mut feedback = vector.into();
    for block in bytes.chunks_mut(16) {
        cipher.encrypt_block(&mut feedback);
        block.iter_mut().zip(feedback).for_each(|(byte, key)| *byte ^= key);
    }
}
