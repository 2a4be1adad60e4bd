//! Connections to servers that speak a protocol of their own: by TCP, by TLS, or by a socket in the file system.

use agent_api::{Context, Result, anyhow};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects to `host:port`, by TLS where it is given, within a time.
pub(crate) async fn tcp(
    place: &str,
    tls: Option<&agent_net::tls::ClientTls>,
    time: Duration,
) -> Result<Box<dyn Duplex>> {
    let connect = async {
        let stream = TcpStream::connect(place).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = tls else { return Ok(Box::new(stream) as Box<dyn Duplex>) };
        let name = tls.server_name(place.rsplit_once(':').map_or(place, |(host, _)| host))?;
        let connector = tokio_rustls::TlsConnector::from(tls.config(&[])?);
        Ok(Box::new(connector.connect(name, stream).await.context("TLS handshake")?) as Box<dyn Duplex>)
    };
    let connected = tokio::time::timeout(time, connect).await;
    connected
        .unwrap_or_else(|_| Err(anyhow!("no answer within {time:?}")))
        .with_context(|| format!("connect to {place}"))
}

/// Connects to a socket in the file system.
pub(crate) async fn unix(path: &Path) -> Result<Box<dyn Duplex>> {
    #[cfg(unix)]
    {
        let stream = tokio::net::UnixStream::connect(path).await;
        Ok(Box::new(stream.with_context(|| format!("connect to {}", path.display()))?))
    }
    #[cfg(not(unix))]
    Err(anyhow!("connect to {}: this system has no unix sockets", path.display()))
}

/// `place` with a port, the usual one if it has none.
pub(crate) fn with_port(place: &str, port: u16) -> String {
    // A colon within brackets, or one of several without, is part of an IPv6 address.
    let has_port = match (place.rfind(']'), place.rfind(':')) {
        (Some(end), Some(at)) => at > end,
        (None, Some(at)) => !place[..at].contains(':'),
        (_, None) => false,
    };
    match (has_port, place.is_empty(), !place.starts_with('[') && place.contains(':')) {
        (true, ..) if place.starts_with(':') => format!("localhost{place}"),
        (true, ..) => place.to_owned(),
        (false, true, _) => format!("localhost:{port}"),
        (false, false, true) => format!("[{place}]:{port}"),
        (false, false, false) => format!("{place}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_not_given() {
        for (place, expected) in [
            ("", "localhost:7"),
            ("h", "h:7"),
            ("h:1", "h:1"),
            (":1", "localhost:1"),
            ("::1", "[::1]:7"),
            ("[::1]", "[::1]:7"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(with_port(place, 7), expected);
        }
    }
}
