//! Tokens by OAuth 2 client credentials: asked for when the first request needs one, kept until shortly before they end.

use super::options::OAuth2;
use agent_api::{Context, Result, bail, ensure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token that ends within this time is not used any more.
const MARGIN: Duration = Duration::from_secs(10);
/// No answer of a token server is larger.
const ANSWER_MAX: usize = 1 << 20;

/// Gives the value of the header `Authorization`.
#[derive(Debug)]
pub(super) struct Tokens {
    settings: OAuth2,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// The server wants the client's name and secret in the body (RFC 6749, section 2.3.1).
    in_body: bool,
}

#[derive(Clone, Debug)]
struct Token {
    header: HeaderValue,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    /// Seconds; some servers send it as text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl Tokens {
    pub(super) fn new(settings: OAuth2) -> Self {
        Tokens { settings, state: Mutex::default() }
    }

    /// The header's value, of a token that is still good.
    pub(super) async fn header(&self, http: &reqwest::Client) -> Result<HeaderValue> {
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && token.until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(token.header.clone());
        }
        let token = match self.ask(http, state.in_body).await {
            Err(_) if !state.in_body => {
                let token = self.ask(http, true).await?;
                state.in_body = true;
                token
            }
            asked => asked?,
        };
        state.token = Some(token.clone());
        Ok(token.header)
    }

    /// Forgets the token: a server refused it.
    pub(super) async fn forget(&self) {
        self.state.lock().await.token = None;
    }

    /// The body of the request, its parameters sorted by name.
    fn form(&self, credentials: Option<(&str, &str)>) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        if !self.settings.audience.is_empty() {
            form.append_pair("audience", &self.settings.audience);
        }
        if let Some((id, secret)) = credentials {
            form.append_pair("client_id", id).append_pair("client_secret", secret);
        }
        form.append_pair("grant_type", "client_credentials");
        if !self.settings.scopes.is_empty() {
            form.append_pair("scope", &self.settings.scopes.join(" "));
        }
        form.finish()
    }

    async fn ask(&self, http: &reqwest::Client, in_body: bool) -> Result<Token> {
        let (id, secret) = (self.settings.client_id.reveal()?, self.settings.client_secret.reveal()?);
        let form = self.form(in_body.then_some((&id, &secret)));
        let mut request =
            http.post(&self.settings.token_url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        if !in_body {
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encode(&id), Some(encode(&secret)));
        }
        let asked_at = Instant::now();
        let answer = request.send().await.map_err(reqwest::Error::without_url).context("ask for a token")?;
        let status = answer.status();
        let (body, _) = super::send::read(answer, ANSWER_MAX, 0).await.context("ask for a token")?;
        ensure!(status.is_success(), "ask for a token: status {status}{}", said(&body));
        let Ok(answer) = serde_json::from_slice::<Answer>(&body) else {
            bail!("ask for a token: the answer is no JSON with access_token");
        };
        let seconds = match &answer.expires_in {
            serde_json::Value::Number(n) => n.as_f64(),
            serde_json::Value::String(s) => s.parse().ok(),
            _ => None,
        };
        let lasts = seconds.filter(|s| *s > 0.0).and_then(|s| Duration::try_from_secs_f64(s).ok());
        let kind = match answer.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            "mac" => "MAC",
            "basic" => "Basic",
            _ => &answer.token_type,
        };
        let mut header =
            super::headers::header_value(AUTHORIZATION.as_str(), &format!("{kind} {}", answer.access_token))?;
        header.set_sensitive(true);
        let until = lasts.and_then(|lasts| asked_at.checked_add(lasts.saturating_sub(MARGIN)));
        Ok(Token { header, until })
    }
}

/// What the server says of its refusal, for a message: the first line, cut at 200 characters.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.lines().next().unwrap_or_default() {
        "" => String::new(),
        line => format!(": {}", line.chars().take(200).collect::<String>()),
    }
}
