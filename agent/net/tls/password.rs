//! Private keys under a password: PKCS #8 (RFC 5958 with PBES2 of RFC 8018), and the older encryption of PEM itself (RFC 1421
//! section 4.6), whose key OpenSSL derives from password and salt by MD5.

use agent_api::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use md5::{Digest, Md5};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

/// The first encrypted key of a PEM text, decrypted; None if the text has none.
pub(super) fn decrypt(text: &[u8], password: &[u8]) -> Option<Result<PrivateKeyDer<'static>>> {
    let text = String::from_utf8_lossy(text);
    let pkcs8 = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----");
    let mark = text.find("Proc-Type: 4,ENCRYPTED");
    let (at, modern) = match (pkcs8, mark) {
        (Some(at), None) => (at, true),
        (Some(at), Some(other)) if at < other => (at, true),
        (_, Some(mark)) => (text[..mark].rfind("-----BEGIN ")?, false),
        (None, None) => return None,
    };
    if password.is_empty() {
        return Some(Err(anyhow!("it is encrypted, set tls_key_pwd")));
    }
    Some(
        Block::parse(&text[at..])
            .and_then(|block| if modern { block.pkcs8(password) } else { block.openssl(password) }),
    )
}

/// A block of a PEM text.
struct Block<'a> {
    /// What it holds, as its first line says.
    label: &'a str,
    /// Cipher and initialisation vector, where it is encrypted itself.
    dek_info: Option<&'a str>,
    bytes: Vec<u8>,
}

impl<'a> Block<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let mut lines = text.lines().map(str::trim);
        let label = lines
            .next()
            .and_then(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
            .context("first line of a key is broken")?;
        let (mut dek_info, mut body) = (None, String::new());
        for line in lines {
            if line.starts_with("-----END ") {
                let bytes =
                    base64::engine::general_purpose::STANDARD.decode(&body).context("read base64 of the key")?;
                return Ok(Block { label, dek_info, bytes });
            }
            match line.split_once(':') {
                Some(("DEK-Info", value)) => dek_info = Some(value.trim()),
                Some(_) => {}
                None => body.push_str(line),
            }
        }
        bail!("the key has no end")
    }

    fn pkcs8(self, password: &[u8]) -> Result<PrivateKeyDer<'static>> {
        let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(&self.bytes[..])
            .map_err(|e| anyhow!("read encrypted key: {e}"))?;
        let plain = info.decrypt(password).map_err(|e| anyhow!("decrypt key: {e}; is tls_key_pwd right?"))?;
        Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
    }

    fn openssl(self, password: &[u8]) -> Result<PrivateKeyDer<'static>> {
        let (cipher, vector) =
            self.dek_info.and_then(|info| info.split_once(',')).context("the encrypted key has no DEK-Info")?;
        let vector = hex(vector.trim()).context("the initialisation vector of the key is no hexadecimal number")?;
        let plain = match cipher.trim() {
            "AES-128-CBC" => unlock::<cbc::Decryptor<aes::Aes128>>(16, password, &vector, &self.bytes),
            "AES-192-CBC" => unlock::<cbc::Decryptor<aes::Aes192>>(24, password, &vector, &self.bytes),
            "AES-256-CBC" => unlock::<cbc::Decryptor<aes::Aes256>>(32, password, &vector, &self.bytes),
            "DES-EDE3-CBC" => unlock::<cbc::Decryptor<des::TdesEde3>>(24, password, &vector, &self.bytes),
            other => bail!("the key is encrypted by {other:?}; AES in CBC and DES-EDE3-CBC are supported"),
        }?;
        Ok(match self.label {
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(plain).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(plain).into(),
            "PRIVATE KEY" => PrivatePkcs8KeyDer::from(plain).into(),
            other => bail!("{other:?} is no kind of private key that is supported"),
        })
    }
}

fn unlock<C: KeyIvInit + BlockModeDecrypt>(
    len: usize,
    password: &[u8],
    vector: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>> {
    ensure!(vector.len() >= 8, "the initialisation vector of the key is too short");
    let key = derive(len, password, &vector[..8]);
    let cipher = C::new_from_slices(&key, vector)
        .map_err(|_| anyhow!("the initialisation vector of the key is too short or too long"))?;
    cipher.decrypt_padded_vec::<Pkcs7>(bytes).map_err(|_| anyhow!("decrypt key: is tls_key_pwd right?"))
}

/// OpenSSL's EVP_BytesToKey with MD5 and one round.
fn derive(len: usize, password: &[u8], salt: &[u8]) -> Vec<u8> {
    let (mut key, mut last) = (Vec::new(), Vec::new());
    while key.len() < len {
        last = Md5::new().chain_update(&last).chain_update(password).chain_update(salt).finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(len);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::pem::PemObject;

    // Made by `openssl ecparam -genkey`, `openssl pkcs8 -topk8 [-scrypt]` and `openssl ec -aes256` or `-des3`, password "geheim".
    const PLAIN: &[u8] = include_bytes!("testdata/plain.pem");
    const LOCKED: [(&str, &[u8]); 4] = [
        ("PBES2", include_bytes!("testdata/pbes2.pem")),
        ("scrypt", include_bytes!("testdata/scrypt.pem")),
        ("AES", include_bytes!("testdata/aes.pem")),
        ("DES", include_bytes!("testdata/des.pem")),
    ];

    /// The private number of a P-256 key, which stands in both forms behind 04 20.
    fn number(key: &PrivateKeyDer<'_>) -> [u8; 32] {
        let der = key.secret_der();
        let at = der.windows(2).position(|pair| pair == [4, 32]).unwrap() + 2;
        der[at..at + 32].try_into().unwrap()
    }

    #[test]
    fn keys_come_out_as_they_went_in() {
        assert!(decrypt(PLAIN, b"geheim").is_none());
        let plain = number(&PrivateKeyDer::from_pem_slice(PLAIN).unwrap());
        for (name, text) in LOCKED {
            let key = decrypt(text, b"geheim").unwrap().unwrap();
            assert_eq!(number(&key), plain, "{name}");
        }
    }

    #[test]
    fn a_wrong_password_and_broken_keys_are_errors() {
        for (name, text) in LOCKED {
            let error = |password: &[u8]| decrypt(text, password).unwrap().unwrap_err().to_string();
            assert!(error(b"").contains("tls_key_pwd"), "{name}");
            assert!(error(b"falsch").contains("tls_key_pwd"), "{name}: {}", error(b"falsch"));
            for cut in 0..text.len() {
                // The marks may be cut off, then there is no encrypted key; nothing may panic.
                if let Some(Ok(_)) = decrypt(&text[..cut], b"geheim") {
                    assert!(cut + 30 > text.len(), "{name} cut at {cut}");
                }
            }
        }
        let other = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: RC4,00\n\nAA==\n-----END RSA PRIVATE KEY-----";
        assert!(decrypt(other.as_bytes(), b"x").unwrap().unwrap_err().to_string().contains("\"RC4\""));
    }
}
