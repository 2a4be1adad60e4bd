//! An open socket. Every wait has a bound, so a peer that accepts and never reads cannot hold the output for ever.

use super::address::{Address, Version};
use super::packed::Packed;
use agent_api::{Context, Error, Result, anyhow, ensure};
use agent_net::tls::ClientTls;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// Time for a connection to come about, where the user says nothing.
const CONNECT: Duration = Duration::from_secs(10);
/// Time that a write may make no progress, where the user says nothing.
const STUCK: Duration = Duration::from_secs(30);
/// Silence before TCP probes, where the user says nothing.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The most a UDP datagram can carry over IPv4.
const UDP_MOST: usize = 65_507;

/// A stream of bytes.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// How a socket is opened.
#[derive(Clone, Copy)]
pub(crate) struct Dial<'a> {
    /// By TLS, for TCP.
    pub(crate) tls: Option<&'a ClientTls>,
    /// Silence before TCP probes the peer; 0 for never.
    pub(crate) keep_alive: Duration,
    /// Where TCP connections come from.
    pub(crate) local: Option<SocketAddr>,
    /// Time for a connection to come about.
    pub(crate) time: Duration,
    /// Time that a write may make no progress.
    pub(crate) stuck: Duration,
}

impl Default for Dial<'_> {
    fn default() -> Self {
        Dial { tls: None, keep_alive: KEEP_ALIVE, local: None, time: CONNECT, stuck: STUCK }
    }
}

/// An open socket.
pub(crate) enum Connection {
    /// A stream, and the time that a write may make no progress.
    Stream(Box<dyn Duplex>, Duration),
    Udp(UdpSocket),
    #[cfg(unix)]
    Unixgram(tokio::net::UnixDatagram),
}

/// How far a write came.
#[derive(Default)]
pub(crate) struct Sent {
    /// Number of documents, from the first, that were sent or refused.
    pub(crate) documents: usize,
    /// Places of those among them that can never be sent.
    pub(crate) refused: Vec<usize>,
    /// Why they cannot.
    pub(crate) cause: Option<Error>,
    /// Why the rest was not sent: the connection is of no more use.
    pub(crate) lost: Option<Error>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: &Address, dial: Dial<'_>) -> Result<Self> {
        let open = async {
            Ok(match address {
                Address::Tcp(host, version) => {
                    let stream = tcp(host, *version, dial).await?;
                    match dial.tls {
                        Some(tls) => Connection::Stream(Box::new(secure(stream, host, tls).await?), dial.stuck),
                        None => Connection::Stream(Box::new(stream), dial.stuck),
                    }
                }
                Address::Udp(host, version) => Connection::Udp(udp(host, *version).await?),
                #[cfg(unix)]
                Address::Unix(path) => {
                    Connection::Stream(Box::new(tokio::net::UnixStream::connect(path).await?), dial.stuck)
                }
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
        let late = |_| Err(Error::msg(format!("no answer in {:?}", dial.time)));
        tokio::time::timeout(dial.time, open).await.unwrap_or_else(late)
    }

    /// True if the peer has closed a stream. Whatever it says otherwise is read and forgotten.
    pub(crate) fn is_closed(&mut self) -> bool {
        let Connection::Stream(stream, _) = self else { return false };
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
    pub(crate) async fn send(&mut self, packed: &Packed) -> Sent {
        match self {
            Connection::Stream(stream, stuck) => send_stream(stream, *stuck, packed).await,
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

async fn send_stream(stream: &mut Box<dyn Duplex>, stuck: Duration, packed: &Packed) -> Sent {
    let mut written = 0;
    let result = async {
        while written < packed.bytes.len() {
            let wait = tokio::time::timeout(stuck, stream.write(&packed.bytes[written..])).await;
            match wait.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => written += n,
            }
        }
        tokio::time::timeout(stuck, stream.flush()).await?
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

async fn tcp(host: &str, version: Version, dial: Dial<'_>) -> Result<TcpStream> {
    let found = resolve(host, version).await?;
    let stream = match dial.local {
        None => TcpStream::connect(found.as_slice()).await?,
        Some(local) => connect_from(local, &found).await?,
    };
    // A batch is written in one piece; its last segment must not wait for an acknowledgement.
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    let silence = dial.keep_alive;
    match silence.is_zero() {
        true => socket.set_keepalive(false)?,
        false => socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(silence).with_interval(silence))?,
    }
    Ok(stream)
}

/// Connects to the first address that can be reached from `local`.
async fn connect_from(local: SocketAddr, found: &[SocketAddr]) -> Result<TcpStream> {
    let mut last = None;
    for to in found.iter().filter(|to| to.is_ipv4() == local.is_ipv4()) {
        let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(local).with_context(|| format!("local_address {local}"))?;
        match socket.connect(*to).await {
            Ok(stream) => return Ok(stream),
            Err(e) => last = Some(e),
        }
    }
    Err(last.map_or_else(|| anyhow!("no address that can be reached from {local}"), Error::from))
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
