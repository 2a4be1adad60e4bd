//! Systems without recvmmsg: one packet a call, and a look at the waker twice a second.

use super::Drops;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::time::Duration;

/// Wakes a receiver.
#[derive(Clone, Debug)]
pub struct Waker(Arc<AtomicBool>);

impl Waker {
    /// Ends a `receive` that waits, or the next that would.
    pub fn wake(&self) {
        self.0.store(true, Release);
    }
}

/// A socket with a time limit on waiting.
#[derive(Debug)]
pub(super) struct Socket {
    socket: std::net::UdpSocket,
    wake: Waker,
}

/// Nothing is prepared.
#[derive(Debug)]
pub(super) struct Headers;

/// Asks for a receive buffer.
pub(super) fn set_receive_buffer(socket: &socket2::Socket, bytes: usize) {
    // A smaller buffer is no reason not to listen.
    let _smaller = socket.set_recv_buffer_size(bytes);
}

impl Socket {
    pub(super) fn new(socket: socket2::Socket) -> io::Result<Self> {
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        Ok(Socket { socket: socket.into(), wake: Waker(Arc::default()) })
    }

    /// The socket itself.
    pub(super) fn as_ref(&self) -> &std::net::UdpSocket {
        &self.socket
    }

    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    pub(super) fn headers(&self, _slots: usize, _senders: bool) -> Headers {
        Headers
    }

    pub(super) fn waker(&self) -> Waker {
        self.wake.clone()
    }

    pub(super) fn receive(
        &self,
        _headers: &mut Headers,
        buffers: &mut [u8],
        _stride: usize,
        room: usize,
        received: &mut Vec<(usize, Option<IpAddr>)>,
    ) -> io::Result<()> {
        loop {
            match self.socket.recv_from(&mut buffers[..room]) {
                Ok((len, from)) => {
                    received.push((len, Some(from.ip().to_canonical())));
                    return Ok(());
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionReset) => {}
                Err(e) => return Err(e),
            }
            if self.wake.0.swap(false, AcqRel) {
                return Ok(());
            }
        }
    }

    pub(super) fn drops(&self) -> Option<Drops> {
        None
    }
}

/// Nothing is known of a socket here.
pub(super) fn inode(_: &socket2::Socket) -> Option<String> {
    None
}
