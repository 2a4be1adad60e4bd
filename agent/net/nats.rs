//! Connections to NATS: the options that input and output share, and the client that they mean.
//!
//! The client keeps its connection: after a loss it goes round the servers until one answers, and what was subscribed is subscribed
//! again. Only the first connection is the caller's business, as `startup_error_behavior` decides what becomes of that.

use crate::tls::ClientTls;
use agent_api::{Context, Log, Result, Secret, StartError, anyhow, ensure};
pub use async_nats as client;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Where the servers are, and who asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Servers {
    /// Addresses of the servers (`nats://host:port`, or `tls://` for TLS); others of their cluster are learnt from them.
    pub servers: Vec<String>,
    /// Name of the client, which the servers show.
    pub name: String,
    /// User; counts where a password is given, too.
    pub username: Secret,
    /// Password.
    pub password: Secret,
    /// File with credentials (NATS 2.0), or what such a file holds.
    pub credentials: Secret,
    /// File with the seed of an nkey (NATS 2.0).
    pub nkey_seed: String,
    /// Use TLS, whether the servers demand it or not.
    pub secure: bool,
}

impl Default for Servers {
    fn default() -> Self {
        Servers {
            servers: vec!["nats://localhost:4222".to_owned()],
            name: String::new(),
            username: Secret::default(),
            password: Secret::default(),
            credentials: Secret::default(),
            nkey_seed: String::new(),
            secure: false,
        }
    }
}

impl Servers {
    /// Checks what can be checked without I/O.
    pub fn check(&self, tls: &ClientTls) -> Result<()> {
        tls.check()?;
        self.addresses().map(drop)
    }

    /// Connects to one of the servers. `capacity` is the number of messages that a subscription may have waiting for its reader;
    /// more are dropped. What happens to the connection later is told to `log`.
    pub async fn connect(&self, tls: &ClientTls, capacity: usize, log: &Log) -> Result<Client, StartError> {
        let addresses = self.addresses()?;
        // The files of TLS are read in any case: a server may demand it.
        let mut options = ConnectOptions::new()
            .require_tls(self.secure || tls.tls_enable == Some(true))
            .tls_client_config(Arc::unwrap_or_clone(tls.config(&[])?))
            .subscription_capacity(capacity)
            .max_reconnects(None);
        if !self.name.is_empty() {
            options = options.name(&self.name);
        }
        let (user, password) = (self.username.reveal()?, self.password.reveal()?);
        if !user.is_empty() && !password.is_empty() {
            options = options.user_and_password(user, password);
        }
        let credentials = self.credentials.reveal()?;
        if !credentials.is_empty() {
            let text =
                if credentials.contains("-----BEGIN") { credentials } else { read(&credentials, "credentials")? };
            options = options.credentials(&text).context("credentials")?;
        }
        if !self.nkey_seed.is_empty() {
            options = options.nkey(seed(&read(&self.nkey_seed, "nkey_seed")?).context("nkey_seed: no seed in it")?);
        }
        let told = log.clone();
        options = options.event_callback(move |event| {
            tell(&told, &event);
            std::future::ready(())
        });
        let connected = options.connect(addresses).await;
        connected.map_err(|e| StartError::Retry(anyhow!("connect to {}: {}", self.shown(), causes(&e))))
    }

    fn addresses(&self) -> Result<Vec<ServerAddr>> {
        let all = self.servers.iter().flat_map(|s| s.split(',')).map(str::trim).filter(|s| !s.is_empty());
        let addresses: Vec<ServerAddr> = all
            .map(|s| s.parse().map_err(|_| anyhow!("servers: invalid address {:?}", without_user(s))))
            .collect::<Result<_>>()?;
        ensure!(!addresses.is_empty(), "servers: none is given");
        for address in &addresses {
            ensure!(!address.is_websocket(), "servers: {}:// is not spoken, only nats:// and tls://", address.scheme());
        }
        Ok(addresses)
    }

    /// The addresses for messages, without users and passwords.
    pub fn shown(&self) -> String {
        self.servers.iter().map(|s| without_user(s)).collect::<Vec<_>>().join(", ")
    }
}

fn read(path: &str, option: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{option}: read {path}"))
}

/// The seed in a file that may also hold comments and other keys.
fn seed(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| line.starts_with('S') && !line.contains(' ')).map(str::to_owned)
}

fn without_user(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => address.to_owned(),
    }
}

/// An error with all that caused it: the client's own errors tell only of the last step.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = inner.source();
    }
    text
}

fn tell(log: &Log, event: &Event) {
    match event {
        Event::Connected => log.info("connected"),
        Event::Disconnected => log.warn("connection lost; connecting again"),
        Event::SlowConsumer(_) => log.error("messages come faster than they are taken; some were dropped"),
        Event::ServerError(e) => log.error(format_args!("the server says: {e}")),
        Event::ClientError(e) => log.debug(format_args!("{e}")),
        Event::LameDuckMode | Event::Draining | Event::Closed => log.debug(format_args!("{event}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(list: &[&str]) -> Servers {
        Servers { servers: list.iter().map(|s| (*s).to_owned()).collect(), ..Servers::default() }
    }

    #[test]
    fn addresses_may_stand_in_one_text() {
        let all = servers(&["nats://u:p@a:1,b:2", "tls://[::1]:3"]);
        let hosts: Vec<_> = all.addresses().unwrap().iter().map(|a| (a.host().to_owned(), a.port())).collect();
        assert_eq!(hosts, [("a".to_owned(), 1), ("b".to_owned(), 2), ("::1".to_owned(), 3)]);
        assert_eq!(servers(&["nats://u:p@a:1", "u:p@b"]).shown(), "nats://a:1, b");
    }

    #[test]
    fn addresses_that_mean_nothing() {
        for bad in [&["http://a"][..], &["ws://a"], &[], &[" "], &["nats://a:b"]] {
            assert!(servers(bad).check(&ClientTls::default()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn seeds_stand_on_a_line_of_their_own() {
        assert_eq!(seed("# mine\n\n SUABC \n").as_deref(), Some("SUABC"));
        assert_eq!(seed("Some text\n"), None);
    }

    async fn round_trip(servers: &Servers, tls: &ClientTls) -> Result<(), StartError> {
        let client = servers.connect(tls, 10, &Log::new("test", None, Default::default())).await?;
        // Nobody listens, which the server says.
        let answer = client.request("own", "".into()).await;
        assert_eq!(answer.unwrap_err().kind(), client::RequestErrorKind::NoResponders);
        Ok(())
    }

    #[tokio::test]
    async fn an_nkey_opens() {
        // The pair of the NATS documentation.
        let (user, seed) = (
            "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
            "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
        );
        let options = format!("authorization {{ users = [ {{ nkey: {user} }} ] }}");
        let Some(server) = crate::testing::NatsServer::start(&options).await else { return };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nkey");
        std::fs::write(&file, format!("# own\n{seed}\n")).unwrap();
        let mut own = servers(&[server.address()]);
        assert!(round_trip(&own, &ClientTls::default()).await.is_err());
        own.nkey_seed = file.to_str().unwrap().to_owned();
        round_trip(&own, &ClientTls::default()).await.unwrap();
    }

    #[tokio::test]
    async fn servers_show_a_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path("own.pem"), signed.cert.pem()).unwrap();
        std::fs::write(path("own.key"), signed.signing_key.serialize_pem()).unwrap();
        let options = format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", path("own.pem"), path("own.key"));
        if let Some(server) = crate::testing::NatsServer::start(&options).await {
            let own = servers(&[&server
                .address()
                .replace("tls://127.0.0.1", "nats://localhost")
                .replace("127.0.0.1", "localhost")]);
            // The server demands TLS, and its certificate is of nobody that the system trusts.
            assert!(round_trip(&own, &ClientTls::default()).await.is_err());
            let known = ClientTls { tls_ca: path("own.pem"), ..ClientTls::default() };
            round_trip(&own, &known).await.unwrap();
        }
    }
}
