//! What the headers of TCP tell of a connection: its state, its latencies, and what went wrong with it.
//!
//! All of it is seen from one place on the way. Numbers are those of RFC 9293; what tells a retransmission from a packet that was overtaken is
//! the time since the one before, as other analysers do it.

use super::record::{Cold, GAP, NUMBERED, Record, SHAKING};
use crate::seen::Seen;

pub(super) const FIN: u8 = 1;
/// The flag of a connection's first packets.
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
const ACK: u8 = 16;

/// A packet behind a gap that comes no later than this after the one before it was overtaken, not sent again.
const OVERTAKEN: i64 = 3_000_000;

/// What is kept of a connection beside what each packet changes. Of pairs, the first is of the side that began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Details {
    /// When the first steps of the handshake were seen, 0 for not.
    steps: [i64; 2],
    /// From the first step to the second, and from the second to the third, in nanoseconds; 0 for unknown.
    latencies: [u64; 2],
    retransmissions: [u32; 2],
    out_of_order: [u32; 2],
    zero_windows: [u32; 2],
}

/// What is reported of a connection. Of pairs, the first is of what `src` sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Nanoseconds from the first step of the handshake to the second: to `dst` and back. 0 is unknown.
    pub dst_latency: u64,
    /// Nanoseconds from the second step to the third: to `src` and back. 0 is unknown.
    pub src_latency: u64,
    /// Packets that were sent again.
    pub retransmissions: [u32; 2],
    /// Packets that were overtaken by later ones.
    pub out_of_order: [u32; 2],
    /// Packets that say that there is no more room.
    pub zero_windows: [u32; 2],
}

impl Details {
    pub(super) fn report(&self) -> Tcp {
        Tcp {
            dst_latency: self.latencies[0],
            src_latency: self.latencies[1],
            retransmissions: self.retransmissions,
            out_of_order: self.out_of_order,
            zero_windows: self.zero_windows,
        }
    }

    /// A word of it, to have it in the cache.
    #[inline]
    pub(super) fn first(&self) -> &i64 {
        &self.steps[0]
    }

    /// Begins to count anew; what the handshake told stays true.
    pub(super) fn next_record(&mut self) {
        (self.retransmissions, self.out_of_order, self.zero_windows) = ([0; 2], [0; 2], [0; 2]);
    }
}

/// True for the second step of a handshake.
#[inline]
pub(super) fn is_answer(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN | ACK
}

/// True if a packet may be the one that closes its connection.
#[inline]
pub(super) fn ends(flags: u8) -> bool {
    flags & (RST | FIN) != 0
}

/// True if one side broke off, or both said that they are done.
#[inline]
pub(super) fn closed([a, b]: [u8; 2]) -> bool {
    (a | b) & RST != 0 || a & b & FIN != 0
}

/// The state of a connection in the terms of Zeek's `conn_state`, from all flags of both sides.
#[must_use]
pub(super) fn state([began, called]: [u8; 2]) -> &'static str {
    let has = |flags: u8, flag: u8| flags & flag != 0;
    match (has(began, SYN), has(called, SYN)) {
        (true, true) if has(began, RST) => "RSTO",
        (true, true) if has(called, RST) => "RSTR",
        (true, true) => match (has(began, FIN), has(called, FIN)) {
            (true, true) => "SF",
            (true, false) => "S2",
            (false, true) => "S3",
            (false, false) => "S1",
        },
        (true, false) if has(called, RST) => "REJ",
        (true, false) if has(began, RST) => "RSTOS0",
        (true, false) if has(began, FIN) => "SH",
        (true, false) if called == 0 => "S0",
        (false, true) if has(called, RST) => "RSTRH",
        (false, true) if has(called, FIN) => "SHR",
        _ => "OTH",
    }
}

/// Follows sequence numbers and windows of a header that is known. What is rare is done elsewhere.
#[inline]
pub(super) fn follow(record: &mut Record, cold: &mut Cold<'_>, seen: &Seen, side: usize) {
    let flags = seen.tcp_flags;
    let length = seen.payload.wrapping_add(u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0));
    let end = seen.sequence.wrapping_add(length);
    // The distance in a space that wraps around.
    let ahead = seen.sequence.wrapping_sub(record.next[side]) as i32;
    let known = record.marks & NUMBERED << side != 0;
    if known && ahead == 0 {
        record.next[side] = end;
    } else {
        step_aside(record, cold, (known, ahead, length), (side, end), seen.time);
    }
    if flags & SYN != 0 || (side == 0 && record.marks & SHAKING != 0) {
        shake(record, cold.details(), flags, side, seen.time);
    }
    if seen.window() == 0 && flags & (SYN | RST | FIN) == 0 {
        cold.details().zero_windows[side] += 1;
    }
}

/// A sequence number that is not the next.
#[inline(never)]
fn step_aside(
    record: &mut Record,
    cold: &mut Cold<'_>,
    (known, ahead, length): (bool, i32, u32),
    (side, end): (usize, u32),
    time: i64,
) {
    if !known {
        record.marks |= NUMBERED << side;
        record.next[side] = end;
    } else if ahead > 0 {
        record.marks |= GAP << side;
        record.next[side] = end;
    } else if length > 1 || (length == 1 && ahead < -1) || (length == 1 && record.all_flags[side] & FIN != 0) {
        let details = cold.details();
        // One byte, or none, just before the next number only asks whether the other side is still there.
        let soon = time.saturating_sub(record.last) <= OVERTAKEN.max(details.latencies[0].min(1 << 40) as i64);
        if record.marks & GAP << side != 0 && soon {
            details.out_of_order[side] += 1;
        } else {
            details.retransmissions[side] += 1;
        }
        if (end.wrapping_sub(record.next[side]) as i32) > 0 {
            record.next[side] = end;
        }
    }
}

/// The three steps of a handshake.
#[inline(never)]
fn shake(record: &mut Record, details: &mut Details, flags: u8, side: usize, time: i64) {
    let since = |then: i64| u64::try_from(time.saturating_sub(then)).unwrap_or(0);
    match (flags & SYN != 0, side) {
        (true, 0) => {
            details.steps = [time, 0];
            record.marks |= SHAKING;
        }
        (true, _) if details.steps[0] != 0 && details.steps[1] == 0 => {
            details.steps[1] = time;
            details.latencies[0] = since(details.steps[0]);
        }
        (false, 0) if details.steps[1] != 0 => {
            details.latencies[1] = since(details.steps[1]);
            record.marks &= !SHAKING;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn states_are_those_of_zeek() {
        for (began, called, expected) in [
            (0x02, 0x00, "S0"),
            (0x12, 0x12, "S1"),
            (0x13, 0x13, "SF"),
            (0x02, 0x14, "REJ"),
            (0x13, 0x12, "S2"),
            (0x12, 0x13, "S3"),
            (0x16, 0x12, "RSTO"),
            (0x12, 0x16, "RSTR"),
            (0x06, 0x00, "RSTOS0"),
            (0x00, 0x16, "RSTRH"),
            (0x03, 0x00, "SH"),
            (0x00, 0x13, "SHR"),
            (0x18, 0x10, "OTH"),
        ] {
            assert_eq!(state([began, called]), expected, "{began:x} {called:x}");
        }
    }
}
