//! An open socket. Every wait has a bound, so a peer that accepts and never reads cannot hold the output for ever.

use super::address::{Address, Version};
use super::packed::Packed;
use agent_api::{Context, Error, Result, ensure};
use agent_net::tls::ClientTls;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};

/// Time for a connection to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// Time that a write may make no progress.
const STUCK: Duration = Duration::from_secs(30);
/// Silence before TCP probes, where the user says nothing.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The most a UDP datagram can carry over IPv4.
const UDP_MOST: usize = 65_507;

/// A stream of bytes.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open socket.
pub(super) enum Connection {
    Stream(Box<dyn Duplex>),
    Udp(UdpSocket),
    #[cfg(unix)]
    Unixgram(tokio::net::UnixDatagram),
}

/// How far a write came.
#[derive(Default)]
pub(super) struct Sent {
    /// Number of documents, from the first, that were sent or refused.
    pub(super) documents: usize,
    /// Places of those among them that can never be sent.
    pub(super) refused: Vec<usize>,
    /// Why they cannot.
    pub(super) cause: Option<Error>,
    /// Why the rest was not sent: the connection is of no more use.
    pub(super) lost: Option<Error>,
}

impl Connection {
    /// Connects; with `tls` by TLS; `silence` before TCP probes a peer, 0 for never.
    pub(super) async fn open(address: &Address, tls: Option<&ClientTls>, silence: Duration) -> Result<Self> {
        let open = async {
            Ok(match address {
                Address::Tcp(host, version) => {
                    let stream = tcp(host, *version, silence).await?;
                    match tls {
                        Some(tls) => Connection::Stream(Box::new(secure(stream, host, tls).await?)),
                        None => Connection::Stream(Box::new(stream)),
                    }
                }
                Address::Udp(host, version) => Connection::Udp(udp(host, *version).await?),
                #[cfg(unix)]
                Address::Unix(path) => Connection::Stream(Box::new(tokio::net::UnixStream::connect(path).await?)),
                #[cfg(unix)]
                Address::Unixgram(path) => {
                    let socket = tokio::net::UnixDatagram::unbound()?;
                    socket.connect(path)?;
                    Connection::Unixgram(socket)
                }
                #[cfg(not(unix))]
                Address::Unix(_) | Address::Unixgram(_) => agent_api::bail!("this system has no unix sockets"),
            })
        };
        tokio::time::timeout(CONNECT, open).await.unwrap_or_else(|_| Err(Error::msg("no answer in 10s")))
    }

    /// True if the peer has closed a stream. Whatever it says otherwise is read and forgotten.
    pub(super) fn is_closed(&mut self) -> bool {
        let Connection::Stream(stream) = self else { return false };
        let mut memory = [0; 4096];
        // More than this at a time is for the next write; nobody expects a peer to say anything at all.
        for _ in 0..64 {
            let mut buffer = ReadBuf::new(&mut memory);
            match Pin::new(&mut *stream).poll_read(&mut Task::from_waker(Waker::noop()), &mut buffer) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return true,
            }
        }
        false
    }

    /// Sends documents in order until one cannot be sent.
    pub(super) async fn send(&mut self, packed: &Packed) -> Sent {
        match self {
            Connection::Stream(stream) => send_stream(stream, packed).await,
            Connection::Udp(socket) => {
                let mut sent = Sent::default();
                for document in packed.each() {
                    let result = if document.len() > UDP_MOST { Err(too_long()) } else { socket.send(document).await };
                    if !sent.datagram(document, result) {
                        break;
                    }
                }
                sent
            }
            #[cfg(unix)]
            Connection::Unixgram(socket) => {
                let mut sent = Sent::default();
                for document in packed.each() {
                    // A reader that is slow makes this wait.
                    let wait = tokio::time::timeout(STUCK, socket.send(document)).await;
                    let result = wait.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                    if !sent.datagram(document, result) {
                        break;
                    }
                }
                sent
            }
        }
    }
}

impl Sent {
    /// Takes note of a datagram; false if the socket is of no more use.
    fn datagram(&mut self, document: &[u8], result: io::Result<usize>) -> bool {
        match result {
            Ok(_) => {}
            Err(e) if is_too_long(&e) => {
                self.refused.push(self.documents);
                let text = format!("send a datagram of {} bytes", document.len());
                self.cause = Some(Error::from(e).context(text));
            }
            Err(e) => {
                self.lost = Some(Error::from(e).context("send a datagram"));
                return false;
            }
        }
        self.documents += 1;
        true
    }
}

async fn send_stream(stream: &mut Box<dyn Duplex>, packed: &Packed) -> Sent {
    let mut written = 0;
    let result = async {
        while written < packed.bytes.len() {
            let wait = tokio::time::timeout(STUCK, stream.write(&packed.bytes[written..])).await;
            match wait.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => written += n,
            }
        }
        tokio::time::timeout(STUCK, stream.flush()).await?
    };
    match result.await {
        Ok(()) => Sent { documents: packed.documents.len(), ..Sent::default() },
        Err(e) => Sent {
            documents: packed.documents.partition_point(|(end, _)| *end <= written && written > 0),
            lost: Some(Error::from(e).context("write")),
            ..Sent::default()
        },
    }
}

fn too_long() -> io::Error {
    io::Error::from_raw_os_error(TOO_LONG)
}

fn is_too_long(e: &io::Error) -> bool {
    e.raw_os_error() == Some(TOO_LONG)
}

#[cfg(unix)]
const TOO_LONG: i32 = rustix::io::Errno::MSGSIZE.raw_os_error();
/// WSAEMSGSIZE.
#[cfg(not(unix))]
const TOO_LONG: i32 = 10040;

/// The addresses of `host:port` of a version of IP.
async fn resolve(host: &str, version: Version) -> Result<Vec<SocketAddr>> {
    let fits = |a: &SocketAddr| match version {
        Version::Any => true,
        Version::V4 => a.is_ipv4(),
        Version::V6 => a.is_ipv6(),
    };
    let found: Vec<SocketAddr> = tokio::net::lookup_host(host).await.context("resolve")?.filter(fits).collect();
    ensure!(!found.is_empty(), "resolve: no address of that version of IP");
    Ok(found)
}

async fn tcp(host: &str, version: Version, silence: Duration) -> Result<TcpStream> {
    let stream = TcpStream::connect(resolve(host, version).await?.as_slice()).await?;
    // A batch is written in one piece; its last segment must not wait for an acknowledgement.
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    match silence.is_zero() {
        true => socket.set_keepalive(false)?,
        false => socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(silence).with_interval(silence))?,
    }
    Ok(stream)
}

async fn secure(stream: TcpStream, host: &str, tls: &ClientTls) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = tls.server_name(host.rsplit_once(':').map_or(host, |(name, _)| name))?;
    let connector = tokio_rustls::TlsConnector::from(tls.config(&[])?);
    connector.connect(name, stream).await.context("TLS handshake")
}

async fn udp(host: &str, version: Version) -> Result<UdpSocket> {
    let mut last = None;
    for to in resolve(host, version).await? {
        let from = match to {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let connect = async {
            let socket = UdpSocket::bind(from).await?;
            socket.connect(to).await?;
            io::Result::Ok(socket)
        };
        match connect.await {
            Ok(socket) => return Ok(socket),
            Err(e) => last = Some(e),
        }
    }
    Err(last.map_or_else(|| Error::msg("no address"), Error::from))
}
