//! Pinging by ICMP sockets of the agent's own: those that need no privilege where the system allows them, else raw ones.

use super::Settings;
use super::icmp::{self, TOKEN, Version};
use super::statistics::Answers;
use agent_api::{Context, Error, Result, anyhow};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

/// Why a host was not pinged.
#[derive(Debug)]
pub(super) enum Failure {
    /// It has no address.
    Unknown(Error),
    Other(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(e: E) -> Self {
        Failure::Other(e.into())
    }
}

/// As fast as the system's program lets ordinary users be.
const FASTEST: Duration = Duration::from_millis(200);
/// Time for the last answer where the user sets no deadline.
const LAST: Duration = Duration::from_secs(10);

/// Sends packets to a host and waits for their answers, or the deadline.
pub(super) async fn ping(url: &str, settings: &Settings) -> Result<Answers, Failure> {
    let to = resolve(url, settings).await.map_err(Failure::Unknown)?;
    let version = if to.is_ipv4() { Version::V4 } else { Version::V6 };
    // Tokio knows sockets of datagrams by this name, whatever their protocol.
    let socket = UdpSocket::from_std(open(version, &settings.interface)?.into()).context("watch the socket")?;
    let token: [u8; TOKEN] = token();
    let interval = (*settings.ping_interval).max(FASTEST);
    let mut end = (!settings.deadline.is_zero()).then(|| Instant::now() + *settings.deadline);
    let (mut answers, mut next, mut waiting) = (Answers::default(), Instant::now(), HashMap::new());
    while answers.times.len() < settings.count as usize {
        let sends = answers.sent < settings.count;
        tokio::select! {
            () = sleep_until(next), if sends => {
                let packet = icmp::request(version, token, answers.sent as u16, settings.size.0 as usize);
                waiting.insert(answers.sent as u16, Instant::now());
                socket.send_to(&packet, to).await.context("send a packet")?;
                answers.sent += 1;
                next += interval;
                if answers.sent == settings.count {
                    end.get_or_insert_with(|| Instant::now() + LAST);
                }
            }
            received = socket.async_io(Interest::READABLE, || receive(&socket, version, token)) => match received {
                // An answer that comes twice counts once.
                Ok(Some((sequence, ttl))) => {
                    if let Some(sent) = waiting.remove(&sequence) {
                        answers.times.push(sent.elapsed());
                        answers.ttl = answers.ttl.or(ttl);
                    }
                }
                Ok(None) => {}
                // What a router says of a packet comes as an error of the socket: that packet is lost.
                Err(e) if unreachable(&e) => {}
                Err(e) => return Err(Error::new(e).context("receive").into()),
            },
            () = sleep_until(end.unwrap_or(next)), if end.is_some() => break,
        }
    }
    Ok(answers)
}

/// The address of a host, of the version that is wanted.
async fn resolve(url: &str, settings: &Settings) -> Result<SocketAddr> {
    let (v4, v6) = (settings.ipv4, settings.ipv6);
    let fits = |at: &SocketAddr| v4 == v6 || at.is_ipv4() == v4;
    let mut found = tokio::net::lookup_host((url, 0)).await.with_context(|| format!("unknown host {url:?}"))?;
    found.find(fits).with_context(|| format!("unknown host {url:?}: no address of that version of IP"))
}

fn open(version: Version, interface: &str) -> Result<Socket> {
    let (domain, protocol) = match version {
        Version::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Version::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    let open = |kind| Socket::new(domain, kind, Some(protocol));
    let socket = open(Type::DGRAM).or_else(|_| open(Type::RAW)).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => anyhow!(
            "open an ICMP socket: {e}: let sysctl net.ipv4.ping_group_range hold a group of the agent, give the agent CAP_NET_RAW, or \
             use method = \"exec\""
        ),
        _ => Error::new(e).context("open an ICMP socket"),
    })?;
    socket.set_nonblocking(true).context("prepare an ICMP socket")?;
    match version {
        Version::V4 => setsockopt(&socket, sockopt::Ipv4RecvTtl, &true),
        Version::V6 => setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true),
    }
    .context("ask for the time to live")?;
    match interface.parse::<IpAddr>() {
        Ok(from) => socket.bind(&SocketAddr::new(from, 0).into()).with_context(|| format!("send from {from}"))?,
        Err(_) if interface.is_empty() => {}
        Err(_) => {
            socket
                .bind_device(Some(interface.as_bytes()))
                .with_context(|| format!("send from interface {interface:?}"))?;
        }
    }
    Ok(socket)
}

/// A packet: its sequence number and time to live, if it is an answer to us.
fn receive(socket: &UdpSocket, version: Version, token: [u8; TOKEN]) -> io::Result<Option<(u16, Option<u8>)>> {
    let mut memory = [0; 256];
    let mut room = nix::cmsg_space!(i32);
    let mut parts = [IoSliceMut::new(&mut memory)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::MSG_DONTWAIT)?;
    let told = message.cmsgs()?.find_map(|c| match c {
        ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => u8::try_from(ttl).ok(),
        _ => None,
    });
    let bytes = message.bytes;
    Ok(icmp::reply(version, token, &memory[..bytes.min(256)]).map(|(sequence, ttl)| (sequence, told.or(ttl))))
}

fn unreachable(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::ConnectionRefused
    )
}

/// Bytes that no other pinger of this machine uses at the time.
fn token() -> [u8; TOKEN] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::process::id()).to_be_bytes();
    let mut token = [0; TOKEN];
    token[..8].copy_from_slice(&half());
    token[8..].copy_from_slice(&half());
    token
}
