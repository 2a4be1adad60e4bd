//! The lines of `/proc/net/tcp`, `udp` and `unix`, see <https://docs.kernel.org/networking/proc_net_tcp.html>.

use crate::host::scan;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a socket counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    /// A connection that is not TCP: between local processes.
    None,
    /// A socket for datagrams.
    Datagram,
}

impl State {
    /// The fields of the states in their order.
    pub(super) const FIELDS: [&'static str; 13] = [
        "tcp_established",
        "tcp_syn_sent",
        "tcp_syn_recv",
        "tcp_fin_wait1",
        "tcp_fin_wait2",
        "tcp_time_wait",
        "tcp_close",
        "tcp_close_wait",
        "tcp_last_ack",
        "tcp_listen",
        "tcp_closing",
        "tcp_none",
        "udp_socket",
    ];

    /// The state of a number of the kernel; it has more, which nobody counts.
    fn of_tcp(number: u64) -> Option<State> {
        use State::*;
        let all =
            [Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait, Close, CloseWait, LastAck, Listen, Closing];
        all.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }
}

/// A socket: equal ones have equal hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) hash: u64,
    pub(super) state: State,
}

impl Socket {
    /// Reads a line of a table of the internet; nothing if it is no socket.
    pub(super) fn inet(line: &[u8], tcp: bool) -> Option<Socket> {
        let mut words = scan::words(line).skip(1);
        let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
        let number = scan::hex(words.next()?)?;
        if tcp {
            return Socket::tcp(number, local, remote);
        }
        let state = State::Datagram;
        Some(Socket { hash: hash(&(state as u8, local, remote)), state })
    }

    /// A socket of TCP by the kernel's number of its state, its own address and that of its peer; nothing if nobody counts the state.
    pub(super) fn tcp(number: u64, local: Address, remote: Address) -> Option<Socket> {
        let state = State::of_tcp(number)?;
        Some(Socket { hash: hash(&(state as u8, local, remote)), state })
    }

    /// Reads a line of the table of local sockets; nothing if it is no socket.
    pub(super) fn local(line: &[u8]) -> Option<Socket> {
        const DATAGRAM: u64 = 2;
        let mut words = scan::words(line).skip(4);
        let kind = scan::hex(words.next()?)?;
        let path = words.nth(2).unwrap_or_default();
        let state = if kind == DATAGRAM { State::Datagram } else { State::None };
        Some(Socket { hash: hash(&(kind, path)), state })
    }
}

/// An address and a port. Addresses are words of 32 bits as they lie in memory; an IPv4 address counts as the IPv6 address that
/// stands for it.
pub(super) type Address = ([u32; 4], u64);

/// Address and port of `0100007F:1F90`.
fn address(text: &[u8]) -> Option<Address> {
    let (address, port) = scan::split_once(text, b':')?;
    let word = |at: usize| Some(scan::hex(address.get(at..at + 8)?)? as u32);
    let words = match address.len() {
        8 => [0, 0, 0xffff_u32.to_be(), word(0)?],
        32 => [word(0)?, word(8)?, word(16)?, word(24)?],
        _ => return None,
    };
    Some((words, scan::hex(port)?))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINE: &[u8] = b"  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 1";

    #[test]
    fn states_have_their_fields() {
        assert_eq!(State::FIELDS[State::Listen as usize], "tcp_listen");
        assert_eq!(State::FIELDS[State::Datagram as usize], "udp_socket");
        assert_eq!(Socket::inet(LINE, true).unwrap().state, State::Listen);
        assert_eq!(Socket::inet(LINE, false).unwrap().state, State::Datagram);
        assert_eq!((State::of_tcp(0), State::of_tcp(12)), (None, None));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn both_spellings_of_an_address_are_one() {
        assert_eq!(address(b"0100007F:0016"), address(b"0000000000000000FFFF00000100007F:0016"));
        assert_ne!(address(b"00000000:0016"), address(b"00000000000000000000000000000000:0016"));
        assert_eq!(address(b"0100007:0016"), None);
    }

    #[test]
    fn takes_anything() {
        noise(LINE, |text| {
            Socket::inet(text, true);
            Socket::local(text);
        });
    }
}
