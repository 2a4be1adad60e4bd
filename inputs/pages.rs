//! Status pages of servers: all are asked at the same time, and every answer is bounded.

use agent_api::*;
use agent_net::client::{Address, Client, Method, Setup, header};
use agent_net::tls::ClientTls;
use futures_util::StreamExt;

/// No status page is larger, in bytes.
const PAGE_MAX: usize = 16 << 20;
/// So many servers are asked at a time.
const AT_A_TIME: usize = 64;

/// The pages of a plugin.
pub(crate) struct Pages {
    setup: Setup,
    client: Option<Client>,
    pub(crate) addresses: Vec<Address>,
}

impl Pages {
    /// Checks addresses and options, without I/O.
    pub(crate) fn new<S: AsRef<str>>(
        option: &str,
        urls: impl IntoIterator<Item = S>,
        timeout: Duration,
        tls: ClientTls,
    ) -> Result<Self> {
        let mut setup = Setup { tls, ..Setup::default() };
        setup.transport.timeout = timeout;
        setup.check()?;
        let addresses = urls.into_iter().map(|url| Address::parse(url.as_ref()).context(option.to_owned()));
        Ok(Pages { setup, client: None, addresses: addresses.collect::<Result<_>>()? })
    }

    /// Asks for every page, with basic authentication where there is a user.
    pub(crate) async fn read(&mut self, username: &Secret, password: &Secret) -> Result<Vec<(usize, Result<Vec<u8>>)>> {
        if self.client.is_none() {
            self.client = Some(self.setup.build(None)?);
        }
        let client = self.client.as_ref().context("no client")?;
        let user = match username.is_empty() && password.is_empty() {
            true => None,
            false => Some((username.reveal()?, password.reveal()?)),
        };
        let mut jobs = Vec::with_capacity(self.addresses.len());
        for (place, address) in self.addresses.iter().enumerate() {
            jobs.push(page(place, client, address, user.as_ref()));
        }
        Ok(futures_util::stream::iter(jobs).buffered(AT_A_TIME).collect().await)
    }
}

async fn page(
    place: usize,
    client: &Client,
    address: &Address,
    user: Option<&(String, String)>,
) -> (usize, Result<Vec<u8>>) {
    let mut request = client.request(Method::GET, address.url.clone());
    if let Some((user, password)) = user {
        request = request.basic_auth(user, Some(password));
    }
    let read = async {
        let answer = client.send(request.header(header::ACCEPT_ENCODING, "gzip"), PAGE_MAX).await?;
        ensure!(answer.status.as_u16() == 200, "status {}: {}", answer.status, answer.excerpt());
        answer.unpack(PAGE_MAX)
    };
    let page = read.await;
    (place, page.with_context(|| format!("read {}", address.shown())))
}

/// The tags `server` and `port` of an address.
#[cfg(any(feature = "apache", feature = "nginx"))]
pub(crate) fn server(address: &Address) -> [(&'static str, String); 2] {
    let port = address.url.port_or_known_default().map_or_else(String::new, |port| port.to_string());
    [("server", address.url.host_str().unwrap_or_default().to_owned()), ("port", port)]
}
