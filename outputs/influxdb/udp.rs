//! Lines as datagrams, one each. Nobody answers, so whatever the system takes counts as written.

use agent_api::{Context, Result, anyhow, ensure};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;

/// A server that is sent datagrams.
pub(super) struct Udp {
    address: String,
    /// Looked up and bound at the first write, and again after an error.
    socket: Mutex<Option<UdpSocket>>,
}

impl Udp {
    pub(super) fn new(address: &str) -> Result<Self> {
        let address = address.trim_end_matches('/');
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        ensure!(port.is_some(), "address \"udp://{address}\" has no port");
        Ok(Udp { address: address.to_owned(), socket: Mutex::default() })
    }

    /// Sends each line as a datagram.
    pub(super) async fn send(&self, text: &[u8]) -> Result<()> {
        let mut slot = self.socket.lock().await;
        let socket = match slot.take() {
            Some(socket) => socket,
            None => self.connect().await?,
        };
        for line in text.split_inclusive(|b| *b == b'\n') {
            match socket.send(line).await {
                Ok(_) => {}
                // The answer to an earlier datagram: nobody listens now. This one may still arrive, as Telegraf assumes.
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                    socket.send(line).await.with_context(|| format!("send to udp://{}", self.address))?;
                }
                Err(e) => return Err(e).with_context(|| format!("send to udp://{}", self.address)),
            }
        }
        *slot = Some(socket);
        Ok(())
    }

    async fn connect(&self) -> Result<UdpSocket> {
        let addresses = tokio::net::lookup_host(&self.address).await;
        let address = addresses
            .with_context(|| format!("look up {:?}", self.address))?
            .next()
            .ok_or_else(|| anyhow!("look up {:?}: no address", self.address))?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await.context("open a UDP socket")?;
        socket.connect(address).await.with_context(|| format!("connect to udp://{}", self.address))?;
        Ok(socket)
    }
}
