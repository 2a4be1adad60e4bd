//! The block format: sections, interfaces, packets, and blocks that are passed over.
//!
//! Source: draft-ietf-opsawg-pcapng. Each section has its own byte order and interfaces, each interface its own link and unit
//! of time.

use super::{Record, Step, u16_at, u32_at};

/// The type of the block that begins a section; the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Interfaces of one section at most.
const MAX_INTERFACES: usize = 1 << 16;

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// What is known in the current section.
#[derive(Default)]
pub(super) struct Section {
    big: bool,
    begun: bool,
    interfaces: Vec<Interface>,
    /// The last time of a packet, for simple packets, which have none.
    time: i64,
}

struct Interface {
    link: u16,
    snap: u32,
    /// Nanoseconds of one unit of time, where that is a whole number.
    unit: Option<i64>,
    /// Units of time in a second.
    resolution: u128,
    /// Seconds to add.
    offset: i64,
}

impl Section {
    #[inline]
    pub(super) fn next(&mut self, rest: &[u8]) -> Step {
        if rest.len() < 12 {
            return Step::More(12);
        }
        if rest[..4] == SECTION_HEADER {
            return self.section(rest);
        }
        if !self.begun {
            return Step::Bad("a block in front of the first section".to_owned());
        }
        let length = u32_at(rest, 4, self.big) as usize;
        if length < 12 {
            return Step::Bad(format!("a block of {length} bytes"));
        }
        // Lengths are to be multiples of four; some writers forget.
        let length = length.next_multiple_of(4);
        let kind = u32_at(rest, 0, self.big);
        if !matches!(kind, INTERFACE | OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
            return Step::Skip(length as u64);
        }
        if rest.len() < length {
            return Step::More(length);
        }
        let body = &rest[8..length - 4];
        let packet = match kind {
            ENHANCED_PACKET => self.enhanced(body),
            SIMPLE_PACKET => self.simple(body),
            OLD_PACKET => self.old(body),
            _ => match self.interface(body) {
                Ok(()) => return Step::Used(length, None),
                Err(why) => Err(why),
            },
        };
        match packet {
            Ok(packet) => {
                self.time = packet.time;
                Step::Used(length, Some(packet))
            }
            Err(why) => Step::Bad(why),
        }
    }

    /// True if the bytes begin with a block that holds a packet.
    pub(super) fn is_packet(&self, rest: &[u8]) -> bool {
        rest.len() >= 4 && matches!(u32_at(rest, 0, self.big), OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET)
    }

    fn section(&mut self, rest: &[u8]) -> Step {
        let big = match u32_at(rest, 8, true) {
            0x1a2b_3c4d => true,
            0x4d3c_2b1a => false,
            other => return Step::Bad(format!("a section of unknown byte order {other:08x}")),
        };
        let length = u32_at(rest, 4, big);
        if length < 28 {
            return Step::Bad(format!("a section header of {length} bytes"));
        }
        *self = Self { big, begun: true, interfaces: Vec::new(), time: 0 };
        Step::Skip(u64::from(length.next_multiple_of(4)))
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 8 {
            return Err("an interface without a link".to_owned());
        }
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces"));
        }
        let (mut resolution, mut offset) = (1_000_000, 0);
        let mut rest = &body[8..];
        while rest.len() >= 4 {
            let (code, length) = (u16_at(rest, 0, self.big), usize::from(u16_at(rest, 2, self.big)));
            let Some(value) = rest.get(4..4 + length) else { break };
            match (code, value) {
                (0, _) => break,
                (9, [exponent, ..]) => resolution = units(*exponent)?,
                (14, [_, _, _, _, _, _, _, _]) => {
                    let (high, low) = if self.big { (0, 4) } else { (4, 0) };
                    let word = u64::from(u32_at(value, high, self.big)) << 32 | u64::from(u32_at(value, low, self.big));
                    offset = word.cast_signed();
                }
                _ => {}
            }
            rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        let unit = (resolution <= 1_000_000_000 && 1_000_000_000 % resolution == 0)
            .then(|| i64::try_from(1_000_000_000 / resolution).unwrap_or(1));
        let (link, snap) = (u16_at(body, 0, self.big), u32_at(body, 4, self.big));
        self.interfaces.push(Interface { link, snap, unit, resolution, offset });
        Ok(())
    }

    #[inline]
    fn enhanced(&self, body: &[u8]) -> Result<Record, String> {
        let number = u32_at(body, 0, self.big);
        self.packet(body, number)
    }

    /// The packet block of the first drafts: the interface has 16 bits, and a count of drops stands behind it.
    fn old(&self, body: &[u8]) -> Result<Record, String> {
        self.packet(body, u32::from(u16_at(body, 0, self.big)))
    }

    #[inline]
    fn packet(&self, body: &[u8], number: u32) -> Result<Record, String> {
        let Some(interface) = self.interfaces.get(number as usize) else {
            return Err(format!("a packet of the unknown interface {number}"));
        };
        let captured = u32_at(body, 12, self.big);
        if body.len() < 20 || body.len() - 20 < captured as usize {
            return Err(format!("a packet of {captured} bytes in a block of {}", body.len()));
        }
        let units = u64::from(u32_at(body, 4, self.big)) << 32 | u64::from(u32_at(body, 8, self.big));
        Ok(Record {
            time: interface.time(units),
            start: 28,
            captured,
            wire: u32_at(body, 16, self.big),
            link: interface.link,
            interface: number as u16,
        })
    }

    fn simple(&self, body: &[u8]) -> Result<Record, String> {
        let Some(interface) = self.interfaces.first() else {
            return Err("a simple packet without an interface".to_owned());
        };
        let Some(room) = body.len().checked_sub(4) else {
            return Err("a simple packet without a length".to_owned());
        };
        let wire = u32_at(body, 0, self.big);
        let snap = if interface.snap == 0 { u32::MAX } else { interface.snap };
        let captured = wire.min(snap).min(u32::try_from(room).unwrap_or(u32::MAX));
        Ok(Record { time: self.time, start: 12, captured, wire, link: interface.link, interface: 0 })
    }
}

/// Units in a second: a power of ten, or of two if the top bit is set.
fn units(exponent: u8) -> Result<u128, String> {
    let power = u32::from(exponent & 0x7f);
    let units = if exponent & 0x80 == 0 { 10u128.checked_pow(power) } else { 1u128.checked_shl(power) };
    units.filter(|u| *u <= u128::from(u64::MAX)).ok_or_else(|| format!("times in units of 2 or 10 to the -{power}"))
}

impl Interface {
    /// Nanoseconds since 1970; what does not fit is brought to the end of the range.
    #[inline]
    fn time(&self, units: u64) -> i64 {
        let offset = self.offset.saturating_mul(1_000_000_000);
        let whole = match self.unit {
            Some(unit) => i64::try_from(units).ok().and_then(|u| u.checked_mul(unit)),
            None => i64::try_from(u128::from(units) * 1_000_000_000 / self.resolution).ok(),
        };
        whole.unwrap_or(i64::MAX).saturating_add(offset)
    }
}
