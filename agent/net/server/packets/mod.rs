//! Receiving datagrams many at a time, for a thread of its own.
//!
//! A system call a packet costs more than the kernel's work for it, so packets are taken up to 256 a call (recvmmsg on Linux),
//! and while many come the thread pauses between calls for as long as the socket's buffer can surely hold what comes meanwhile.

use super::address::{Address, Family, SocketFile, resolve};
use super::handover;
use agent_api::{Context, Error, Result, anyhow, bail};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as system;

pub use system::Waker;

/// One datagram.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What it holds.
    pub bytes: &'a [u8],
    /// Who sent it; nobody known for sockets in the file system.
    pub from: Option<IpAddr>,
}

/// A bound datagram socket.
#[derive(Debug)]
pub struct Packets {
    socket: system::Socket,
    room: usize,
    pause: Duration,
    /// Who sent a packet is told.
    senders: bool,
    _file: Option<Arc<SocketFile>>,
}

/// A datagram socket in the thread that receives, with room for what one call takes.
#[derive(Debug)]
pub struct Receiver {
    packets: Packets,
    headers: system::Headers,
    buffers: Vec<u8>,
    /// Bytes from one packet's room to the next.
    stride: usize,
    received: Vec<(usize, Option<IpAddr>)>,
}

/// The most that UDP carries, and what is taken of a datagram in the file system.
const UDP_ROOM: usize = 65_536;
const UNIX_ROOM: usize = 262_144;
/// Rooms lie so much more apart, lest packets lie at a distance of 64 KiB and push each other out of the cache.
const STAGGER: usize = 192;
/// Room for all packets together.
const ROOM: usize = 16 << 20;
/// The receive buffer that is asked for where the user says nothing.
const RECEIVE_BUFFER: usize = 8 << 20;
/// What a small packet costs in the receive buffer: skb with its overhead on 64-bit Linux.
const PACKET_COST: usize = 768;
/// With so many packets in a call it pays to pause before the next.
const MANY: usize = 8;

impl Packets {
    /// Binds. `mode` are the permissions of a socket in the file system; `receive_buffer` is asked of the kernel in bytes.
    pub async fn bind(address: &Address, mode: Option<u32>, receive_buffer: Option<usize>) -> Result<Self> {
        match address {
            Address::Udp(host, family) => {
                let mut last = None;
                for at in resolve(host, *family).await? {
                    match bind_udp(address, at, *family) {
                        Ok(socket) => return Packets::new(socket, UDP_ROOM, receive_buffer, None),
                        Err(e) => last = Some(Error::from(e).context(format!("listen on udp {at}"))),
                    }
                }
                Err(last.unwrap_or_else(|| anyhow!("listen on udp {host}: no address")))
            }
            Address::Unixgram(path) => {
                let bind = || -> Result<(Socket, Arc<SocketFile>)> {
                    if let Some(handover::Bound { socket, file: Some(file), .. }) = handover::take(address, None, false)
                    {
                        file.set_mode(mode)?;
                        return Ok((socket, file));
                    }
                    SocketFile::clear(path)?;
                    Ok((bind_unix(path)?, Arc::new(SocketFile::bound(path, mode)?)))
                };
                let (socket, file) = bind().with_context(|| format!("listen on unix socket {}", path.display()))?;
                // Datagrams know no connections that would have to be ended.
                let _handed = handover::note(address, &socket, false, Some(file.clone()));
                Packets::new(socket, UNIX_ROOM, receive_buffer, Some(file))
            }
            other => bail!("{other:?} takes no datagrams"),
        }
    }

    fn new(socket: Socket, room: usize, receive_buffer: Option<usize>, file: Option<Arc<SocketFile>>) -> Result<Self> {
        system::set_receive_buffer(&socket, receive_buffer.unwrap_or(RECEIVE_BUFFER));
        // Half of what the buffer surely holds, at a million packets a second.
        let holds = socket.recv_buffer_size().unwrap_or(0) / PACKET_COST / 2;
        let pause = Duration::from_micros((holds as u64).clamp(100, 1000));
        let socket = system::Socket::new(socket).context("prepare datagram socket")?;
        Ok(Packets { socket, room, pause, senders: true, _file: file })
    }

    /// Leaves out who sent each packet, which saves the kernel some work.
    pub fn without_senders(self) -> Self {
        Packets { senders: false, ..self }
    }

    /// The address that it is bound to.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    /// Joins the group, if the socket is bound to an address of one: packets of anybody, or of `source` alone (RFC 4607).
    pub fn join(&self, source: Option<Ipv4Addr>) -> Result<()> {
        let socket = socket2::SockRef::from(self.socket.as_ref());
        match (self.local().map(|at| at.ip()), source) {
            (Some(IpAddr::V4(group)), Some(source)) if group.is_multicast() => socket
                .join_ssm_v4(&source, &group, &Ipv4Addr::UNSPECIFIED)
                .with_context(|| format!("join the group {group} of {source}")),
            (Some(IpAddr::V4(group)), None) if group.is_multicast() => socket
                .join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
                .with_context(|| format!("join the group {group}")),
            (Some(IpAddr::V6(group)), None) if group.is_multicast() => {
                socket.join_multicast_v6(&group, 0).with_context(|| format!("join the group {group}"))
            }
            (_, None) => Ok(()),
            (at, Some(source)) => bail!("join the group of {source}: {at:?} is no IPv4 address of a group"),
        }
    }

    /// Ends a waiting `receive` from another thread.
    pub fn waker(&self) -> Waker {
        self.socket.waker()
    }

    /// Asks how many packets the kernel dropped because the buffer was full; None where it does not say.
    pub fn drops(&self) -> Option<Drops> {
        self.socket.drops()
    }

    /// Makes room to receive, in the thread that will.
    pub fn receiver(self) -> Receiver {
        let (stride, slots) = (self.room + STAGGER, ROOM / self.room);
        Receiver {
            headers: self.socket.headers(slots, self.senders),
            buffers: vec![0; slots * stride],
            stride,
            received: Vec::with_capacity(slots),
            packets: self,
        }
    }
}

impl Receiver {
    /// Waits for packets and takes those that are there; 0 if it was woken.
    pub fn receive(&mut self) -> io::Result<usize> {
        if (MANY..self.received.capacity()).contains(&self.received.len()) {
            std::thread::sleep(self.packets.pause);
        }
        self.received.clear();
        let Receiver { packets, headers, buffers, stride, received } = self;
        packets.socket.receive(headers, buffers, *stride, packets.room, received)?;
        Ok(received.len())
    }

    /// The packets of the last `receive`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Packet<'_>> {
        let room = self.packets.room;
        self.received
            .iter()
            .zip(self.buffers.chunks(self.stride))
            .map(move |(&(len, from), buffer)| Packet { bytes: &buffer[..len.min(room)], from })
    }
}

/// Reads the kernel's count of packets dropped at a socket; may be asked from another thread.
#[derive(Clone, Debug)]
pub struct Drops {
    inode: String,
}

impl Drops {
    /// Those of a socket; None where the system does not say.
    pub(super) fn of(socket: &Socket) -> Option<Self> {
        system::inode(socket).map(|inode| Drops { inode })
    }

    /// Dropped since the socket was made; None if it is gone.
    pub fn read(&self) -> Option<i64> {
        // proc(5), /proc/net/udp: the tenth column is the inode, the last one counts drops.
        ["/proc/net/udp", "/proc/net/udp6"].iter().find_map(|file| {
            let table = std::fs::read_to_string(file).ok()?;
            table.lines().find_map(|line| {
                let mut words = line.split_ascii_whitespace();
                (words.nth(9)? == self.inode).then(|| words.last()?.parse().ok())?
            })
        })
    }
}

fn bind_udp(asked: &Address, at: SocketAddr, family: Family) -> io::Result<Socket> {
    let only_v6 = at.is_ipv6() && family == Family::V6;
    if let Some(bound) = handover::take(asked, Some(at), only_v6) {
        let _handed = handover::note(asked, &bound.socket, only_v6, None);
        return Ok(bound.socket);
    }
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.bind(&at.into())?;
    let _handed = handover::note(asked, &socket, only_v6, None);
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn bind_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
fn bind_unix(_: &Path) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}
