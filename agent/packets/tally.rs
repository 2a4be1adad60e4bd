//! What became of every packet: in a flow, or not counted for a cause.
//!
//! The two together are always the packets read. That is what lets a user trust a total: nothing falls between.

/// Why a packet is in no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// Address resolution (ARP, RARP).
    Arp,
    /// A frame that carries no IP: spanning tree, LLDP, IS-IS, PPP control, ...
    NotIp,
    /// The capture cut the packet before its addresses or ports (snap length).
    Truncated,
    /// The packet itself is too short for what it says, or says what cannot be.
    Malformed,
    /// A frame that is encrypted: wireless, MACsec.
    Encrypted,
    /// More headers inside each other than are looked into.
    TooDeep,
    /// A kind of link that is not understood.
    UnknownLink,
    /// The file ends within the packet.
    CutOff,
}

impl Cause {
    /// All there are, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Arp,
        Self::NotIp,
        Self::Truncated,
        Self::Malformed,
        Self::Encrypted,
        Self::TooDeep,
        Self::UnknownLink,
        Self::CutOff,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::NotIp => "not_ip",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Encrypted => "encrypted",
            Self::TooDeep => "too_deep",
            Self::UnknownLink => "unknown_link",
            Self::CutOff => "cut_off",
        }
    }
}

/// The ledger of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets read.
    pub read: u64,
    /// Packets in flows.
    pub in_flows: u64,
    not_counted: [u64; Cause::ALL.len()],
}

impl Tally {
    /// Counts a packet that is in a flow.
    #[inline]
    pub fn in_flow(&mut self) {
        self.read += 1;
        self.in_flows += 1;
    }

    /// Counts a packet that is in none.
    pub fn not_counted(&mut self, cause: Cause) {
        self.read += 1;
        self.not_counted[cause as usize] += 1;
    }

    /// The packets of a cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u64 {
        self.not_counted[cause as usize]
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.in_flows += other.in_flows;
        for (mine, theirs) in self.not_counted.iter_mut().zip(other.not_counted) {
            *mine += theirs;
        }
    }

    /// Takes what was counted, beginning anew.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The causes that occurred, with their packets.
    pub fn causes(&self) -> impl Iterator<Item = (Cause, u64)> + '_ {
        Cause::ALL.into_iter().zip(self.not_counted).filter(|(_, packets)| *packets > 0)
    }

    /// True if every packet read is accounted for.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.read == self.in_flows + self.not_counted.iter().sum::<u64>()
    }
}
