//! The interfaces of the network namespace that the process is in.
//!
//! Not from `/sys/class/net`: that shows the namespace in which it was mounted.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// The kind of its links: the `ARPHRD_` number of the kernel.
    pub kind: u16,
    /// Packets that came in and were dropped by it, since it is there.
    pub dropped: u64,
}

/// All interfaces, sorted by name.
///
/// # Errors
/// The list of the kernel cannot be read.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let table = std::fs::read_to_string("/proc/self/net/dev")?;
    // SAFETY: no pointers; what it returns is checked.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut all: Vec<Interface> = table.lines().filter_map(line).filter_map(|i| looked_up(&socket, i)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Name and counters of a line of the table; its two lines of headings have no colon behind the first word.
fn line(line: &str) -> Option<Interface> {
    let (name, counters) = line.split_once(':')?;
    // Bytes, packets, errors, drops.
    let dropped = counters.split_whitespace().nth(3)?.parse().ok()?;
    Some(Interface { name: name.trim().to_owned(), up: false, kind: 0, dropped })
}

/// With its flags and kind; none if it has gone meanwhile.
fn looked_up(socket: &OwnedFd, interface: Interface) -> Option<Interface> {
    // SAFETY: a structure of numbers, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.name.as_bytes();
    // The last byte stays 0.
    if name.len() >= request.ifr_name.len() {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    let mut ask = |what: libc::c_ulong| {
        // The type of requests is not the same with every C library.
        let what = what as libc::Ioctl;
        // SAFETY: the structure is what these requests take and fill, and lives as long as the call.
        unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) == 0 }.then_some(request.ifr_ifru)
    };
    // SAFETY: the request fills this member.
    let flags = unsafe { ask(libc::SIOCGIFFLAGS)?.ifru_flags };
    // SAFETY: as above.
    let kind = unsafe { ask(libc::SIOCGIFHWADDR)?.ifru_hwaddr.sa_family };
    Some(Interface { up: i32::from(flags) & libc::IFF_UP != 0, kind, ..interface })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_always_there() {
        let all = interfaces().expect("a list");
        let lo = all.iter().find(|i| i.name == "lo").expect("lo");
        assert_eq!(lo.kind, libc::ARPHRD_LOOPBACK);
    }

    #[test]
    fn lines_of_the_table() {
        assert_eq!(line("Inter-|   Receive"), None);
        let read =
            line("  eth0:  10 2    0    7    0     0          0         0      5       1").expect("an interface");
        assert_eq!((read.name.as_str(), read.dropped), ("eth0", 7));
    }
}
