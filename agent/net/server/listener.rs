//! Stream sockets that are listened on: TCP or the file system, with TLS on top where it is asked for.

use super::TlsConfig;
use super::address::{Address, Family, SocketFile, resolve};
use super::handover;
use super::relay::{Moving, Relay};
#[cfg(unix)]
use agent_api::Context;
use agent_api::{Error, Result, anyhow, bail};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A bound stream socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    _file: Option<Arc<SocketFile>>,
    /// To who takes over the socket.
    relay: Arc<Relay>,
    /// From whom it was taken over.
    before: Option<Arc<Relay>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// Connections that the kernel holds ready until they are accepted.
const BACKLOG: i32 = 1024;

impl Listener {
    /// Binds. `mode` are the permissions of a socket in the file system.
    pub async fn bind(address: &Address, mode: Option<u32>) -> Result<Self> {
        match address {
            Address::Tcp(host, family) => {
                let mut last = None;
                for at in resolve(host, *family).await? {
                    match bind_tcp(address, at, *family) {
                        Ok((socket, relay, before)) => {
                            return Ok(Listener { socket: Socket::Tcp(socket), _file: None, relay, before });
                        }
                        Err(e) => last = Some(Error::from(e).context(format!("listen on tcp {at}"))),
                    }
                }
                Err(last.unwrap_or_else(|| anyhow!("listen on tcp {host}: no address")))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let bind = || -> Result<(socket2::Socket, Arc<SocketFile>, Option<Arc<Relay>>)> {
                    if let Some(handover::Bound { socket, file: Some(file), relay, .. }) =
                        handover::take(address, None, false)
                    {
                        file.set_mode(mode)?;
                        return Ok((socket, file, Some(relay)));
                    }
                    SocketFile::clear(path)?;
                    let socket = std::os::unix::net::UnixListener::bind(path)?;
                    socket.set_nonblocking(true)?;
                    Ok((socket.into(), Arc::new(SocketFile::bound(path, mode)?), None))
                };
                let (socket, file, before) =
                    bind().with_context(|| format!("listen on unix socket {}", path.display()))?;
                let relay = handover::note(address, &socket, false, Some(file.clone()));
                let socket = Socket::Unix(tokio::net::UnixListener::from_std(socket.into())?);
                Ok(Listener { socket, _file: Some(file), relay, before })
            }
            other => {
                let _unused = mode;
                bail!("{other:?} takes no connections")
            }
        }
    }

    /// True if another goes on with this socket, so that nobody is turned away when this one stops.
    pub fn is_handed_over(&self) -> bool {
        self.relay.is_handed_over()
    }

    /// What tells that nobody goes on with this socket any more, after it was handed over.
    pub(super) fn relay(&self) -> Arc<Relay> {
        self.relay.clone()
    }

    /// Hands a connection on to who goes on with this socket; gives it back if there is nobody.
    pub fn hand_on(&self, connection: Moving) -> Result<(), Box<Moving>> {
        self.relay.give(connection)
    }

    /// The next connection that whoever had this socket before hands on; waits for ever where there is none.
    pub async fn handed_on(&self) -> Moving {
        match &self.before {
            Some(before) => before.next().await,
            None => std::future::pending().await,
        }
    }

    /// The TCP address that it is bound to.
    pub fn local(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// The next connection. An error concerns that connection or the lack of file descriptors, not the listener.
    pub async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, from) = socket.accept().await?;
                // An answer is one segment and must not wait for an acknowledgement.
                stream.set_nodelay(true)?;
                Ok((Stream::new(Plain::Tcp(stream)), Peer(Some(from))))
            }
            #[cfg(unix)]
            Socket::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                Ok((Stream::new(Plain::Unix(stream)), Peer(None)))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            before.leave(&self.relay);
        }
    }
}

/// A socket, the relay to who takes it over, and that from whom it was taken over.
type BoundTcp = (TcpListener, Arc<Relay>, Option<Arc<Relay>>);

fn bind_tcp(asked: &Address, at: SocketAddr, family: Family) -> io::Result<BoundTcp> {
    let only_v6 = at.is_ipv6() && family == Family::V6;
    if let Some(bound) = handover::take(asked, Some(at), only_v6) {
        let relay = handover::note(asked, &bound.socket, only_v6, None);
        return Ok((TcpListener::from_std(bound.socket.into())?, relay, Some(bound.relay)));
    }
    let socket = socket2::Socket::new(socket2::Domain::for_address(at), socket2::Type::STREAM, None)?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let relay = handover::note(asked, &socket, only_v6, None);
    Ok((TcpListener::from_std(socket.into())?, relay, None))
}

/// Who connected: nobody known for sockets in the file system.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub Option<SocketAddr>);

impl Peer {
    /// The address without the port; that of an IPv4 peer on an IPv6 socket as IPv4.
    pub fn ip(self) -> Option<IpAddr> {
        self.0.map(|a| a.ip().to_canonical())
    }
}

/// A connection. A write that makes no progress for longer than its time fails.
#[derive(Debug)]
pub struct Stream {
    layer: Layer,
    write_time: Option<Duration>,
    stuck: Option<Pin<Box<tokio::time::Sleep>>>,
}

#[derive(Debug)]
enum Layer {
    Plain(Plain),
    Tls(Box<tokio_rustls::server::TlsStream<Plain>>),
}

#[derive(Debug)]
enum Plain {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Stream {
    fn new(plain: Plain) -> Self {
        Stream { layer: Layer::Plain(plain), write_time: None, stuck: None }
    }

    /// How long a write may make no progress.
    pub fn set_write_time(&mut self, time: Option<Duration>) {
        self.write_time = time;
    }

    /// Lets the kernel probe a silent TCP connection after so long; zero leaves that to the system.
    pub fn set_keep_alive(&self, period: Duration) -> io::Result<()> {
        if let Layer::Plain(Plain::Tcp(stream)) = &self.layer
            && !period.is_zero()
        {
            let probe = socket2::TcpKeepalive::new().with_time(period).with_interval(period);
            socket2::SockRef::from(stream).set_tcp_keepalive(&probe)?;
        }
        Ok(())
    }

    /// Asks the kernel for a receive buffer of so many bytes.
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        match &self.layer {
            Layer::Plain(Plain::Tcp(stream)) => socket2::SockRef::from(stream).set_recv_buffer_size(bytes),
            #[cfg(unix)]
            Layer::Plain(Plain::Unix(stream)) => socket2::SockRef::from(stream).set_recv_buffer_size(bytes),
            Layer::Tls(_) => Ok(()),
        }
    }

    /// True if TLS is spoken on it.
    pub fn is_secure(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// Does the TLS handshake; call it within a time limit.
    pub async fn secure(self, config: TlsConfig) -> io::Result<Self> {
        let layer = match self.layer {
            Layer::Plain(plain) => Layer::Tls(Box::new(TlsAcceptor::from(config).accept(plain).await?)),
            tls => tls,
        };
        Ok(Stream { layer, ..self })
    }

    /// True if client and server agreed on HTTP/2 during the handshake.
    pub(super) fn speaks_h2(&self) -> bool {
        matches!(&self.layer, Layer::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2"))
    }

    fn layer(self: Pin<&mut Self>) -> Pin<&mut Layer> {
        Pin::new(&mut self.get_mut().layer)
    }

    /// Fails a write that has been waiting for too long; wakes the task when that time comes.
    fn watch<T>(&mut self, cx: &mut std::task::Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match (wrote, self.write_time) {
            (Poll::Pending, Some(time)) => {
                let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
                ready!(stuck.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side does not read")))
            }
            (done, _) => {
                self.stuck = None;
                done
            }
        }
    }
}

macro_rules! each_layer {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Layer::Plain(Plain::Tcp($stream)) => $call,
            #[cfg(unix)]
            Layer::Plain(Plain::Unix($stream)) => $call,
            Layer::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each_layer!(self.layer(), s => Pin::new(s).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = each_layer!(Pin::new(&mut *this).layer(), s => Pin::new(s).poll_write(cx, bytes));
        this.watch(cx, wrote)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = each_layer!(Pin::new(&mut *this).layer(), s => Pin::new(s).poll_write_vectored(cx, slices));
        this.watch(cx, wrote)
    }
    fn is_write_vectored(&self) -> bool {
        matches!(self.layer, Layer::Plain(_))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wrote = each_layer!(Pin::new(&mut *this).layer(), s => Pin::new(s).poll_flush(cx));
        this.watch(cx, wrote)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wrote = each_layer!(Pin::new(&mut *this).layer(), s => Pin::new(s).poll_shutdown(cx));
        this.watch(cx, wrote)
    }
}

macro_rules! each_plain {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Plain::Tcp($stream) => $call,
            #[cfg(unix)]
            Plain::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each_plain!(self, s => Pin::new(s).poll_read(cx, buf))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each_plain!(self, s => Pin::new(s).poll_write(cx, bytes))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self, s => Pin::new(s).poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self, s => Pin::new(s).poll_shutdown(cx))
    }
}
