//! The table `[agent.api]`.

use agent_api::options::{Fields, OptionError, Span, Table, With, link_secrets};
use agent_api::{Context, Result, Secret, ensure};
use agent_net::server::{Address, socket_mode};
use agent_net::tls::ServerTls;
use schemars::JsonSchema;
use serde::Deserialize;

/// The API as the user wants it, checked.
#[derive(Clone, Debug)]
pub struct Api {
    pub(super) settings: Settings,
    pub(super) tls: ServerTls,
    pub(super) address: Address,
    pub(super) mode: Option<u32>,
    /// Stores and keys that its secrets name.
    pub(crate) references: Vec<(String, String)>,
    /// Where its table stands.
    pub(crate) span: Span,
    /// Equal where it would be started the same.
    pub(super) digest: crate::config::Digest,
}

/// The local API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Where it listens: `unix:///path`, or `tcp://host:port` where a token or certificates of clients are asked for.
    pub(super) address: String,
    /// Permissions of a socket in the file system, in octal digits.
    pub(super) socket_mode: String,
    /// Token that a request has to carry as `Authorization: Bearer ...`.
    pub(super) token: Secret,
    /// Allow requests that change something, such as `POST /reload`.
    pub(super) allow_changes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            address: default_address(),
            socket_mode: "600".to_owned(),
            token: Secret::default(),
            allow_changes: false,
        }
    }
}

/// Where the API is if nobody says anything: in the folder that the service manager has made for it, else in `/run/agent`.
pub fn default_address() -> String {
    // systemd.exec(5), RuntimeDirectory=; several are divided by colons.
    let folder = std::env::var("RUNTIME_DIRECTORY").ok().filter(|d| !d.is_empty());
    let folder = folder.as_deref().and_then(|d| d.split(':').next()).unwrap_or("/run/agent");
    format!("unix://{folder}/api.sock")
}

impl Api {
    /// Where it listens, as it is written.
    pub fn address(&self) -> &str {
        &self.settings.address
    }

    /// The token that is asked for; empty if none is.
    pub fn token(&self) -> Result<String> {
        self.settings.token.reveal()
    }

    /// Reads and checks the table.
    pub fn load(table: &Table) -> Result<Self, ApiError> {
        // References that others read in this thread are not the API's.
        link_secrets();
        let With { own: settings, shared: tls } = With::<Settings, ServerTls>::load(table).map_err(ApiError::Option)?;
        let references = link_secrets();
        let check = || -> Result<Api> {
            tls.check()?;
            let address = Address::parse(&settings.address, "tcp").context("address")?;
            ensure!(address.is_stream(), "address {:?}: expected unix or tcp", settings.address);
            let guarded = !settings.token.is_empty() || !tls.tls_allowed_cacerts.is_empty();
            ensure!(
                guarded || matches!(address, Address::Unix(_)),
                "address {:?} can be reached by others: set token, or tls_cert, tls_key and tls_allowed_cacerts",
                settings.address
            );
            let mode = socket_mode(&settings.socket_mode)?;
            let digest = crate::config::digest_of("api", table);
            let (settings, tls, references) = (settings.clone(), tls.clone(), references.clone());
            Ok(Api { settings, tls, address, mode, references, span: table.span, digest })
        };
        check().map_err(ApiError::Value)
    }
}

/// Why the table cannot be used.
#[derive(Debug)]
pub enum ApiError {
    /// A value is of the wrong kind; knows its place.
    Option(OptionError),
    /// The values do not go together.
    Value(agent_api::Error),
}
