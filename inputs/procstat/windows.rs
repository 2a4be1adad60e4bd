//! Processes and sockets as Windows tells them, in the form of the files of Linux where both say the same.
//!
//! It has no state of a process as a whole, no time spent waiting for disks, no limits and no sums of mapped memory.

use super::process::Stat;
use super::report::Prefixed;
use super::sockets::Socket;
use crate::host::os;
use agent_windows::{Connection, Process};
use std::net::{IpAddr, SocketAddr};

/// The state of a process that the system does not tell.
pub(super) const UNKNOWN: u8 = 0;
/// From 1601 to 1970 in steps of 100 ns.
const EPOCH: u64 = 116_444_736_000_000_000;

/// States of connections from 1 on, by the names that Telegraf has for them there.
const STATES: [&str; 12] = [
    "closed",
    "listen",
    "syn_sent",
    "syn_received",
    "established",
    "fin_wait_1",
    "fin_wait_2",
    "close_wait",
    "closing",
    "last_ack",
    "time_wait",
    "delete",
];

/// A process. Its times are in steps of 100 ns, its start is since 1970.
pub(super) fn stat(process: &Process) -> Stat {
    Stat {
        name: process.name.clone(),
        state: UNKNOWN,
        parent: process.parent.into(),
        user: process.user,
        system: process.system,
        start: process.created.saturating_sub(EPOCH),
        size: process.promised,
        pages: process.resident / os::page_size(),
        ..Stat::default()
    }
}

/// Adds the fields that come out of other files elsewhere.
pub(super) fn report(process: &Process, fields: &mut Prefixed<'_, '_>) {
    fields.add("num_threads", i64::from(process.threads));
    fields.add("num_fds", i64::from(process.handles));
    fields.add("read_count", process.reads);
    fields.add("write_count", process.writes);
    fields.add("read_bytes", process.read_bytes);
    fields.add("write_bytes", process.write_bytes);
}

/// The sockets of a process of one protocol.
pub(super) fn sockets(pid: u32, protocol: &str, all: &[Connection]) -> Vec<Socket> {
    let of_protocol = |one: &&Connection| {
        let tcp = if one.state.is_some() { "tcp" } else { "udp" };
        one.pid == pid && protocol.strip_prefix(tcp) == Some(if one.local.is_ipv4() { "4" } else { "6" })
    };
    all.iter().filter(of_protocol).map(socket).collect()
}

fn socket(one: &Connection) -> Socket {
    let state = one.state.and_then(|number| STATES.get((number as usize).checked_sub(1)?));
    let parts = |at: SocketAddr| (at.ip(), at.port());
    let nowhere = if one.local.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0u16; 8]) };
    Socket::Inet {
        state: state.copied().unwrap_or_default(),
        local: parts(one.local),
        remote: one.remote.map_or((nowhere, 0), parts),
        queues: None,
        inode: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_begins_since_1970() {
        let process = Process { created: EPOCH + 70, user: 5, promised: 9000, resident: 8192, ..Process::default() };
        let stat = stat(&process);
        assert_eq!((stat.start, stat.user, stat.size, stat.pages * os::page_size()), (70, 5, 9000, 8192));
    }

    #[test]
    fn sockets_have_a_process_and_a_protocol() {
        let of = |state, local: &str, pid| Connection { state, local: local.parse().unwrap(), remote: None, pid };
        let all = [
            of(Some(2), "127.0.0.1:80", 7),
            of(Some(5), "[::1]:81", 7),
            of(None, "0.0.0.0:53", 7),
            of(None, "[::]:53", 8),
        ];
        let count = |pid, protocol| sockets(pid, protocol, &all).len();
        assert_eq!(["tcp4", "tcp6", "udp4", "udp6", "unix"].map(|p| count(7, p)), [1, 1, 1, 0, 0]);
        assert_eq!(count(8, "udp6"), 1);
        let Socket::Inet { state, local, remote, queues, .. } = &sockets(7, "tcp4", &all)[0] else {
            panic!("it has an address")
        };
        assert_eq!((*state, local.1, remote.1, queues), ("listen", 80, 0, &None));
    }
}
