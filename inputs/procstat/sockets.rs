//! The sockets of a process: the tables of `/proc/<pid>/net`, of which only the lines whose inode the process has open.
//!
//! The tables say nothing of bytes sent and received; the kernel gives these through netlink alone.

use super::find::Finder;
use crate::host::scan;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocols in the order in which they are read.
pub(super) const PROTOCOLS: [&str; 5] = ["tcp4", "tcp6", "udp4", "udp6", "unix"];

/// States of the kernel, from 1 on.
const STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_recv",
];

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Socket {
    Inet {
        state: &'static str,
        local: (IpAddr, u16),
        remote: (IpAddr, u16),
        /// What waits, where the system says so.
        queues: Option<Queues>,
        inode: u64,
    },
    Unix {
        state: &'static str,
        /// Empty for a socket without a name.
        path: String,
        inode: u64,
    },
}

/// Bytes that wait to be read and to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queues {
    pub(super) receive: u64,
    pub(super) send: u64,
}

impl Socket {
    fn inode(&self) -> u64 {
        match self {
            Socket::Inet { inode, .. } | Socket::Unix { inode, .. } => *inode,
        }
    }
}

/// The sockets of a process of one protocol.
pub(super) fn of(pid: u32, protocol: &str, open: &HashSet<u64>, finder: &mut Finder) -> Vec<Socket> {
    let table = match protocol {
        "tcp4" => "net/tcp",
        "udp4" => "net/udp",
        "tcp6" => "net/tcp6",
        "udp6" => "net/udp6",
        _ => "net/unix",
    };
    let path = finder.path(pid, table);
    let mut sockets = Vec::new();
    // The first line, the head, is no socket either.
    let read = finder.reader.lines(&path, |line| {
        let socket = if protocol == "unix" { unix(line) } else { inet(line) };
        sockets.extend(socket.filter(|s| open.contains(&s.inode())));
    });
    // A process that has ended has no sockets.
    if read.is_err() {
        sockets.clear();
    }
    sockets
}

/// Inodes of the sockets that a process has open.
pub(super) fn open(pid: u32, finder: &Finder) -> HashSet<u64> {
    let Ok(entries) = std::fs::read_dir(finder.path(pid, "fd")) else { return HashSet::new() };
    let links = entries.flatten().filter_map(|e| std::fs::read_link(e.path()).ok());
    links.filter_map(|l| l.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

fn inet(line: &[u8]) -> Option<Socket> {
    let mut words = scan::words(line).skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = usize::try_from(scan::hex(words.next()?)?).ok()?.checked_sub(1)?;
    let (send, receive) = scan::split_once(words.next()?, b':')?;
    Some(Socket::Inet {
        state: STATES.get(state).copied().unwrap_or("unknown"),
        local,
        remote,
        queues: Some(Queues { receive: scan::hex(receive)?, send: scan::hex(send)? }),
        inode: scan::uint(words.nth(4)?)?,
    })
}

fn unix(line: &[u8]) -> Option<Socket> {
    let mut words = scan::words(line).skip(5);
    // See `socket_state` in the kernel's include/uapi/linux/net.h.
    let state = match scan::hex(words.next()?)? {
        1 => "unconnected",
        2 => "connecting",
        3 => "established",
        4 => "disconnecting",
        _ => "unknown",
    };
    let inode = scan::uint(words.next()?)?;
    Some(Socket::Unix { state, path: scan::text(words.next().unwrap_or_default()).into_owned(), inode })
}

/// Address and port: words of 32 bits as they lie in memory, the port in natural order.
fn address(text: &[u8]) -> Option<(IpAddr, u16)> {
    let (address, port) = scan::split_once(text, b':')?;
    let port = u16::try_from(scan::hex(port)?).ok()?;
    let word = |at: usize| Some((scan::hex(address.get(at..at + 8)?)? as u32).to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (part, at) in bytes.chunks_mut(4).zip([0, 8, 16, 24]) {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const INET: &[u8] =
        b"  0: 0100007F:1F90 00000000:0000 0A 00000001:00000002 00:00000000 00000000 0 0 12345 1 0 100 0 0 10 0";
    const UNIX: &[u8] = b"ffff: 00000002 00000000 00010000 0001 01 77 /run/a";

    #[cfg(target_endian = "little")]
    #[test]
    fn reads_sockets() {
        let any = (IpAddr::from([0, 0, 0, 0]), 0);
        let local = (IpAddr::from([127, 0, 0, 1]), 8080);
        let queues = Some(Queues { receive: 2, send: 1 });
        let want = Socket::Inet { state: "listen", local, remote: any, queues, inode: 12345 };
        assert_eq!(inet(INET), Some(want));
        assert_eq!(unix(UNIX), Some(Socket::Unix { state: "unconnected", path: "/run/a".to_owned(), inode: 77 }));
        assert_eq!(address(b"0000000000000000FFFF00000100007F:0016"), Some((local.0, 22)));
        assert_eq!(inet(b"sl local_address rem_address st"), None);
    }

    #[test]
    fn takes_anything() {
        for sample in [INET, UNIX] {
            noise(sample, |text| {
                inet(text);
                unix(text);
            });
        }
    }
}
