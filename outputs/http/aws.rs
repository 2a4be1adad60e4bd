//! Requests signed for Amazon Web Services: Signature Version 4, with the key from the settings, the environment or the
//! shared credentials file.

use agent_api::{Context, Result, Secret, ensure};
use agent_net::client::{Method, Url, header};
use agent_net::sign;
use schemars::JsonSchema;
use serde::Deserialize;

/// Whose key signs requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AwsSettings {
    /// Service whose requests are signed (`execute-api`, `aps` ...); empty means that none is.
    aws_service: String,
    /// Region of the service.
    region: String,
    /// Access key; empty means that of the environment or of the credentials file.
    access_key: Secret,
    /// Secret key that belongs to `access_key`.
    secret_key: Secret,
    /// Session token, where the key is a temporary one.
    token: Secret,
    /// Section of the credentials file; empty means `default`, or what `AWS_PROFILE` says.
    profile: String,
    /// Credentials file; empty means `~/.aws/credentials`, or what `AWS_SHARED_CREDENTIALS_FILE` says.
    shared_credential_file: String,
    /// Role to assume; not supported.
    role_arn: String,
    /// Name of the session of an assumed role; not supported.
    role_session_name: String,
    /// File with the token of a web identity; not supported.
    web_identity_token_file: String,
    /// Accepted for compatibility; requests go to `url`.
    endpoint_url: String,
}

/// Signs requests.
pub(super) struct Aws(AwsSettings);

impl Aws {
    /// None without a service.
    pub(super) fn new(settings: AwsSettings) -> Result<Option<Self>> {
        if settings.aws_service.is_empty() {
            return Ok(None);
        }
        ensure!(!settings.region.is_empty(), "aws_service needs region");
        for (option, value) in [
            ("role_arn", &settings.role_arn),
            ("role_session_name", &settings.role_session_name),
            ("web_identity_token_file", &settings.web_identity_token_file),
        ] {
            ensure!(value.is_empty(), "{option} is not supported; use access_key and secret_key, or a profile");
        }
        Ok(Some(Aws(settings)))
    }

    /// Adds the headers of the signature; `headers` are signed where the signature demands it.
    pub(super) fn sign(&self, method: &Method, url: &Url, body: &[u8], headers: &mut header::HeaderMap) -> Result<()> {
        let key = self.key()?;
        let request =
            sign::Request { method: method.as_str(), url, body, service: &self.0.aws_service, region: &self.0.region };
        for (name, value) in request.signed(&key, agent_api::plugin::now()) {
            let mut value = header::HeaderValue::from_str(&value).context("sign the request")?;
            value.set_sensitive(true);
            headers.insert(header::HeaderName::from_static(name), value);
        }
        Ok(())
    }

    /// The key, looked up anew at each use: temporary ones change.
    fn key(&self) -> Result<sign::Key> {
        let own = sign::Key {
            id: self.0.access_key.reveal()?,
            secret: self.0.secret_key.reveal()?,
            session: self.0.token.reveal()?,
        };
        if !own.id.is_empty() && !own.secret.is_empty() {
            return Ok(own);
        }
        sign::Key::found(&self.0.profile, &self.0.shared_credential_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_refused_and_not_passed_over() {
        let settings =
            AwsSettings { aws_service: "aps".into(), region: "r".into(), role_arn: "x".into(), ..Default::default() };
        assert!(Aws::new(settings).err().unwrap().to_string().contains("role_arn"));
        assert!(Aws::new(AwsSettings::default()).unwrap().is_none());
    }
}
