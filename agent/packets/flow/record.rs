//! What is known of a flow, and how a packet changes it.
//!
//! What each packet changes is `Record`: with the key of IPv4 that is one line of the cache, and which lines are needed is most of what a
//! packet costs. Everything else is `Rest`: the upper halves of sums, the begin, which packets only touch when they change them.

use super::store::PIECE;
use super::tcp::{self, Details};
use super::{Ended, Settings};
use crate::seen::Seen;

/// No packet of this direction yet; no scope has all bits set.
pub(super) const UNSEEN: u64 = u64::MAX;

/// The place is taken.
const LIVE: u16 = 1;
/// The side that began is the higher end of the key.
const SWAPPED: u16 = 2;
/// There were packets since the last report.
const FRESH: u16 = 4;
/// The next sequence number of a side is known (the second one's bit is above the first's).
pub(super) const NUMBERED: u16 = 8;
/// A side has left out sequence numbers.
pub(super) const GAP: u16 = 32;
/// A step of the handshake is waited for.
pub(super) const SHAKING: u16 = 128;
/// The sums are of no packet yet.
const EMPTY: u16 = 256;
/// The protocol is TCP.
const TCP: u16 = 512;
/// A side has been seen in scope 0 (the second one's bit is above the first's).
const PLAIN: u16 = 1024;
/// `due` does not tell when the record is over.
const LONG: u16 = 4096;
/// The place is in a list of those that may be idle ...
pub(super) const IDLE_LISTED: u16 = 8192;
/// ... or of those that are closed. Both stay with the place when the flow goes.
pub(super) const CLOSED_LISTED: u16 = 16384;

/// So far apart may times be that `due` tells apart, of half its range.
const FAR: i64 = 1 << (TICK + 13);
/// Bits of a time below what `due` counts: about a second.
const TICK: u32 = 30;

/// What each packet changes. Of pairs, the first is of the side that began.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Record {
    pub(super) last: i64,
    /// The lower halves of the sums.
    packets: [u32; 2],
    bytes: [u32; 2],
    ip_bytes: [u32; 2],
    /// The sequence number that is next.
    pub(super) next: [u32; 2],
    /// All flags since the last report ...
    pub(super) tcp_flags: [u8; 2],
    /// ... and of the whole flow.
    pub(super) all_flags: [u8; 2],
    pub(super) marks: u16,
    /// When it may be longer than `active`, in ticks modulo 2^16.
    due: u16,
}

const _: () = assert!(size_of::<Record>() == 48);

/// What is beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) first: i64,
    /// When the time that `active` limits began.
    since: i64,
    /// The upper halves of the sums: packets, bytes, bytes of IP.
    high: [[u32; 2]; 3],
    /// The scope of each direction, `UNSEEN` before its first packet: the way back may have other tags.
    scopes: [u64; 2],
    /// The place of the tunnel, 0 for none.
    pub(super) tunnel: u32,
    pub(super) icmp: (u8, u8),
    /// Of the first packet.
    pub(super) vlans: [u16; 2],
}

impl Rest {
    /// Of a place that is free.
    pub(super) const EMPTY: Self =
        Self { first: 0, since: 0, high: [[0; 2]; 3], scopes: [UNSEEN; 2], tunnel: 0, icmp: (0, 0), vlans: [0; 2] };
}

impl Record {
    /// The record of a flow whose first packet this is; it is still to be counted.
    pub(super) fn new(seen: &Seen, swapped: bool, scope: u64, tunnel: u32, settings: &Settings) -> (Self, Rest) {
        // The second step of a handshake comes from the side that was called.
        let answer = !settings.uniflow && seen.protocol() == 6 && tcp::is_answer(seen.tcp_flags);
        let marks =
            LIVE | EMPTY | if swapped != answer { SWAPPED } else { 0 } | if seen.protocol() == 6 { TCP } else { 0 };
        let mut record = Self { last: seen.time, marks, ..Self::default() };
        let mut rest = Rest { first: seen.time, tunnel, icmp: seen.icmp(), vlans: seen.vlans, ..Rest::EMPTY };
        record.enter(&mut rest, record.side(swapped), scope);
        record.begin(&mut rest, seen.time, settings);
        (record, rest)
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

    /// True for TCP.
    pub(super) fn tcp(&self) -> bool {
        self.marks & TCP != 0
    }

    /// The direction of a packet.
    #[inline]
    pub(super) fn side(&self, swapped: bool) -> usize {
        usize::from(swapped != self.swapped())
    }

    /// True if a direction was seen in scope 0, which nearly all packets have.
    #[inline]
    pub(super) fn plain(&self, side: usize) -> bool {
        self.marks & PLAIN << side != 0
    }

    /// Takes note of the scope of a direction.
    pub(super) fn enter(&mut self, rest: &mut Rest, side: usize, scope: u64) {
        rest.scopes[side] = scope;
        self.marks |= if scope == 0 { PLAIN << side } else { 0 };
    }

    /// The limit of `active` counts from this time.
    fn begin(&mut self, rest: &mut Rest, time: i64, settings: &Settings) {
        rest.since = time;
        let active = settings.active.unwrap_or(0);
        self.due = tick(time.saturating_add(active));
        // Packets come at most `FAR` apart, so the first one behind the limit is less than twice that behind it.
        let long = active > FAR || self.last.saturating_sub(time) > FAR;
        self.marks = self.marks & !LONG | if long { LONG } else { 0 };
    }

    /// Notes that the place is in a list; false if it was already.
    pub(super) fn list(&mut self, mark: u16) -> bool {
        let fresh = self.marks & mark == 0;
        self.marks |= mark;
        fresh
    }

    /// Notes that the place is in no list of a kind, or of both.
    pub(super) fn unlist(&mut self, marks: u16) {
        self.marks &= !marks;
    }

    /// The record of a flow that comes to the place of another.
    pub(super) fn in_place_of(mut self, before: &Self) -> Self {
        self.marks |= before.marks & (IDLE_LISTED | CLOSED_LISTED);
        self
    }

    /// Makes the place free.
    pub(super) fn vacate(&mut self) {
        *self = Self::default().in_place_of(self);
    }

    /// Counts a packet that changes no more than sums, times and the number that is next, as nearly all do; true if it was one. What it says
    /// is what `over` and `count` say, without a branch on what is in the packet.
    #[inline(always)]
    pub(super) fn count_usual(&mut self, seen: &Seen, swapped: bool, usual: &Usual) -> bool {
        let side = self.side(swapped);
        // Of a packet that is earlier it is as good as endless.
        let silent = seen.time.wrapping_sub(self.last) as u64;
        let header = usual.tcp & seen.tcp_header();
        let next = self.next[side];
        let (sequence, numbered) = if header { (seen.sequence, NUMBERED << side) } else { (next, 0) };
        let (packets, more) = self.packets[side].overflowing_add(1);
        let (bytes, more_bytes) = self.bytes[side].overflowing_add(seen.wire);
        let (ip_bytes, more_ip_bytes) = self.ip_bytes[side].overflowing_add(seen.ip_bytes);
        let wanted = LIVE | PLAIN << side | numbered;
        let soon = usual.active & (tick(seen.time).wrapping_sub(self.due) < 1 << 15);
        // Of the steps of a handshake only the first and the third are from the side that began, and without SYN only the third.
        let shaking = if side == 0 { SHAKING } else { 0 };
        let rare = (self.marks & (wanted | EMPTY | LONG | shaking) != wanted)
            | (silent > usual.silence)
            | soon
            | (seen.tcp_flags & (tcp::SYN | tcp::FIN | tcp::RST) != 0)
            | (sequence != next)
            | (header & (seen.window() == 0))
            | (seen.tunnel != 0)
            | (usual.vlan & (seen.vlans != [0; 2]))
            | more
            | more_bytes
            | more_ip_bytes;
        if rare {
            return false;
        }
        (self.packets[side], self.bytes[side], self.ip_bytes[side]) = (packets, bytes, ip_bytes);
        self.next[side] = sequence.wrapping_add(if header { seen.payload } else { 0 });
        self.tcp_flags[side] |= seen.tcp_flags;
        self.all_flags[side] |= seen.tcp_flags;
        self.marks |= FRESH;
        self.last = seen.time;
        true
    }

    /// Counts a packet.
    pub(super) fn count(&mut self, cold: &mut Cold<'_>, seen: &Seen, swapped: bool, settings: &Settings) {
        let (side, time) = (self.side(swapped), seen.time);
        if self.marks & EMPTY != 0 {
            let rest = cold.rest();
            rest.first = time;
            self.marks &= !EMPTY;
            self.begin(rest, time, settings);
        }
        let sums = [(&mut self.packets, 1), (&mut self.bytes, seen.wire), (&mut self.ip_bytes, seen.ip_bytes)];
        for (i, (sum, more)) in sums.into_iter().enumerate() {
            let (low, carry) = sum[side].overflowing_add(more);
            sum[side] = low;
            if carry {
                cold.carry(i, side);
            }
        }
        self.tcp_flags[side] |= seen.tcp_flags;
        self.marks |= FRESH;
        if settings.tcp && seen.tcp_header() {
            tcp::follow(self, cold, seen, side);
        }
        self.all_flags[side] |= seen.tcp_flags;
        // Captures of several interfaces are not quite in order.
        if time < self.last {
            cold.earlier(time);
        } else {
            self.last = time;
        }
    }

    /// True if the ends closed the connection.
    #[inline]
    pub(super) fn closed(&self) -> bool {
        self.tcp() && tcp::closed(self.all_flags)
    }

    /// Why a packet of this time no longer belongs to this record.
    #[inline]
    pub(super) fn over(&self, cold: &Cold<'_>, seen: &Seen, settings: &Settings) -> Option<Ended> {
        let time = seen.time;
        let silent = time.saturating_sub(self.last);
        if settings.idle.is_some_and(|idle| silent > idle) {
            return Some(if self.closed() { Ended::Closed } else { Ended::Idle });
        }
        // A new connection of the same ends, where closed ones are told apart.
        if settings.closed.is_some() && seen.tcp_flags & 0x17 == tcp::SYN && self.closed() {
            return Some(Ended::Closed);
        }
        let active = settings.active.filter(|_| self.marks & EMPTY == 0)?;
        // Halves of the range are before and behind: no more than a compare for nearly all packets.
        let soon = tick(time).wrapping_sub(self.due) < 1 << 15 || self.marks & LONG != 0 || silent > FAR;
        if soon { cold.limit(time, active) } else { None }
    }

    /// True if nothing more is waited for at this time.
    pub(super) fn expired(&self, now: i64, settings: &Settings) -> bool {
        let silent = now.saturating_sub(self.last);
        settings.idle.is_some_and(|idle| silent > idle)
            || settings.closed.is_some_and(|closed| silent > closed && self.closed())
    }

    /// Begins the next record of the same flow after a report.
    pub(super) fn next_record(&mut self, rest: &mut Rest, time: i64, settings: &Settings) {
        self.marks &= !FRESH;
        if !settings.cumulative {
            (self.packets, self.bytes, self.ip_bytes, self.tcp_flags) = ([0; 2], [0; 2], [0; 2], [0; 2]);
            rest.high = [[0; 2]; 3];
            self.marks |= EMPTY;
        }
        self.begin(rest, time, settings);
    }
}

/// What makes a packet a usual one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// The longest silence before it.
    silence: u64,
    active: bool,
    tcp: bool,
    vlan: bool,
}

impl Usual {
    pub(super) fn new(settings: &Settings) -> Self {
        let far = settings.active.map_or(i64::MAX, |_| FAR);
        Self {
            silence: settings.idle.unwrap_or(i64::MAX).min(far).max(0) as u64,
            active: settings.active.is_some(),
            tcp: settings.tcp,
            vlan: settings.keys.vlan,
        }
    }
}

/// Where what few packets need of a flow is; few even find out.
pub(super) struct Cold<'a> {
    pub(super) rests: &'a mut [Box<[Rest; PIECE]>],
    pub(super) details: &'a mut [Box<[Details; PIECE]>],
    pub(super) piece: usize,
    pub(super) at: usize,
}

impl Cold<'_> {
    fn rest(&mut self) -> &mut Rest {
        &mut self.rests[self.piece][self.at]
    }

    /// Of connections, where they are followed.
    pub(super) fn details(&mut self) -> &mut Details {
        &mut self.details[self.piece][self.at]
    }

    /// Whether a record is over by `active`. These three are never part of what calls them, which would read
    /// the line of every packet then.
    #[cold]
    #[inline(never)]
    fn limit(&self, time: i64, active: i64) -> Option<Ended> {
        (time.saturating_sub(self.rests[self.piece][self.at].since) > active).then_some(Ended::Active)
    }

    #[cold]
    #[inline(never)]
    fn carry(&mut self, sum: usize, side: usize) {
        self.rest().high[sum][side] += 1;
    }

    #[cold]
    #[inline(never)]
    fn earlier(&mut self, time: i64) {
        let rest = self.rest();
        rest.first = rest.first.min(time);
    }
}

impl Rest {
    /// The scope of a direction.
    pub(super) fn scope(&self, side: usize) -> u64 {
        self.scopes[side]
    }

    /// The sums of a record: packets, bytes, bytes of IP.
    pub(super) fn sums(&self, record: &Record) -> [[u64; 2]; 3] {
        let low = [record.packets, record.bytes, record.ip_bytes];
        let sum = |kind: usize, side: usize| u64::from(self.high[kind][side]) << 32 | u64::from(low[kind][side]);
        std::array::from_fn(|kind| [sum(kind, 0), sum(kind, 1)])
    }
}

/// A time in ticks modulo 2^16.
#[inline]
fn tick(time: i64) -> u16 {
    (time >> TICK) as u16
}
