//! Linux: recvmmsg, poll and an eventfd to be woken by.

use super::Drops;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg, setsockopt, sockopt::RcvBufForce,
};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

/// Wakes a receiver.
#[derive(Clone, Debug)]
pub struct Waker(Arc<EventFd>);

impl Waker {
    /// Ends a `receive` that waits, or the next that would.
    pub fn wake(&self) {
        // It fails only where the counter is full, and then it is woken already.
        let _full = self.0.write(1);
    }
}

/// A socket and who wakes its receiver.
#[derive(Debug)]
pub(super) struct Socket {
    socket: socket2::Socket,
    wake: Waker,
}

/// The headers that recvmmsg fills, which stay in one thread: of the size of the socket's addresses, as the kernel leaves their lengths as it found them.
#[derive(Debug)]
pub(super) enum Headers {
    V4(MultiHeaders<SockaddrIn>),
    V6(MultiHeaders<SockaddrIn6>),
    /// Without an address: sockets in the file system, or nobody asks.
    Bare(MultiHeaders<()>),
}

/// Asks for a receive buffer: beyond the system's limit where the agent may (CAP_NET_ADMIN), else up to it.
pub(super) fn set_receive_buffer(socket: &socket2::Socket, bytes: usize) {
    if setsockopt(socket, RcvBufForce, &bytes).is_err() {
        // The kernel cuts it to net.core.rmem_max without an error; a smaller buffer is no reason not to listen.
        let _smaller = socket.set_recv_buffer_size(bytes);
    }
}

impl Socket {
    pub(super) fn new(socket: socket2::Socket) -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Socket { socket, wake: Waker(Arc::new(wake)) })
    }

    pub(super) fn headers(&self, slots: usize, senders: bool) -> Headers {
        match self.local().filter(|_| senders) {
            Some(at) if at.is_ipv4() => Headers::V4(MultiHeaders::preallocate(slots, None)),
            Some(_) => Headers::V6(MultiHeaders::preallocate(slots, None)),
            None => Headers::Bare(MultiHeaders::preallocate(slots, None)),
        }
    }

    /// The socket itself.
    pub(super) fn as_ref(&self) -> &socket2::Socket {
        &self.socket
    }

    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    pub(super) fn waker(&self) -> Waker {
        self.wake.clone()
    }

    pub(super) fn receive(
        &self,
        headers: &mut Headers,
        buffers: &mut [u8],
        stride: usize,
        room: usize,
        received: &mut Vec<(usize, Option<IpAddr>)>,
    ) -> io::Result<()> {
        loop {
            let fd = self.socket.as_raw_fd();
            let took = match headers {
                Headers::V4(h) => take(fd, h, buffers, stride, room, received, |a| Some(IpAddr::V4(a.ip()))),
                Headers::V6(h) => take(fd, h, buffers, stride, room, received, |a| Some(a.ip().to_canonical())),
                Headers::Bare(h) => take(fd, h, buffers, stride, room, received, |()| None),
            };
            match took {
                Ok(()) if !received.is_empty() => return Ok(()),
                // ECONNREFUSED and the like are answers to packets that somebody sent from here: not ours to end on.
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => {}
                Err(e) => return Err(e.into()),
            }
            let mut fds = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.wake.0.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
            if fds[1].any() == Some(true) {
                let _count = self.wake.0.read();
                return Ok(());
            }
        }
    }

    pub(super) fn drops(&self) -> Option<Drops> {
        Drops::of(&self.socket)
    }
}

/// What the kernel calls a socket.
pub(super) fn inode(socket: &socket2::Socket) -> Option<String> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
    Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

fn take<S: SockaddrLike + Copy>(
    fd: i32,
    headers: &mut MultiHeaders<S>,
    buffers: &mut [u8],
    stride: usize,
    room: usize,
    received: &mut Vec<(usize, Option<IpAddr>)>,
    from: impl Fn(S) -> Option<IpAddr>,
) -> nix::Result<()> {
    let mut rooms: Vec<[IoSliceMut<'_>; 1]> =
        buffers.chunks_exact_mut(stride).map(|c| [IoSliceMut::new(&mut c[..room])]).collect();
    let messages = recvmmsg(fd, headers, rooms.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
    received.extend(messages.map(|m| (m.bytes, m.address.and_then(&from))));
    Ok(())
}
