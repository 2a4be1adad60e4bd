//! Secrets of a HashiCorp Vault (or OpenBao): one secret of a key-value engine, whose fields are the keys.
//!
//! The agent logs in once; a token that ends or is refused is replaced by logging in again.

mod login;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::{Client, HttpSettings, Method, Setup};
use agent_net::sign;
use login::{AwsEc2, AwsIam, Azure, Login, METADATA, path};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::{Duration as Time, Instant};
use tokio::sync::Mutex;
use url::Url;

register!(Entry::secret_store::<Vault>());

/// No answer is larger: Vault's own bound on a secret is 1 MiB.
const ANSWER_MAX: usize = 4 << 20;

/// The store.
struct Vault {
    base: Url,
    settings: Settings,
    setup: Setup,
    /// Where the metadata service of the machine is.
    metadata: String,
    session: Mutex<Option<Session>>,
}

struct Session {
    client: Client,
    token: String,
    until: Option<Instant>,
}

/// Where the secret is, and how to log in: by exactly one of `token` and the tables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address of the server, such as `https://vault.example.org:8200`; without a scheme it is reached by HTTPS.
    address: String,
    /// Mount path of the key-value engine, such as `secret`.
    mount_path: String,
    /// Path of the secret within the engine, without the `data/` of version 2.
    secret_path: String,
    /// Version of the engine.
    #[schemars(extend("enum" = ["kv-v1", "kv-v2"]))]
    engine: String,
    /// Older spelling of `engine = "kv-v1"`.
    use_kv_v1: bool,
    /// A token that there is already, in place of logging in.
    token: Secret,
    /// Logs in as a machine.
    approle: Option<AppRole>,
    /// Logs in as a machine of AWS, by what its metadata service says.
    aws_ec2: Option<AwsEc2>,
    /// Logs in as a user or role of AWS, by a signed request.
    aws_iam: Option<AwsIam>,
    /// Logs in as a machine of Azure, by its managed identity.
    azure: Option<Azure>,
    /// Logs in with the token of a service account.
    kubernetes: Option<Kubernetes>,
    /// Logs in as a user.
    userpass: Option<UserPass>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            address: String::new(),
            mount_path: String::new(),
            secret_path: String::new(),
            engine: "kv-v2".to_owned(),
            use_kv_v1: false,
            token: Secret::default(),
            approle: None,
            aws_ec2: None,
            aws_iam: None,
            azure: None,
            kubernetes: None,
            userpass: None,
        }
    }
}

/// AppRole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct AppRole {
    /// Id of the role.
    role_id: String,
    /// The secret is a wrapping token (Vault's response wrapping), good for one use: the real one is behind it.
    response_wrapped: bool,
    /// Secret id of the role.
    secret: Secret,
    /// Older spelling of `secret`.
    secret_id: Secret,
    /// File with the secret id.
    secret_file: String,
    /// Environment variable with the secret id.
    secret_env: String,
}

/// Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Kubernetes {
    /// Role of the service account.
    role_name: String,
    /// Token of the service account; empty means the one that Kubernetes mounts into every pod.
    service_account_token: Secret,
}

/// User and password.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct UserPass {
    /// Name of the user.
    username: Secret,
    /// The user's password.
    password: Secret,
}

impl Plugin for Vault {
    const NAME: &'static str = "vault";
    const ABOUT: &'static str = "Reads a secret of a HashiCorp Vault.";
    type Settings = With<Settings, HttpSettings>;

    fn new(With { own: settings, shared }: Self::Settings, _: &Env) -> Result<Self> {
        ensure!(!settings.address.is_empty(), "address is needed, such as \"https://vault.example.org:8200\"");
        ensure!(
            !settings.mount_path.is_empty() && !settings.secret_path.is_empty(),
            "mount_path and secret_path are needed"
        );
        let engine = settings.engine.as_str();
        ensure!(matches!(engine, "kv-v1" | "kv-v2"), "engine: unknown engine {engine:?}; one of kv-v1, kv-v2");
        settings.check_login()?;
        let text = &settings.address;
        let text = if text.contains("://") { text.clone() } else { format!("https://{text}") };
        let base = Url::parse(&text).with_context(|| format!("address: invalid address {:?}", settings.address))?;
        ensure!(!base.cannot_be_a_base(), "address: invalid address {:?}", settings.address);
        let setup = Setup::from(shared);
        setup.check()?;
        let metadata = METADATA.to_owned();
        Ok(Vault { base, settings, setup, metadata, session: Mutex::default() })
    }
}

impl Vault {
    /// The address of a path, whose parts are encoded.
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Result<Url> {
        let mut url = self.base.clone();
        let mut path = url.path_segments_mut().map_err(|()| anyhow!("address has no path"))?;
        path.pop_if_empty().push("v1");
        path.extend(parts.into_iter().flat_map(|part| part.split('/')).filter(|part| !part.is_empty()));
        drop(path);
        Ok(url)
    }

    /// Asks; an answer that is no success gives what the server says about it.
    async fn ask(
        &self,
        client: &Client,
        method: Method,
        url: Url,
        token: &str,
        body: Option<Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        let mut request = client.request(method, url);
        if !token.is_empty() {
            request = request.header("X-Vault-Token", token);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = client.send(request, ANSWER_MAX).await.map_err(|e| Refusal::other(Error::new(e)))?;
        let status = answer.status;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !status.is_success() {
            let said = body["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join("; ");
            return Err(Refusal { denied: status == 403, cause: anyhow!("vault answered {status} {said}") });
        }
        match body {
            Value::Object(map) => Ok(map),
            _ => Err(Refusal::other(anyhow!("vault's answer is no JSON object"))),
        }
    }

    /// What is sent to log in.
    async fn credentials(&self, client: &Client) -> Result<Login> {
        if let Some(role) = &self.settings.approle {
            let secret = self.secret_id(client, role).await?;
            let body = json!({ "role_id": role.role_id, "secret_id": secret });
            Ok(Login { path: path(&["approle", "login"]), body })
        } else if let Some(user) = &self.settings.userpass {
            let name = user.username.reveal()?;
            ensure!(!name.contains('/'), "userpass: a user's name holds no slash");
            Ok(Login {
                path: path(&["userpass", "login", &name]),
                body: json!({ "password": user.password.reveal()? }),
            })
        } else if let Some(machine) = &self.settings.aws_ec2 {
            machine.login(client, &self.metadata, &self.base).await.context("aws_ec2")
        } else if let Some(role) = &self.settings.aws_iam {
            let key = plugin::blocking(|| sign::Key::found("", ""))?;
            role.login(&key, plugin::now()).context("aws_iam")
        } else if let Some(machine) = &self.settings.azure {
            machine.login(client, &self.metadata).await.context("azure")
        } else {
            let account = self.settings.kubernetes.clone().unwrap_or_default();
            let token = if account.service_account_token.is_empty() {
                const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
                plugin::blocking(|| std::fs::read_to_string(MOUNTED)).with_context(|| format!("read {MOUNTED}"))?
            } else {
                account.service_account_token.reveal()?
            };
            let body = json!({ "role": account.role_name, "jwt": token.trim() });
            Ok(Login { path: path(&["kubernetes", "login"]), body })
        }
    }

    async fn login(&self) -> Result<Session> {
        let client = self.setup.build(None)?;
        if !self.settings.token.is_empty() {
            let token = self.settings.token.reveal()?.trim().to_owned();
            return Ok(Session { client, token, until: None });
        }
        let Login { path, body } = self.credentials(&client).await?;
        let url = self.url(std::iter::once("auth").chain(path.iter().map(String::as_str)))?;
        let answer =
            self.ask(&client, Method::POST, url, "", Some(body)).await.map_err(|e| e.cause).context("log in")?;
        let auth = &answer.get("auth").cloned().unwrap_or_default();
        let token = auth["client_token"].as_str().context("log in: the answer holds no token")?.to_owned();
        if let Some(machine) = &self.settings.aws_ec2
            && let Some(nonce) = auth["metadata"]["nonce"].as_str()
        {
            machine.keep(&self.base, nonce);
        }
        // A lease of 0 seconds never ends. Half of it is used, so that no request meets its end.
        let lease = auth["lease_duration"].as_u64().filter(|seconds| *seconds > 0);
        let until = lease.and_then(|seconds| Instant::now().checked_add(Time::from_secs(seconds) / 2));
        Ok(Session { client, token, until })
    }

    async fn secret_id(&self, client: &Client, role: &AppRole) -> Result<String> {
        let given = if !role.secret_file.is_empty() {
            plugin::blocking(|| std::fs::read_to_string(&role.secret_file))
                .with_context(|| format!("read secret_file {}", role.secret_file))?
        } else if !role.secret_env.is_empty() {
            std::env::var(&role.secret_env)
                .with_context(|| format!("read environment variable {:?}", role.secret_env))?
        } else if !role.secret.is_empty() {
            role.secret.reveal()?
        } else {
            role.secret_id.reveal()?
        };
        let given = given.trim();
        if !role.response_wrapped {
            return Ok(given.to_owned());
        }
        let url = self.url(["sys", "wrapping", "unwrap"])?;
        let answer = self
            .ask(client, Method::POST, url, given, None)
            .await
            .map_err(|e| e.cause)
            .context("unwrap the secret id")?;
        let inner = answer.get("data").and_then(|data| data["secret_id"].as_str());
        inner.map(str::to_owned).context("unwrap the secret id: the answer holds none")
    }

    /// The fields of the secret.
    async fn fields(&self) -> Result<Map<String, Value>> {
        let first = self.settings.engine == "kv-v1" || self.settings.use_kv_v1;
        let middle = if first { "" } else { "data" };
        let url = self.url([&self.settings.mount_path[..], middle, &self.settings.secret_path])?;
        let mut session = self.session.lock().await;
        let mut fresh = false;
        loop {
            let current = match &*session {
                Some(current) if current.until.is_none_or(|until| Instant::now() < until) => current,
                _ => {
                    fresh = true;
                    session.insert(self.login().await?)
                }
            };
            match self.ask(&current.client, Method::GET, url.clone(), &current.token, None).await {
                Ok(mut answer) => {
                    let data = answer.remove("data").unwrap_or_default();
                    let data = if first { data } else { data.get("data").cloned().unwrap_or_default() };
                    let Value::Object(fields) = data else {
                        bail!("the answer holds no secret (deleted, or another engine?)")
                    };
                    return Ok(fields);
                }
                // The token may have been revoked: a new one is asked for, once.
                Err(refusal) if refusal.denied && !fresh => *session = None,
                Err(refusal) => return Err(refusal.cause),
            }
        }
    }
}

/// An answer that is no success.
struct Refusal {
    denied: bool,
    cause: Error,
}

impl Refusal {
    fn other(cause: Error) -> Self {
        Refusal { denied: false, cause }
    }
}

impl SecretStore for Vault {
    async fn get(&self, key: &str) -> Result<Secret> {
        let mut fields = self.fields().await.with_context(|| format!("read secret {key:?}"))?;
        match fields.remove(key) {
            Some(Value::String(text)) => Ok(Secret::new(text)),
            Some(_) => bail!("read secret {key:?}: it is no text"),
            None => bail!("read secret {key:?}: {} has no such field", self.settings.secret_path),
        }
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let mut keys: Vec<String> =
            self.fields().await.context("list secrets")?.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        Ok(keys)
    }

    async fn set(&self, key: &str, _: &str) -> Result<()> {
        bail!("set secret {key:?}: this store can only be read")
    }

    async fn remove(&self, key: &str) -> Result<()> {
        bail!("remove secret {key:?}: this store can only be read")
    }
}
