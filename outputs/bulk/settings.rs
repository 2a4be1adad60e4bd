//! The options that both have.

use super::document::Floats;
use agent_api::*;
use agent_net::client::{Redirects, Setup};
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;

/// Servers, documents and templates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Common {
    /// Addresses of the cluster's nodes; a batch goes to one of them.
    pub(crate) urls: Vec<String>,
    /// How long a request may take; 0 means 5s.
    pub(crate) timeout: Duration,
    /// Ask the cluster for its other nodes.
    pub(crate) enable_sniffer: bool,
    /// Send requests packed by gzip.
    pub(crate) enable_gzip: bool,
    /// How long a node that failed is left alone before it is asked whether it is there again; 0 means that all are tried always.
    pub(crate) health_check_interval: Duration,
    /// How long a node may take to say that it is there; 0 means 1s.
    pub(crate) health_check_timeout: Duration,
    /// User for basic authentication.
    pub(crate) username: Secret,
    /// Password for basic authentication.
    pub(crate) password: Secret,
    /// Token for `Authorization: Bearer`.
    pub(crate) auth_bearer_token: Secret,
    /// Put a template for the indexes that makes tags keywords and numbers floats.
    pub(crate) manage_template: bool,
    /// Name of the template; needed with `manage_template`.
    pub(crate) template_name: String,
    /// Put the template also where there is one of its name.
    pub(crate) overwrite_template: bool,
    /// Give each document an identifier made of its time, name and tags, so that what is sent twice is there once.
    pub(crate) force_document_id: bool,
    /// What becomes of NaN and infinite fields: `none` (the metric is rejected), `drop` (the field is left out) or `replace`.
    pub(crate) float_handling: String,
    /// With `replace`: what NaN and infinite fields become; negative infinity becomes its negative.
    pub(crate) float_replacement_value: f64,
    /// Pipeline for metrics that lack a tag in `use_pipeline`.
    pub(crate) default_pipeline: String,
}

impl Default for Common {
    fn default() -> Self {
        Common {
            urls: Vec::new(),
            timeout: Duration::secs(5),
            enable_sniffer: false,
            enable_gzip: false,
            health_check_interval: Duration::secs(10),
            health_check_timeout: Duration::secs(1),
            username: Secret::default(),
            password: Secret::default(),
            auth_bearer_token: Secret::default(),
            manage_template: false,
            template_name: String::new(),
            overwrite_template: false,
            force_document_id: false,
            float_handling: "none".to_owned(),
            float_replacement_value: 0.0,
            default_pipeline: String::new(),
        }
    }
}

impl Common {
    /// Checks what does not depend on the kind of cluster.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(!self.urls.is_empty(), "urls is required");
        ensure!(
            !self.manage_template || !self.template_name.is_empty(),
            "template_name is required with manage_template"
        );
        self.floats().map(drop)
    }

    /// What becomes of floats that JSON does not know.
    pub(crate) fn floats(&self) -> Result<Floats> {
        Ok(match self.float_handling.as_str() {
            "" | "none" => Floats::Refuse,
            "drop" => Floats::Drop,
            "replace" => {
                let value = self.float_replacement_value;
                ensure!(value.is_finite(), "float_replacement_value: {value} is no finite number");
                Floats::Replace(value)
            }
            other => bail!("float_handling: {other:?} is none of none, drop and replace"),
        })
    }

    /// The client for requests.
    pub(crate) fn setup(&self, tls: ClientTls) -> Setup {
        let mut setup = Setup { tls, redirects: Redirects::KeepMethod, ..Setup::default() };
        setup.transport.timeout = self.timeout;
        setup
    }
}
