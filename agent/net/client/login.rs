//! The request that gives a cookie: sent before the first other request, and again when the cookie is old or refused.

use super::headers::Headers;
use super::options::CookieAuth;
use agent_api::{Context, Result, ensure};
use reqwest::Method;
use std::time::Instant;
use tokio::sync::Mutex;

/// Logs in; the cookie itself is kept by the client's jar.
#[derive(Debug)]
pub(super) struct Login {
    settings: CookieAuth,
    method: Method,
    headers: Headers,
    done: Mutex<Option<Instant>>,
}

impl Login {
    /// Checks the settings.
    pub(super) fn new(settings: &CookieAuth) -> Result<Self> {
        reqwest::Url::parse(&settings.cookie_auth_url)
            .with_context(|| format!("cookie_auth_url: invalid address {:?}", settings.cookie_auth_url))?;
        let name = if settings.cookie_auth_method.is_empty() { "POST" } else { &settings.cookie_auth_method };
        let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes())
            .with_context(|| format!("cookie_auth_method: invalid method {name:?}"))?;
        let headers = Headers::new("cookie_auth_headers", &settings.cookie_auth_headers)?;
        Ok(Login { settings: settings.clone(), method, headers, done: Mutex::default() })
    }

    /// Logs in if that has not been done, or too long ago.
    pub(super) async fn ensure(&self, http: &reqwest::Client) -> Result<()> {
        let mut done = self.done.lock().await;
        let renewal = self.settings.cookie_auth_renewal;
        if done.is_some_and(|at| renewal.is_zero() || at.elapsed() < *renewal) {
            return Ok(());
        }
        let mut headers = reqwest::header::HeaderMap::new();
        self.headers.put(&mut headers)?;
        let CookieAuth { cookie_auth_url: url, cookie_auth_username: user, .. } = &self.settings;
        let mut request = http.request(self.method.clone(), url);
        if !user.is_empty() {
            request = request.basic_auth(user, Some(self.settings.cookie_auth_password.reveal()?));
        }
        let body = self.settings.cookie_auth_body.reveal()?;
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer =
            request.headers(headers).send().await.map_err(reqwest::Error::without_url).context("ask for a cookie")?;
        ensure!(answer.status().is_success(), "ask for a cookie: status {}", answer.status());
        *done = Some(Instant::now());
        Ok(())
    }

    /// Forgets that it was done: a server refused the cookie.
    pub(super) async fn forget(&self) {
        *self.done.lock().await = None;
    }
}
