//! An interface that is captured from, by whichever way serves.

#[cfg(target_os = "linux")]
use crate::Ring;
use crate::Session;
use std::io;
use std::time::Duration;

/// How an interface is listened to.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also what is for others.
    pub promiscuous: bool,
    /// Bytes of the ring, or of the buffer of libpcap.
    pub ring: usize,
    /// Bytes of each packet that are kept.
    pub snaplen: u32,
}

/// What was counted of an interface since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Packets that the filter wanted, dropped ones included.
    pub packets: u32,
    /// Packets for which there was no room.
    pub dropped: u32,
    /// Packets that the interface itself dropped, where only libpcap tells it: not on Linux.
    pub interface: u32,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The captured bytes, from the begin of the link's header.
    pub bytes: &'a [u8],
    /// The bytes on the wire.
    pub wire: u32,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The tag that was taken off by the interface.
    pub vlan: Option<u16>,
    /// It was sent by this host.
    pub outgoing: bool,
}

/// An open interface.
#[derive(Debug)]
pub enum Capture {
    /// By the ring that is shared with the kernel.
    #[cfg(target_os = "linux")]
    Ring(Ring),
    /// By libpcap.
    Session(Session),
}

impl Capture {
    /// Calls `each` for packets in the order in which they came; false if there is none within the time, which may be cut
    /// short.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub fn each(&mut self, patience: Duration, each: impl FnMut(Frame<'_>)) -> io::Result<bool> {
        match self {
            #[cfg(target_os = "linux")]
            Capture::Ring(ring) => Ok(ring.block(patience)?.map(|block| block.each(each)).is_some()),
            Capture::Session(session) => session.each(patience, each),
        }
    }

    /// What was counted since the last call.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn drops(&mut self) -> io::Result<Drops> {
        match self {
            #[cfg(target_os = "linux")]
            Capture::Ring(ring) => ring.drops(),
            Capture::Session(session) => session.drops(),
        }
    }
}
