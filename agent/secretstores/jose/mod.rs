//! Secrets in a folder of encrypted files, one a key, under one password: the form in which Telegraf keeps them, so that both read
//! the same folder.

mod jwe;
#[cfg(test)]
mod tests;

use agent_api::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

register!(Entry::secret_store::<Jose>());

/// No file is larger.
const MOST: u64 = 2 << 20;

/// The store.
struct Jose {
    path: PathBuf,
    password: Secret,
}

/// Which folder, and its password.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder with the files.
    path: String,
    /// Password of the secrets; it may refer to another store. Without it that of `--password` counts.
    password: Secret,
}

impl Plugin for Jose {
    const NAME: &'static str = "jose";
    const ABOUT: &'static str = "Keeps secrets in encrypted files.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.path.is_empty(), "path is needed");
        let password = if settings.password.is_empty() { env.agent.password.clone() } else { settings.password };
        ensure!(
            !password.is_empty(),
            "password is needed; a service cannot ask for it: take it from the environment (\"${{NAME}}\") or from another store"
        );
        Ok(Jose { path: PathBuf::from(settings.path), password })
    }
}

/// The name of the file of a key: a key may hold any character, the name of a file no slash.
fn file_name(key: &str) -> String {
    key.replace('%', "%25").replace('/', "%2F")
}

fn key_of(name: &str) -> String {
    name.replace("%2F", "/").replace("%2f", "/").replace("%25", "%")
}

impl Jose {
    fn file(&self, key: &str) -> Result<PathBuf> {
        ensure!(!matches!(key, "" | "." | ".."), "{key:?} is no key");
        Ok(self.path.join(file_name(key)))
    }

    fn read(&self, key: &str) -> Result<String> {
        let mut text = String::new();
        File::open(self.file(key)?)?.take(MOST + 1).read_to_string(&mut text)?;
        ensure!(text.len() as u64 <= MOST, "the file is larger than {MOST} bytes");
        let plain = jwe::decrypt(text.trim(), self.password.reveal()?.as_bytes())?;
        // The error of the reader may quote the secret.
        let item: Value = serde_json::from_slice(&plain).map_err(|_| anyhow!("the decrypted file is no JSON"))?;
        let data = item["Data"].as_str().context("the decrypted file holds no Data")?;
        let data = STANDARD.decode(data).map_err(|_| anyhow!("the decrypted Data is no base64"))?;
        String::from_utf8(data).map_err(|_| anyhow!("the value is no text"))
    }

    fn write(&self, key: &str, value: &str) -> Result<()> {
        let item = json!({
            "Key": key,
            "Data": STANDARD.encode(value),
            "Label": "",
            "Description": "",
            "KeychainNotTrustApplication": false,
            "KeychainNotSynchronizable": false,
        });
        let text = jwe::encrypt(item.to_string().as_bytes(), self.password.reveal()?.as_bytes())?;
        let file = self.file(key)?;
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.create(&self.path)?;
        // Written beside it first, so that no crash leaves half a secret.
        let mut beside = file.clone().into_os_string();
        beside.push(".new");
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut to = options.open(&beside)?;
        to.write_all(text.as_bytes())?;
        to.sync_all()?;
        std::fs::rename(&beside, &file)?;
        Ok(())
    }
}

impl SecretStore for Jose {
    async fn get(&self, key: &str) -> Result<Secret> {
        plugin::blocking(|| self.read(key)).with_context(|| format!("read secret {key:?}")).map(Secret::new)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let list = || -> Result<Vec<String>> {
            let mut keys = Vec::new();
            for entry in std::fs::read_dir(&self.path)? {
                let entry = entry?;
                if entry.file_type()?.is_file()
                    && let Ok(name) = entry.file_name().into_string()
                {
                    keys.push(key_of(&name));
                }
            }
            keys.sort();
            Ok(keys)
        };
        match plugin::blocking(list) {
            // The folder comes with the first secret.
            Err(_) if !self.path.exists() => Ok(Vec::new()),
            listed => listed.with_context(|| format!("list secrets in {}", self.path.display())),
        }
    }

    async fn set(&self, key: &str, value: &str) -> Result<()> {
        plugin::blocking(|| self.write(key, value)).with_context(|| format!("set secret {key:?}"))
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let remove = || -> Result<()> { Ok(std::fs::remove_file(self.file(key)?)?) };
        plugin::blocking(remove).with_context(|| format!("remove secret {key:?}"))
    }
}
