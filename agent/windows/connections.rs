//! The sockets of TCP and UDP, and whose they are.
//!
//! The system gives four tables, each a count and rows of numbers of 32 bits; they are read here as such, so that every system can
//! test it.

#![cfg_attr(windows, allow(unsafe_code))]

use std::io;
use std::net::SocketAddr;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// State of a connection of TCP, from 1 (closed) to 12 (about to be forgotten) as `MIB_TCP_STATE` numbers them; none with UDP.
    pub state: Option<u32>,
    /// Its own address.
    pub local: SocketAddr,
    /// That of its peer; none with UDP.
    pub remote: Option<SocketAddr>,
    /// The process that has it.
    pub pid: u32,
}

pub use system::connections;

#[cfg(any(windows, test))]
mod rows {
    use super::Connection;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    /// Reads a table of rows of so many columns.
    pub(super) fn read<const COLUMNS: usize>(
        table: &[u32],
        row: fn(&[u32; COLUMNS]) -> Connection,
    ) -> impl Iterator<Item = Connection> {
        let (count, rows) = table.split_first().map_or((0, table), |(count, rows)| (*count as usize, rows));
        rows.as_chunks().0.iter().take(count).map(row)
    }

    /// State, own address and port, those of the peer, process.
    pub(super) fn tcp4(&[state, at, port, peer, peer_port, pid]: &[u32; 6]) -> Connection {
        Connection { state: Some(state), local: v4(at, port), remote: Some(v4(peer, peer_port)), pid }
    }

    /// Address of four numbers, scope and port, twice; state, process.
    pub(super) fn tcp6(row: &[u32; 14]) -> Connection {
        let &[a, b, c, d, _, port, e, f, g, h, _, peer_port, state, pid] = row;
        let (local, remote) = (v6([a, b, c, d], port), v6([e, f, g, h], peer_port));
        Connection { state: Some(state), local, remote: Some(remote), pid }
    }

    /// Address, port, process.
    pub(super) fn udp4(&[at, port, pid]: &[u32; 3]) -> Connection {
        Connection { state: None, local: v4(at, port), remote: None, pid }
    }

    /// Address of four numbers, scope, port, process.
    pub(super) fn udp6(&[a, b, c, d, _, port, pid]: &[u32; 7]) -> Connection {
        Connection { state: None, local: v6([a, b, c, d], port), remote: None, pid }
    }

    /// Addresses and ports lie in memory as they go over the network.
    fn v4(address: u32, port: u32) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address.to_ne_bytes())), self::port(port))
    }

    fn v6(address: [u32; 4], port: u32) -> SocketAddr {
        let mut bytes = [0; 16];
        for (at, word) in bytes.chunks_exact_mut(4).zip(address) {
            at.copy_from_slice(&word.to_ne_bytes());
        }
        SocketAddr::new(IpAddr::V6(Ipv6Addr::from(bytes)), self::port(port))
    }

    fn port(number: u32) -> u16 {
        let [high, low, ..] = number.to_ne_bytes();
        u16::from_be_bytes([high, low])
    }
}

#[cfg(windows)]
mod system {
    use super::{rows::*, *};
    use crate::kernel::LIMIT;
    use std::ffi::c_void;
    use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
    use windows_sys::Win32::NetworkManagement::IpHelper::{
        GetExtendedTcpTable, GetExtendedUdpTable, TCP_TABLE_OWNER_PID_ALL, UDP_TABLE_OWNER_PID,
    };
    use windows_sys::Win32::Networking::WinSock::{ADDRESS_FAMILY, AF_INET, AF_INET6};

    /// All sockets.
    pub fn connections() -> io::Result<Vec<Connection>> {
        let mut all = Vec::new();
        all.extend(read(&tcp(AF_INET)?, tcp4));
        all.extend(read(&tcp(AF_INET6)?, tcp6));
        all.extend(read(&udp(AF_INET)?, udp4));
        all.extend(read(&udp(AF_INET6)?, udp6));
        Ok(all)
    }

    fn tcp(family: ADDRESS_FAMILY) -> io::Result<Vec<u32>> {
        // SAFETY: `table` has the bytes that `ask` says.
        ask(|table, len| unsafe { GetExtendedTcpTable(table, len, 0, family.into(), TCP_TABLE_OWNER_PID_ALL, 0) })
    }

    fn udp(family: ADDRESS_FAMILY) -> io::Result<Vec<u32>> {
        // SAFETY: `table` has the bytes that `ask` says.
        ask(|table, len| unsafe { GetExtendedUdpTable(table, len, 0, family.into(), UDP_TABLE_OWNER_PID, 0) })
    }

    /// Asks for a table, with more room until it suffices. The call may write as many bytes as the number says that it is given.
    fn ask(call: impl Fn(*mut c_void, *mut u32) -> u32) -> io::Result<Vec<u32>> {
        let mut room = vec![0u32; 4096];
        loop {
            let size = room.len() * 4;
            let mut len = size as u32;
            match call(room.as_mut_ptr().cast(), &mut len) {
                NO_ERROR => return Ok(room),
                ERROR_INSUFFICIENT_BUFFER if size < LIMIT => room.resize(room.len() * 4, 0),
                code => return Err(io::Error::from_raw_os_error(code as i32)),
            }
        }
    }
}

#[cfg(not(windows))]
mod system {
    use super::*;

    /// All sockets.
    pub fn connections() -> io::Result<Vec<Connection>> {
        crate::unsupported()
    }
}

#[cfg(test)]
mod tests {
    use super::rows::*;
    use super::*;

    fn shown(one: Connection) -> String {
        let remote = one.remote.map_or_else(|| "-".to_owned(), |at| at.to_string());
        format!("{} {remote} {:?} {}", one.local, one.state, one.pid)
    }

    #[test]
    fn rows_are_read_as_they_lie_in_memory() {
        let ip = u32::from_ne_bytes([127, 0, 0, 1]);
        let port = |n: u16| u32::from(u16::from_ne_bytes(n.to_be_bytes()));
        let one = u32::from_ne_bytes([0, 0, 0, 1]);
        let all: Vec<String> = read(&[2, 2, ip, port(80), 0, 0, 7, 5, ip, port(80), ip, port(5000), 8, 9, 9], tcp4)
            .chain(read(&[1, 0, 0, 0, one, 0, port(80), 0, 0, 0, one, 0, port(81), 5, 7], tcp6))
            .chain(read(&[1, ip, port(53), 4], udp4))
            .chain(read(&[1, 0, 0, 0, one, 0, port(53), 4], udp6))
            .map(shown)
            .collect();
        assert_eq!(
            all,
            [
                "127.0.0.1:80 0.0.0.0:0 Some(2) 7",
                "127.0.0.1:80 127.0.0.1:5000 Some(5) 8",
                "[::1]:80 [::1]:81 Some(5) 7",
                "127.0.0.1:53 - None 4",
                "[::1]:53 - None 4",
            ]
        );
    }

    #[test]
    fn a_table_that_says_more_than_it_has_is_read_to_its_end() {
        assert_eq!(read(&[u32::MAX, 1, 2, 3, 4], udp4).count(), 1);
        assert_eq!(read(&[], udp4).count(), 0);
    }
}
