//! What the outputs that are asked over HTTP have in common: a server that lives as long as its output, and who may ask it.

mod network;

use agent_api::{Context, Log, Result, ensure};
use agent_net::server::{self, Address, Credentials, Handler, Limits, Listener, Request, Response, answer, header};
use agent_net::tls::ServerTls;
use network::Network;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A server beside an output. Dropping it stops it; requests that are being answered have some seconds to end.
pub(crate) struct Served {
    /// Where it listens, unless that is a socket in the file system.
    pub(crate) local: Option<SocketAddr>,
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// Says where it listens.
    pub(crate) fn announce(&self, log: &Log) {
        match self.local {
            Some(at) => log.info(format_args!("listening on {at}")),
            None => log.info("listening on a socket in the file system"),
        }
    }
}

/// Binds and serves in a task of its own.
pub(crate) async fn serve<H: Handler>(
    address: &Address,
    tls: &ServerTls,
    limits: Limits,
    handler: Arc<H>,
) -> Result<Served> {
    let tls = tls.config(&["h2", "http/1.1"])?;
    let socket = Listener::bind(address, None).await?;
    let local = socket.local();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server::serve(socket, tls, limits, handler, async move {
        // Nothing is ever sent: the end of the sender is the sign.
        let _dropped = stopped.await;
    }));
    Ok(Served { local, _stop: stop })
}

/// Reads the address of a server: `http://` and `https://` mean TCP, and a path behind the port has no meaning.
pub(crate) fn address(option: &str, text: &str) -> Result<Address> {
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let address = match text.split_once("://") {
        Some(("http" | "https", rest)) => Address::parse(&host(rest), "tcp"),
        _ => Address::parse(text, "tcp"),
    };
    let address = address.with_context(|| option.to_owned())?;
    ensure!(address.is_stream(), "{option} {text:?}: expected http, https, tcp or unix");
    Ok(address)
}

/// Who may ask.
pub(crate) struct Gate {
    credentials: Credentials,
    /// What the credentials are for, as browsers show it.
    realm: &'static str,
    /// Networks that may ask; empty means all.
    networks: Vec<Network>,
    log: Log,
}

impl Gate {
    /// Everyone who has the credentials, from everywhere.
    pub(crate) fn new(credentials: Credentials, realm: &'static str, log: Log) -> Self {
        Gate { credentials, realm, networks: Vec::new(), log }
    }

    /// Only from these networks (`192.168.0.0/24`); an empty list means all.
    pub(crate) fn within(mut self, option: &str, networks: &[String]) -> Result<Self> {
        let read = |text: &String| Network::parse(text).with_context(|| format!("{option}: invalid network {text:?}"));
        self.networks = networks.iter().map(read).collect::<Result<_>>()?;
        Ok(self)
    }

    /// The answer to whoever may not ask, else nothing.
    pub(crate) fn refuse(&self, request: &Request) -> Option<Response> {
        match self.credentials.allow(request.header("authorization"), true) {
            Ok(true) => {}
            Ok(false) => {
                let mut response = status(401);
                let realm = format!("Basic realm=\"{}\"", self.realm);
                if let Ok(value) = header::HeaderValue::from_str(&realm) {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
                }
                return Some(response);
            }
            Err(e) => {
                self.log.error(format_args!("check credentials: {e:#}"));
                return Some(status(500));
            }
        }
        let inside = request.peer.ip().is_some_and(|ip| self.networks.iter().any(|n| n.holds(ip)));
        (!self.networks.is_empty() && !inside).then(|| status(403))
    }
}

/// An answer that says its status in words.
pub(crate) fn status(code: u16) -> Response {
    const KIND: &str = "text/plain; charset=utf-8";
    let words = answer(code, KIND, "").status().canonical_reason().unwrap_or_default();
    let mut response = answer(code, KIND, format!("{words}\n"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}
