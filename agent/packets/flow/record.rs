//! What is known of a flow, and how a packet changes it.

use super::tcp::{self, Details};
use super::{Ended, Settings};
use crate::packets::Seen;

/// No packet of this direction yet; no scope has all bits set.
pub(super) const UNSEEN: u64 = u64::MAX;

/// The place is taken.
pub(super) const LIVE: u8 = 1;
/// The side that began is the higher end of the key.
const SWAPPED: u8 = 2;
/// There were packets since the last report.
const FRESH: u8 = 4;
/// The next sequence number of a side is known (the second one's bit is above the first's).
pub(super) const NUMBERED: u8 = 8;
/// A side has left out sequence numbers.
pub(super) const GAP: u8 = 32;
/// A step of the handshake is waited for.
pub(super) const SHAKING: u8 = 128;

/// The part of a record that each packet changes: with the key of IPv4 it is two lines of the cache. Of pairs, the first is of the side that
/// began.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Record {
    pub(super) first: i64,
    pub(super) last: i64,
    /// When the time that `active` limits began.
    since: i64,
    pub(super) packets: [u64; 2],
    pub(super) bytes: [u64; 2],
    pub(super) ip_bytes: [u64; 2],
    /// The scope of each direction, `UNSEEN` before its first packet: the way back may have other tags.
    pub(super) scopes: [u64; 2],
    /// The sequence number that is next.
    pub(super) next: [u32; 2],
    /// The place of the tunnel, 0 for none.
    pub(super) tunnel: u32,
    /// All flags since the last report ...
    pub(super) tcp_flags: [u8; 2],
    /// ... and of the whole flow.
    pub(super) all_flags: [u8; 2],
    pub(super) icmp: (u8, u8),
    /// Of the first packet.
    pub(super) vlans: [u16; 2],
    pub(super) protocol: u8,
    pub(super) marks: u8,
}

impl Record {
    /// A place that is free.
    pub(super) const EMPTY: Self = Self {
        first: 0,
        last: 0,
        since: 0,
        packets: [0; 2],
        bytes: [0; 2],
        ip_bytes: [0; 2],
        scopes: [UNSEEN; 2],
        next: [0; 2],
        tunnel: 0,
        tcp_flags: [0; 2],
        all_flags: [0; 2],
        icmp: (0, 0),
        vlans: [0; 2],
        protocol: 0,
        marks: 0,
    };

    /// The record of a flow whose first packet this is; it is still to be counted.
    pub(super) fn new(seen: &Seen, swapped: bool, scope: u64, tunnel: u32, settings: &Settings) -> Self {
        // The second step of a handshake comes from the side that was called.
        let answer = !settings.uniflow && seen.protocol == 6 && tcp::is_answer(seen.tcp_flags);
        let mut record = Self {
            first: seen.time,
            last: seen.time,
            since: seen.time,
            tunnel,
            icmp: seen.icmp,
            vlans: seen.vlans,
            protocol: seen.protocol,
            marks: LIVE | if swapped != answer { SWAPPED } else { 0 },
            ..Self::EMPTY
        };
        record.scopes[record.side(swapped)] = scope;
        record
    }

    #[inline]
    pub(super) fn live(&self) -> bool {
        self.marks & LIVE != 0
    }

    /// Whether the side that began is the higher end of the key.
    pub(super) fn swapped(&self) -> bool {
        self.marks & SWAPPED != 0
    }

    /// True if there were packets since the last report.
    pub(super) fn fresh(&self) -> bool {
        self.marks & FRESH != 0
    }

    /// The direction of a packet.
    #[inline]
    pub(super) fn side(&self, swapped: bool) -> usize {
        usize::from(swapped != self.swapped())
    }

    /// Counts a packet.
    #[inline]
    pub(super) fn count(&mut self, seen: &Seen, swapped: bool, details: Option<&mut Details>) {
        let side = self.side(swapped);
        let time = seen.time;
        if self.packets == [0; 2] {
            // Nothing since the last report.
            (self.first, self.since) = (time, time);
        }
        self.packets[side] += 1;
        self.bytes[side] += u64::from(seen.wire);
        self.ip_bytes[side] += u64::from(seen.ip_bytes);
        self.tcp_flags[side] |= seen.tcp_flags;
        self.marks |= FRESH;
        if let Some(details) = details {
            tcp::follow(self, details, seen, side);
        }
        self.all_flags[side] |= seen.tcp_flags;
        // Captures of several interfaces are not quite in order.
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// True if the ends closed the connection.
    #[inline]
    pub(super) fn closed(&self) -> bool {
        self.protocol == 6 && tcp::closed(self.all_flags)
    }

    /// Why a packet of this time no longer belongs to this record.
    #[inline]
    pub(super) fn over(&self, seen: &Seen, settings: &Settings) -> Option<Ended> {
        let time = seen.time;
        if settings.idle.is_some_and(|idle| time.saturating_sub(self.last) > idle) {
            return Some(if self.closed() { Ended::Closed } else { Ended::Idle });
        }
        // A new connection of the same ends, where closed ones are told apart.
        if settings.closed.is_some() && seen.tcp_flags & 0x17 == tcp::SYN && self.closed() {
            return Some(Ended::Closed);
        }
        settings
            .active
            .is_some_and(|active| self.packets != [0; 2] && time.saturating_sub(self.since) > active)
            .then_some(Ended::Active)
    }

    /// True if nothing more is waited for at this time.
    pub(super) fn expired(&self, now: i64, settings: &Settings) -> bool {
        let silent = now.saturating_sub(self.last);
        settings.idle.is_some_and(|idle| silent > idle)
            || settings.closed.is_some_and(|closed| silent > closed && self.closed())
    }

    /// Begins the next record of the same flow after a report.
    pub(super) fn next_record(&mut self, time: i64, settings: &Settings) {
        self.marks &= !FRESH;
        self.since = time;
        if !settings.cumulative {
            (self.packets, self.bytes, self.ip_bytes, self.tcp_flags) = ([0; 2], [0; 2], [0; 2], [0; 2]);
        }
    }
}
