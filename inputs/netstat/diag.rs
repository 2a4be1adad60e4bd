//! The TCP sockets by sock_diag(7), as `ss` asks for them: both families in one walk through the kernel's hash, without any text. On a
//! machine where the tables of `/proc` take 3 ms this takes 0.3.
//!
//! The request is the older one of linux/inet_diag.h (`TCPDIAG_GETSOCK`), as the newer one asks for one family at a time.

use super::tables::Socket;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};
use std::io;
use std::time::Duration;

const TCPDIAG_GETSOCK: u16 = 18;
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_NOOP: u16 = 1;
const NLMSG_DONE: u16 = 3;
/// AF_INET6 of Linux.
const INTERNET_6: u8 = 10;
/// Length of the header of a message (struct nlmsghdr).
const HEADER: usize = 16;
/// Length of struct inet_diag_req.
const REQUEST: usize = 60;
/// Where the states that are wanted stand in it, a bit each.
const STATES: usize = 52;
/// All states that the tables of `/proc` have, TCP_ESTABLISHED (1) to TCP_NEW_SYN_RECV (12); with more the kernel walks through more.
const ALL: u32 = 0x1ffe;
/// The part of struct inet_diag_msg that is read: family, state, two bytes, ports and addresses of both ends.
const READ: usize = 40;
/// The kernel answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands on every TCP socket of this network namespace. After an error some may have been handed on.
pub(super) fn each(buffer: &mut Vec<u8>, mut handle: impl FnMut(Socket)) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    sendto(&socket, &request(), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    buffer.resize(64 << 10, 0);
    loop {
        // What is longer than the buffer is cut, and said to be longer.
        let (_, len) = recv(&socket, &mut buffer[..], RecvFlags::TRUNC)?;
        let answer = buffer.get(..len).filter(|a| !a.is_empty()).ok_or(io::ErrorKind::InvalidData)?;
        if messages(answer, &mut handle)? {
            return Ok(());
        }
    }
}

fn request() -> [u8; HEADER + REQUEST] {
    let mut request = [0; HEADER + REQUEST];
    request[..4].copy_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&TCPDIAG_GETSOCK.to_ne_bytes());
    request[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request[HEADER + STATES..][..4].copy_from_slice(&ALL.to_ne_bytes());
    request
}

/// Reads the messages of an answer; true if the last one is among them.
fn messages(mut answer: &[u8], handle: &mut impl FnMut(Socket)) -> io::Result<bool> {
    while let Some((header, _)) = answer.split_at_checked(HEADER) {
        let len = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let message = answer.get(HEADER..len).ok_or(io::ErrorKind::InvalidData)?;
        match u16::from_ne_bytes([header[4], header[5]]) {
            NLMSG_DONE => return Ok(true),
            TCPDIAG_GETSOCK => _ = message.get(..READ).and_then(socket).map(&mut *handle),
            NLMSG_NOOP => {}
            // NLMSG_ERROR: a kernel without this interface, or one that does not let us ask.
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        answer = answer.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// A socket of the beginning of struct inet_diag_msg; nothing if its state is none that counts.
fn socket(message: &[u8]) -> Option<Socket> {
    let (family, state) = (*message.first()?, *message.get(1)?);
    let port = |at: usize| Some(u64::from(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?)));
    let word = |at: usize| Some(u32::from_ne_bytes(message.get(at..at + 4)?.try_into().ok()?));
    let address = |at: usize| match family {
        INTERNET_6 => Some([word(at)?, word(at + 4)?, word(at + 8)?, word(at + 12)?]),
        _ => Some([0, 0, 0xffff_u32.to_be(), word(at)?]),
    };
    Socket::tcp(u64::from(state), (address(8)?, port(4)?), (address(24)?, port(6)?))
}

#[cfg(test)]
mod tests {
    use super::super::tables::State;
    use super::*;
    use crate::host::testing::noise;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_sockets_of_this_process_are_among_them() {
        // Not every host has IPv6.
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
        let (port, six) = (listener.local_addr().unwrap().port(), listener.local_addr().unwrap().is_ipv6());
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let server = listener.accept().unwrap().0;
        let mut found = Vec::new();
        let asked = each(&mut Vec::new(), |socket| found.push(socket));
        if let Err(e) = asked {
            // Some sandboxes have no netlink; then the tables are read.
            let missing =
                [rustix::io::Errno::AFNOSUPPORT, rustix::io::Errno::PROTONOSUPPORT].map(|e| Some(e.raw_os_error()));
            let kinds = [io::ErrorKind::Unsupported, io::ErrorKind::PermissionDenied];
            assert!(kinds.contains(&e.kind()) || missing.contains(&e.raw_os_error()), "{e}");
            return;
        }
        // The tables of /proc say the same of them, one family in the other's spelling.
        let table = if six { "tcp6" } else { "tcp" };
        for (file, own, other) in
            [("tcp", client.local_addr(), client.peer_addr()), (table, server.local_addr(), server.peer_addr())]
        {
            let (own, other) = (own.unwrap().port(), other.unwrap().port());
            let text = std::fs::read_to_string(format!("/proc/net/{file}")).unwrap();
            let ports = (format!(":{own:04X}"), format!(":{other:04X}"));
            let line = text.lines().find(|l| {
                let mut words = l.split_whitespace().skip(1);
                words.next().is_some_and(|w| w.ends_with(&ports.0))
                    && words.next().is_some_and(|w| w.ends_with(&ports.1))
            });
            let socket = Socket::inet(line.unwrap().as_bytes(), true).unwrap();
            assert_eq!(socket.state, State::Established);
            assert!(found.contains(&socket), "{line:?}");
        }
        assert!(found.iter().any(|s| s.state == State::Listen));
    }

    #[test]
    fn takes_anything() {
        let header = |len: u32| [&len.to_ne_bytes()[..], &TCPDIAG_GETSOCK.to_ne_bytes(), &[0; 10]].concat();
        let message = [header(88), vec![1; 72]].concat();
        let mut count = 0;
        assert!(!messages(&[&message[..], &message].concat(), &mut |_| count += 1).unwrap());
        assert_eq!(count, 2);
        assert!(messages(&header(8), &mut |_| {}).is_err(), "a message is at least its header");
        noise(&message, |bytes| {
            let mut count = 0;
            _ = messages(bytes, &mut |_| count += 1);
            assert!(count <= bytes.len() / HEADER);
        });
    }
}
