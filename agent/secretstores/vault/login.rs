//! The ways to log in: what is sent to Vault for each of its methods of authentication.
//!
//! On machines of AWS and Azure the machine itself is the proof: its metadata service, which only it can reach, says what it is, signed by
//! the cloud; with AWS IAM it is a request to STS, signed and not sent, with which Vault asks who has signed it.

use super::Settings;
use agent_api::*;
use agent_net::client::{Client, Method};
use agent_net::sign;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// What logs in: the path below `auth/` and the body.
pub(super) struct Login {
    pub(super) path: Vec<String>,
    pub(super) body: Value,
}

/// The machine's own view of itself, link-local in both clouds.
pub(super) const METADATA: &str = "http://169.254.169.254";
/// No answer of a metadata service is larger.
const METADATA_MAX: usize = 1 << 20;

/// AWS EC2.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AwsEc2 {
    /// Name of the role.
    role_name: String,
    /// Accepted for compatibility: the metadata service of a machine has no region.
    region: String,
    /// What proves that it is this machine.
    #[schemars(extend("enum" = ["pkcs7", "identity", "rsa2048"]))]
    signature_type: String,
    /// What Vault is given at the first login of this machine and wants again at every other, so that no other program of it can log
    /// in: 32 random characters, the same at each start. Without one Vault makes one up, which is lost with the run.
    nonce: Secret,
}

impl Default for AwsEc2 {
    fn default() -> Self {
        AwsEc2 {
            role_name: String::new(),
            region: "us-east-1".to_owned(),
            signature_type: "pkcs7".to_owned(),
            nonce: Secret::default(),
        }
    }
}

/// AWS IAM. The key is that of the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), else that of
/// `AWS_PROFILE` in the file `AWS_SHARED_CREDENTIALS_FILE`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AwsIam {
    /// Name of the role.
    role_name: String,
    /// Region whose STS is asked.
    region: String,
    /// Value of the header `X-Vault-AWS-IAM-Server-ID`, where Vault wants one.
    server_id_header: String,
}

impl Default for AwsIam {
    fn default() -> Self {
        AwsIam { role_name: String::new(), region: "us-east-1".to_owned(), server_id_header: String::new() }
    }
}

/// Azure, with the managed identity of the machine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Azure {
    /// Name of the role.
    role_name: String,
    /// Whom the token is for.
    resource_url: String,
}

impl Default for Azure {
    fn default() -> Self {
        Azure { role_name: String::new(), resource_url: "https://management.azure.com/".to_owned() }
    }
}

impl Settings {
    /// Checks that there is one way, and that it can work.
    pub(super) fn check_login(&self) -> Result<()> {
        let ways = [
            !self.token.is_empty(),
            self.approle.is_some(),
            self.aws_ec2.is_some(),
            self.aws_iam.is_some(),
            self.azure.is_some(),
            self.kubernetes.is_some(),
            self.userpass.is_some(),
        ];
        let count = ways.into_iter().filter(|is| *is).count();
        ensure!(
            count == 1,
            "exactly one of token and the tables approle, aws_ec2, aws_iam, azure, kubernetes and userpass is needed, \
             here are {count}"
        );
        if let Some(AwsEc2 { signature_type: kind, .. }) = &self.aws_ec2 {
            let known = matches!(kind.as_str(), "pkcs7" | "identity" | "rsa2048");
            ensure!(known, "aws_ec2: unknown signature_type {kind:?}; one of pkcs7, identity, rsa2048");
        }
        let role = self.aws_ec2.as_ref().map(|a| ("aws_ec2", &a.role_name));
        let role = role.or(self.aws_iam.as_ref().map(|a| ("aws_iam", &a.role_name)));
        if let Some((table, role)) = role.or(self.azure.as_ref().map(|a| ("azure", &a.role_name))) {
            ensure!(!role.is_empty(), "{table}: role_name is needed");
        }
        Ok(())
    }
}

pub(super) fn path(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// Asks the metadata service of the machine.
async fn metadata(client: &Client, method: Method, url: &str, header: (&str, &str)) -> Result<String> {
    let url = Url::parse(url).with_context(|| format!("ask {url}"))?;
    let request = client.request(method, url.clone()).header(header.0, header.1);
    let answer = client.send(request, METADATA_MAX).await.with_context(|| format!("ask {url}"))?;
    ensure!(answer.status.is_success(), "ask {url}: {}", answer.status);
    String::from_utf8(answer.body).with_context(|| format!("ask {url}"))
}

/// The nonces that Vault has made up, by its address and the role: a reload begins a new store, and the machine is still the same.
static NONCES: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());

impl AwsEc2 {
    /// Keeps what Vault gave at the first login of this machine, which later ones have to repeat.
    pub(super) fn keep(&self, vault: &Url, nonce: &str) {
        let mut nonces = NONCES.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.insert((vault.to_string(), self.role_name.clone()), nonce.to_owned());
    }

    fn nonce(&self, vault: &Url) -> Result<Option<String>> {
        if !self.nonce.is_empty() {
            return Ok(Some(self.nonce.reveal()?.trim().to_owned()));
        }
        let nonces = NONCES.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(nonces.get(&(vault.to_string(), self.role_name.clone())).cloned())
    }

    /// Logs in at `vault`; `base` is where the metadata service is.
    pub(super) async fn login(&self, client: &Client, base: &str, vault: &Url) -> Result<Login> {
        const LIFE: (&str, &str) = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
        let token = metadata(client, Method::PUT, &format!("{base}/latest/api/token"), LIFE).await?;
        let get = async |name: &str| {
            let url = format!("{base}/latest/dynamic/instance-identity/{name}");
            metadata(client, Method::GET, &url, ("x-aws-ec2-metadata-token", token.trim())).await
        };
        // Line ends are none of the signature.
        let one_line = |text: String| text.replace(['\r', '\n'], "");
        let mut body = json!({ "role": self.role_name });
        match self.signature_type.as_str() {
            "identity" => {
                body["identity"] = STANDARD.encode(get("document").await?).into();
                body["signature"] = one_line(get("signature").await?).into();
            }
            // Vault takes both forms of PKCS #7 by the same name.
            kind => body["pkcs7"] = one_line(get(kind).await?).into(),
        }
        if let Some(nonce) = self.nonce(vault)? {
            body["nonce"] = nonce.into();
        }
        Ok(Login { path: path(&["aws", "login"]), body })
    }
}

impl AwsIam {
    pub(super) fn login(&self, key: &sign::Key, time: i64) -> Result<Login> {
        const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
        let host = match self.region.as_str() {
            "us-east-1" | "" => "sts.amazonaws.com".to_owned(),
            region if region.starts_with("cn-") => format!("sts.{region}.amazonaws.com.cn"),
            region => format!("sts.{region}.amazonaws.com"),
        };
        let region = if self.region.is_empty() { "us-east-1" } else { &self.region };
        let url = Url::parse(&format!("https://{host}/")).context("aws_iam: region")?;
        let request = sign::Request { method: "POST", url: &url, body: BODY.as_bytes(), service: "sts", region };
        let server = ("x-vault-aws-iam-server-id", self.server_id_header.as_str());
        let more = if self.server_id_header.is_empty() { &[][..] } else { &[server] };
        let mut headers = Map::new();
        for (name, value) in request.signed_with(key, time, more) {
            headers.insert(name.to_owned(), json!([value]));
        }
        headers.insert("content-type".to_owned(), json!(["application/x-www-form-urlencoded; charset=utf-8"]));
        let body = json!({
            "role": self.role_name,
            "iam_http_request_method": "POST",
            "iam_request_url": STANDARD.encode(url.as_str()),
            "iam_request_body": STANDARD.encode(BODY),
            "iam_request_headers": STANDARD.encode(Value::Object(headers).to_string()),
        });
        Ok(Login { path: path(&["aws", "login"]), body })
    }
}

impl Azure {
    pub(super) async fn login(&self, client: &Client, base: &str) -> Result<Login> {
        const ASKED: (&str, &str) = ("Metadata", "true");
        let read = async |url: String| -> Result<Value> {
            let text = metadata(client, Method::GET, &url, ASKED).await?;
            serde_json::from_str(&text).with_context(|| format!("read the answer of {url}"))
        };
        let mut url = Url::parse(&format!("{base}/metadata/identity/oauth2/token?api-version=2018-02-01"))?;
        url.query_pairs_mut().append_pair("resource", &self.resource_url);
        let token = read(url.into()).await?;
        let machine = read(format!("{base}/metadata/instance?api-version=2021-02-01")).await?;
        let own = |name: &str| machine["compute"][name].as_str().unwrap_or_default().to_owned();
        let body = json!({
            "role": self.role_name,
            "jwt": token["access_token"].as_str().context("the metadata service gives no access_token")?,
            "vm_name": own("name"),
            "vmss_name": own("vmScaleSetName"),
            "subscription_id": own("subscriptionId"),
            "resource_group_name": own("resourceGroupName"),
        });
        Ok(Login { path: path(&["azure", "login"]), body })
    }
}
