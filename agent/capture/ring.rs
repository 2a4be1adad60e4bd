//! Packets of an interface through a ring that is shared with the kernel (AF_PACKET, TPACKET_V3).
//!
//! The kernel fills blocks with packets and hands over whole blocks; here they are looked at in place and given back. Sources: packet(7),
//! Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h of the kernel.

#![allow(unsafe_code)]

use crate::filter::{Filter, Instruction};
use crate::{Drops, Frame, Options};
use std::ffi::CString;
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Bytes of a block: several hundred whole frames, and little to wait for when there are few.
const BLOCK: usize = 1 << 18;
/// A block that is not full is handed over after so many milliseconds.
const PATIENCE: u32 = 50;

/// A socket and its ring.
#[derive(Debug)]
pub struct Ring {
    socket: OwnedFd,
    memory: *mut u8,
    blocks: usize,
    /// The block that comes next.
    next: usize,
}

// SAFETY: the memory belongs to the ring alone (the kernel's side is ordered by the blocks' status), so it may move to another thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Listens to an interface, from the call on.
    ///
    /// # Errors
    /// There is no such interface, the right is missing (`PermissionDenied`), the kernel has no such sockets or no such rings (`Unsupported`),
    /// or the ring is too large for it.
    pub fn open(interface: &str, options: Options, filter: Option<&Filter>) -> io::Result<Self> {
        let name = CString::new(interface)?;
        // SAFETY: the name is a C string.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // Without a protocol nothing arrives before everything is set up.
        // SAFETY: no pointers; what it returns is checked.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })
            .map_err(|e| unsupported("AF_PACKET", e))?;
        // SAFETY: it was just opened and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &libc::tpacket_versions::TPACKET_V3)
            .map_err(|e| unsupported("TPACKET_V3", e))?;
        attach(&socket, filter, options.snaplen)?;
        let blocks = (options.ring / BLOCK).clamp(2, 1 << 14);
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: blocks as u32,
            // Frames are as long as they are in this version; the kernel only wants the product to fit.
            tp_frame_size: 2048,
            tp_frame_nr: (BLOCK / 2048 * blocks) as u32,
            tp_retire_blk_tov: PATIENCE,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping of the length that the ring was asked for with; what it returns is checked.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), blocks * BLOCK, access, flags, socket.as_raw_fd(), 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let ring = Self { socket, memory: memory.cast(), blocks, next: 0 };
        if options.promiscuous {
            let member = libc::packet_mreq {
                mr_ifindex: index as i32,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set(&ring.socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member)?;
        }
        // SAFETY: a structure of numbers, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as i32;
        // SAFETY: the address is of the length that is told.
        checked(unsafe {
            libc::bind(
                ring.socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        })?;
        Ok(ring)
    }

    /// Divides the packets of the interface among all rings of this group, by their flow.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn join(&self, group: u16) -> io::Result<()> {
        let value = i32::from(group) | (libc::PACKET_FANOUT_HASH as i32) << 16;
        set(&self.socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &value)
    }

    /// The next block of packets; none if there is none within the time.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub fn block(&mut self, patience: Duration) -> io::Result<Option<Block<'_>>> {
        if !self.ready() {
            let mut poll = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
            // SAFETY: one structure, which lives as long as the call.
            match checked(unsafe { libc::poll(&mut poll, 1, millis) }) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(None),
                other => other?,
            };
            if poll.revents & libc::POLLERR != 0 {
                return Err(self.failure().unwrap_or_else(|| io::Error::other("the interface is down")));
            }
            if !self.ready() {
                return Ok(None);
            }
        }
        Ok(Some(Block { ring: self }))
    }

    /// What the kernel counted since the last call.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn drops(&self) -> io::Result<Drops> {
        // SAFETY: a structure of numbers, for which all zeros is a value.
        let mut stats: libc::tpacket_stats_v3 = unsafe { std::mem::zeroed() };
        let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        // SAFETY: the structure is of the length that is told.
        checked(unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut stats).cast(),
                &mut length,
            )
        })?;
        Ok(Drops { packets: stats.tp_packets, dropped: stats.tp_drops, interface: 0 })
    }

    /// Why the socket failed.
    fn failure(&self) -> Option<io::Error> {
        let (mut code, mut length) = (0i32, size_of::<i32>() as libc::socklen_t);
        // SAFETY: a number of the length that is told.
        let done = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut code).cast(),
                &mut length,
            )
        };
        (done == 0 && code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    /// The status of the next block, by which the kernel and we hand it to each other.
    fn status(&self) -> &AtomicU32 {
        let offset = offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);
        // SAFETY: within the mapping, as `next` is less than `blocks`, and aligned, as blocks begin at pages.
        unsafe { &*self.memory.add(self.next * BLOCK + offset).cast::<AtomicU32>() }
    }

    fn ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping of `open`, which nobody borrows any more.
        unsafe { libc::munmap(self.memory.cast(), self.blocks * BLOCK) };
    }
}

/// A block of packets, given back to the kernel when it is dropped.
#[derive(Debug)]
pub struct Block<'a> {
    ring: &'a mut Ring,
}

impl Block<'_> {
    /// Calls `each` for every packet in the order in which they came.
    pub fn each(&self, mut each: impl FnMut(Frame<'_>)) {
        // SAFETY: the block is ours until it is dropped: its status said so, and the kernel does not write to it before that changes.
        let bytes = unsafe { std::slice::from_raw_parts(self.ring.memory.add(self.ring.next * BLOCK), BLOCK) };
        let header = offset_of!(libc::tpacket_block_desc, hdr);
        let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.first_chunk()).map(|b| u32::from_ne_bytes(*b));
        let count = word(header + offset_of!(libc::tpacket_hdr_v1, num_pkts)).unwrap_or(0);
        let first = word(header + offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt)).unwrap_or(0);
        let mut at = first as usize;
        for _ in 0..count {
            let Some((frame, next)) = frame(bytes, at) else { return };
            each(frame);
            if next == 0 {
                return;
            }
            at += next;
        }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.ring.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.ring.next = (self.ring.next + 1) % self.ring.blocks;
    }
}

/// The packet at a place, and how far the next one is.
fn frame(block: &[u8], at: usize) -> Option<(Frame<'_>, usize)> {
    let header = block.get(at..)?;
    let word = |at: usize| header.get(at..at + 4).and_then(|b| b.first_chunk()).map(|b| u32::from_ne_bytes(*b));
    let half = |at: usize| header.get(at..at + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_ne_bytes(*b));
    let start = usize::from(half(offset_of!(libc::tpacket3_hdr, tp_mac))?);
    let captured = word(offset_of!(libc::tpacket3_hdr, tp_snaplen))? as usize;
    let seconds = i64::from(word(offset_of!(libc::tpacket3_hdr, tp_sec))?);
    let fraction = i64::from(word(offset_of!(libc::tpacket3_hdr, tp_nsec))?);
    let status = word(offset_of!(libc::tpacket3_hdr, tp_status))?;
    let tag = word(offset_of!(libc::tpacket3_hdr, hv1) + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))?;
    // The address stands behind the header, at a multiple of 16.
    let address = size_of::<libc::tpacket3_hdr>().next_multiple_of(16);
    let kind = header.get(address + offset_of!(libc::sockaddr_ll, sll_pkttype))?;
    let frame = Frame {
        bytes: header.get(start..start + captured)?,
        wire: word(offset_of!(libc::tpacket3_hdr, tp_len))?,
        time: seconds * 1_000_000_000 + fraction,
        vlan: (status & libc::TP_STATUS_VLAN_VALID != 0).then_some(tag as u16),
        outgoing: *kind == libc::PACKET_OUTGOING,
    };
    Some((frame, word(offset_of!(libc::tpacket3_hdr, tp_next_offset))? as usize))
}

/// Has the kernel put into the ring what a filter wants, and of each packet as many bytes as the last step returns.
fn attach(socket: &OwnedFd, filter: Option<&Filter>, snaplen: u32) -> io::Result<()> {
    let all = [Instruction { code: 6, jt: 0, jf: 0, k: snaplen }];
    let steps = filter.map_or(&all[..], Filter::steps);
    let mut steps: Vec<libc::sock_filter> =
        steps.iter().map(|s| libc::sock_filter { code: s.code, jt: s.jt, jf: s.jf, k: s.k }).collect();
    // A filter has at most 4096 steps.
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// What a kernel answers that does not know something; other errors stay what they are.
fn unsupported(what: &str, error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(
            libc::EAFNOSUPPORT
            | libc::EPROTONOSUPPORT
            | libc::ESOCKTNOSUPPORT
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EINVAL,
        ) => io::Error::new(io::ErrorKind::Unsupported, format!("this kernel has no {what}: {error}")),
        _ => error,
    }
}

/// Sets an option of the socket. `T` is the structure that the kernel expects for it.
fn set<T>(socket: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: the value is of the length that is told, and lives as long as the call; the kernel only reads it.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
    .map(drop)
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
