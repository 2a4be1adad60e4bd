//! A decoded packet in few bytes.
//!
//! Its ends stand in the order in which they are the key of its flow, as they were when its hash was made: whoever counts it need not sort
//! them again, and a mark says who sent it.

/// What every packet has. Of pairs, the first is the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The first word of the key of IPv4, or the place of those of IPv6.
    pub(crate) addresses: u64,
    /// The last word of the key: the ports of the lower and of the higher end, and the protocol.
    pub(crate) ends: u64,
    /// The bytes that were on the wire.
    pub wire: u32,
    /// The bytes of the innermost IP packet (`Packet::ip_bytes`).
    pub ip_bytes: u32,
    /// The bytes behind the header of TCP.
    pub payload: u32,
    /// The sequence number of TCP.
    pub sequence: u32,
    /// The place of the tunnel plus 1, 0 for none.
    pub(crate) tunnel: u32,
    /// The VLANs from the outside in, 0 where there are fewer.
    pub vlans: [u16; 2],
    /// The window of TCP, type and code of ICMP.
    pub(crate) window: u16,
    /// The number of the interface that saw it.
    pub interface: u16,
    /// The flags of TCP.
    pub tcp_flags: u8,
    /// The type of service or traffic class.
    pub tos: u8,
    /// `V6`, `TCP_HEADER` and `SWAPPED`.
    pub(crate) marks: u8,
}

/// The addresses are IPv6.
pub(crate) const V6: u8 = 1;
/// `payload`, `sequence` and `window` are known.
pub(crate) const TCP_HEADER: u8 = 2;
/// The sender is the higher end.
pub(crate) const SWAPPED: u8 = 4;

// With its hash it is as large as a line of the cache.
const _: () = assert!(size_of::<Seen>() == 56);

impl Seen {
    /// Whether the addresses are IPv6.
    #[inline]
    #[must_use]
    pub fn v6(&self) -> bool {
        self.marks & V6 != 0
    }

    /// Whether `payload`, `sequence` and `window` are known.
    #[inline]
    #[must_use]
    pub fn tcp_header(&self) -> bool {
        self.marks & TCP_HEADER != 0
    }

    /// Whether the sender is the higher end.
    #[inline]
    pub(crate) fn swapped(&self) -> bool {
        self.marks & SWAPPED != 0
    }

    /// The number of the protocol above IP.
    #[inline]
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.ends as u8
    }

    /// The ports; 0 where there are none.
    #[inline]
    #[must_use]
    pub fn ports(&self) -> [u16; 2] {
        // Truncated on purpose: each of them in turn.
        let [low, high] = [(self.ends >> 24) as u16, (self.ends >> 8) as u16];
        if self.swapped() { [high, low] } else { [low, high] }
    }

    /// The window of TCP, not scaled.
    #[inline]
    #[must_use]
    pub fn window(&self) -> u16 {
        self.window
    }

    /// Type and code of ICMP, both 0 for other protocols.
    #[must_use]
    pub fn icmp(&self) -> (u8, u8) {
        let [kind, code] = self.window.to_be_bytes();
        if matches!(self.protocol(), 1 | 58) { (kind, code) } else { (0, 0) }
    }
}
