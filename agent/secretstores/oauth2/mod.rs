//! Tokens of OAuth 2 by client credentials (RFC 6749 section 4.4) as secrets: a plugin that cannot ask for tokens itself refers to one.
//!
//! A token is kept until shortly before it ends; every use asks the store, so a plugin always has one that is good.

#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::{Client, HttpSettings, Method, Setup};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration as Time, Instant};
use tokio::sync::Mutex;
use url::Url;

register!(Entry::secret_store::<OAuth2>());

/// No answer of a token server is larger.
const ANSWER_MAX: usize = 1 << 20;

/// The store.
struct OAuth2 {
    endpoint: Url,
    tokens: Vec<Token>,
    margin: Time,
    setup: Setup,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    /// The token of a key and when it ends.
    known: HashMap<String, (String, Option<Instant>)>,
}

/// Who gives the tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The service; `AzureAD` knows its address by the tenant.
    #[schemars(extend("enum" = ["custom", "auth0", "AzureAD"]))]
    service: String,
    /// Address that gives tokens.
    token_endpoint: String,
    /// Tenant, for `AzureAD`.
    tenant_id: String,
    /// A token that ends within this time is replaced.
    token_expiry_margin: Duration,
    /// The tokens, each a secret.
    token: Vec<Token>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service: "custom".to_owned(),
            token_endpoint: String::new(),
            tenant_id: String::new(),
            token_expiry_margin: Duration::secs(1),
            token: Vec::new(),
        }
    }
}

/// A token.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Token {
    /// The key by which plugins refer to it.
    key: String,
    /// Id of the client.
    client_id: Secret,
    /// Secret of the client.
    client_secret: Secret,
    /// Scopes to ask for.
    scopes: Vec<String>,
    /// More parameters of the request, such as `audience`.
    parameters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds; some servers send it as text.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl Plugin for OAuth2 {
    const NAME: &'static str = "oauth2";
    const ABOUT: &'static str = "Asks an OAuth 2 service for tokens and keeps them fresh.";
    type Settings = With<Settings, HttpSettings>;

    fn new(With { own: settings, shared }: Self::Settings, _: &Env) -> Result<Self> {
        let endpoint = match (settings.service.to_ascii_lowercase().as_str(), settings.token_endpoint.as_str()) {
            ("" | "custom" | "auth0", "") => bail!("token_endpoint is needed for the service {:?}", settings.service),
            ("" | "custom" | "auth0", endpoint) => endpoint.to_owned(),
            ("azuread", "") => {
                ensure!(!settings.tenant_id.is_empty(), "tenant_id is needed for the service \"AzureAD\"");
                format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", settings.tenant_id)
            }
            ("azuread", endpoint) => endpoint.to_owned(),
            _ => bail!("service: unknown service {:?}; one of custom, auth0, AzureAD", settings.service),
        };
        let endpoint =
            Url::parse(&endpoint).with_context(|| format!("token_endpoint: invalid address {endpoint:?}"))?;
        ensure!(!settings.token.is_empty(), "at least one table token is needed");
        for (i, token) in settings.token.iter().enumerate() {
            let key = &token.key;
            ensure!(!key.is_empty(), "token {}: key is needed", i + 1);
            ensure!(
                !token.client_id.is_empty() && !token.client_secret.is_empty(),
                "token {key:?}: client_id and client_secret are needed"
            );
            ensure!(settings.token[..i].iter().all(|other| other.key != *key), "two tokens have the key {key:?}");
            if settings.service == "auth0" {
                ensure!(token.parameters.contains_key("audience"), "token {key:?}: auth0 needs the parameter audience");
            }
        }
        let setup = Setup::from(shared);
        setup.check()?;
        let margin = settings.token_expiry_margin.0;
        Ok(OAuth2 { endpoint, tokens: settings.token, margin, setup, state: Mutex::default() })
    }
}

impl Token {
    /// The body of the request.
    fn form(&self, id: &str, secret: &str) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_id", id).append_pair("client_secret", secret);
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        for (name, value) in &self.parameters {
            form.append_pair(name, value);
        }
        form.finish()
    }
}

impl OAuth2 {
    /// Asks for a token; gives it with its end.
    async fn ask(&self, client: &Client, token: &Token) -> Result<(String, Option<Instant>)> {
        let (id, secret) = (token.client_id.reveal()?, token.client_secret.reveal()?);
        let form = token.form(&id, &secret);
        let request = client
            .request(Method::POST, self.endpoint.clone())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(form);
        let asked_at = Instant::now();
        let answer = client.send(request, ANSWER_MAX).await?;
        ensure!(answer.status.is_success(), "the token server answered {}: {}", answer.status, answer.excerpt());
        let Ok(answer) = serde_json::from_slice::<Answer>(&answer.body) else {
            bail!("the answer of the token server is no JSON with access_token");
        };
        let seconds = match &answer.expires_in {
            serde_json::Value::Number(n) => n.as_f64(),
            serde_json::Value::String(s) => s.parse().ok(),
            _ => None,
        };
        let lasts = seconds.filter(|s| *s > 0.0).and_then(|s| Time::try_from_secs_f64(s).ok());
        Ok((answer.access_token, lasts.and_then(|lasts| asked_at.checked_add(lasts.saturating_sub(self.margin)))))
    }
}

impl SecretStore for OAuth2 {
    async fn get(&self, key: &str) -> Result<Secret> {
        let token =
            self.tokens.iter().find(|token| token.key == key).with_context(|| format!("there is no token {key:?}"))?;
        let mut state = self.state.lock().await;
        if let Some((text, until)) = state.known.get(key)
            && until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(Secret::new(text.clone()));
        }
        let client = match state.client.take() {
            Some(client) => client,
            None => self.setup.build(None)?,
        };
        let asked = self.ask(&client, token).await.with_context(|| format!("ask for token {key:?}"));
        state.client = Some(client);
        let (text, until) = asked?;
        state.known.insert(key.to_owned(), (text.clone(), until));
        Ok(Secret::new(text))
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let mut keys: Vec<String> = self.tokens.iter().map(|token| token.key.clone()).collect();
        keys.sort();
        Ok(keys)
    }

    async fn set(&self, key: &str, _: &str) -> Result<()> {
        bail!("set secret {key:?}: tokens come from the service")
    }

    async fn remove(&self, key: &str) -> Result<()> {
        bail!("remove secret {key:?}: tokens come from the service")
    }

    fn dynamic(&self) -> bool {
        true
    }
}
