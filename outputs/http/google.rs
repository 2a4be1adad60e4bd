//! Identity tokens of a Google service account: a signed claim is changed for a token that names the receiver.

use agent_api::{Context, Result, anyhow, ensure};
use agent_net::client::{Client, Method, Url, header};
use agent_net::sign;
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is asked for anew after this time; it is good for an hour.
const LASTS: Duration = Duration::from_secs(3000);
/// No answer of the token server is larger.
const ANSWER_MAX: usize = 1 << 20;

/// Gives the header with the token.
pub(super) struct Google {
    path: String,
    audience: String,
    token: Mutex<Option<(header::HeaderValue, Instant)>>,
}

#[derive(Deserialize)]
struct Account {
    client_email: String,
    private_key: String,
    #[serde(default = "token_uri")]
    token_uri: String,
}

fn token_uri() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

#[derive(Deserialize)]
struct Token {
    id_token: String,
}

impl Google {
    /// For the account whose key is in the file.
    pub(super) fn new(path: &str, audience: &str) -> Self {
        Google { path: path.to_owned(), audience: audience.to_owned(), token: Mutex::default() }
    }

    /// The value of `Authorization`.
    pub(super) async fn header(&self, client: &Client) -> Result<header::HeaderValue> {
        let mut token = self.token.lock().await;
        if let Some((header, since)) = &*token
            && since.elapsed() < LASTS
        {
            return Ok(header.clone());
        }
        let header = self.ask(client).await.context("ask Google for a token")?;
        *token = Some((header.clone(), Instant::now()));
        Ok(header)
    }

    async fn ask(&self, client: &Client) -> Result<header::HeaderValue> {
        let text = std::fs::read(&self.path).with_context(|| format!("read {}", self.path))?;
        let account: Account =
            serde_json::from_slice(&text).map_err(|_| anyhow!("{} is no key of a service account", self.path))?;
        let now = agent_api::plugin::now() / 1_000_000_000;
        let claim = serde_json::json!({
            "iss": account.client_email, "sub": account.client_email, "aud": account.token_uri,
            "target_audience": self.audience, "iat": now, "exp": now + 3600,
        });
        let assertion = sign::jwt(&claim.to_string(), &account.private_key)?;
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let url = Url::parse(&account.token_uri).context("token_uri")?;
        let request = client
            .request(Method::POST, url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let answer = client.send(request, ANSWER_MAX).await?;
        ensure!(answer.status.is_success(), "status {}: {}", answer.status, answer.excerpt());
        let token: Token = serde_json::from_slice(&answer.body).map_err(|_| anyhow!("no id_token in the answer"))?;
        let mut header = header::HeaderValue::from_str(&format!("Bearer {}", token.id_token))?;
        header.set_sensitive(true);
        Ok(header)
    }
}
