//! Secrets of an HTTP server: one JSON object of names and values, perhaps brought into that form by JSONata, perhaps encrypted.
//!
//! The document is read once, at the first use, and its values stay encrypted in memory until they are used.

mod cipher;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_formats::jsonata::Expression;
use agent_formats::jsontext::Tree;
use agent_net::client::{Address, HeaderSettings, Headers, HttpSettings, Method, Setup, header};
use base64::Engine;
use cipher::{Aes, Cipher};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

register!(Entry::secret_store::<Http>());

/// No document is larger.
const ANSWER_MAX: usize = 4 << 20;

/// The store.
struct Http {
    address: Address,
    settings: Settings,
    headers: Headers,
    transformation: Option<Expression>,
    cipher: Option<Cipher>,
    setup: Setup,
    known: OnceCell<BTreeMap<String, String>>,
}

/// What is read from where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address of the document.
    url: String,
    /// Headers of the request.
    headers: HeaderSettings,
    /// Bearer token.
    token: Secret,
    /// File with the bearer token.
    bearer_token: String,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Statuses that mean success.
    success_status_codes: Vec<u16>,
    /// JSONata expression that makes an object of names and texts of the document; empty means that it is one.
    transformation: String,
    /// How the values are encrypted: `none`, or `AES128`, `AES192` or `AES256`, perhaps with a mode (`/CBC`, `/CFB`, `/CTR`,
    /// `/OFB`) and that with a padding (`/PKCS#5`, `/PKCS#7`), as in `AES256/CBC/PKCS#7`.
    cipher: String,
    /// Key of the cipher.
    aes: Aes,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: String::new(),
            headers: HeaderSettings::new(),
            token: Secret::default(),
            bearer_token: String::new(),
            username: Secret::default(),
            password: Secret::default(),
            success_status_codes: vec![200],
            transformation: String::new(),
            cipher: "none".to_owned(),
            aes: Aes::default(),
        }
    }
}

impl Plugin for Http {
    const NAME: &'static str = "http";
    const ABOUT: &'static str = "Reads secrets from an HTTP server.";
    type Settings = With<Settings, HttpSettings>;

    fn new(With { own: settings, shared }: Self::Settings, _: &Env) -> Result<Self> {
        ensure!(!settings.url.is_empty(), "url is needed");
        ensure!(
            settings.token.is_empty() || settings.bearer_token.is_empty(),
            "set either token or bearer_token, not both"
        );
        let setup = Setup::from(shared);
        setup.check()?;
        let transformation = match settings.transformation.trim() {
            "" => None,
            text => Some(Expression::compile(text).context("transformation")?),
        };
        Ok(Http {
            address: Address::parse(&settings.url).context("url")?,
            headers: Headers::new("headers", &settings.headers)?,
            transformation,
            cipher: Cipher::named(&settings.cipher, &settings.aes).context("cipher")?,
            setup,
            settings,
            known: OnceCell::new(),
        })
    }
}

impl Http {
    async fn read(&self) -> Result<BTreeMap<String, String>> {
        let client = self.setup.build(self.address.socket.as_deref())?;
        let mut headers = header::HeaderMap::new();
        let mut request = client.request(Method::GET, self.address.url.clone());
        let token = match self.settings.bearer_token.as_str() {
            "" => self.settings.token.reveal()?,
            path => plugin::blocking(|| std::fs::read_to_string(path))
                .with_context(|| format!("read bearer_token {path}"))?,
        };
        if !token.is_empty() {
            let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", token.trim())).context("token")?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let (user, password) = (self.settings.username.reveal()?, self.settings.password.reveal()?);
        if !user.is_empty() || !password.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.put(&mut headers)?;
        let answer = client.send(request.headers(headers), ANSWER_MAX).await?;
        let expected = &self.settings.success_status_codes;
        let (status, ok) = (answer.status, if expected.is_empty() { &[200][..] } else { expected });
        ensure!(ok.contains(&status.as_u16()), "received status code {status}, expected one of {ok:?}");
        let body = answer.unpack(ANSWER_MAX)?;
        let body = match &self.transformation {
            None => body,
            Some(expression) => {
                let text = std::str::from_utf8(&body).ok();
                let input = text.and_then(Tree::parse).context("the document is no JSON")?;
                let mut object = Vec::new();
                expression.evaluate(input).context("transformation")?.write(&mut object);
                object
            }
        };
        // The error of the reader may quote a secret.
        serde_json::from_slice(&body).map_err(|_| anyhow!("the document is no JSON object of names and texts"))
    }

    async fn known(&self) -> Result<&BTreeMap<String, String>> {
        self.known.get_or_try_init(async || self.read().await.with_context(|| self.address.shown())).await
    }
}

impl SecretStore for Http {
    async fn get(&self, key: &str) -> Result<Secret> {
        let read = async || {
            let value = self.known().await?.get(key).context("the document has no such name")?;
            let Some(cipher) = &self.cipher else { return Ok(value.clone()) };
            let packed = base64::engine::general_purpose::STANDARD
                .decode(value)
                .map_err(|_| anyhow!("the encrypted value is no base64"))?;
            String::from_utf8(cipher.decrypt(packed)?)
                .map_err(|_| anyhow!("the decrypted value is no text: is the key right?"))
        };
        read().await.with_context(|| format!("read secret {key:?}")).map(Secret::new)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        Ok(self.known().await.context("list secrets")?.keys().cloned().collect())
    }

    async fn set(&self, key: &str, _: &str) -> Result<()> {
        bail!("set secret {key:?}: this store can only be read")
    }

    async fn remove(&self, key: &str) -> Result<()> {
        bail!("remove secret {key:?}: this store can only be read")
    }
}
