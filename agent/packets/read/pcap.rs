//! The classic format: a header, then records.
//!
//! Source: draft-ietf-opsawg-pcap. The four bytes of the magic tell the byte order and the unit of the times; Kuznetzov's variant has
//! eight more bytes in front of each packet.

use super::{Record, Step, u32_at};

/// The length of the file's header.
pub(super) const HEADER: usize = 24;

/// What the header of the file says.
pub(super) struct Header {
    big: bool,
    nanoseconds: bool,
    /// The bytes in front of each packet.
    record: usize,
    link: u16,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("the file is empty".to_owned());
        }
        let magic = u32_at(bytes, 0, true);
        let (big, nanoseconds, record) = match magic {
            0xa1b2_c3d4 => (true, false, 16),
            0xd4c3_b2a1 => (false, false, 16),
            0xa1b2_3c4d => (true, true, 16),
            0x4d3c_b2a1 => (false, true, 16),
            0xa1b2_cd34 => (true, false, 24),
            0x34cd_b2a1 => (false, false, 24),
            _ => return Err(format!("neither pcap nor pcapng: it begins with {magic:08x}")),
        };
        if bytes.len() < HEADER {
            return Err("the file ends within its header".to_owned());
        }
        // The upper half holds the length of the checksum behind each frame.
        let link = (u32_at(bytes, 20, big) & 0xffff) as u16;
        Ok(Self { big, nanoseconds, record, link })
    }

    #[inline]
    pub(super) fn next(&self, rest: &[u8]) -> Step {
        if rest.len() < self.record {
            return Step::More(self.record);
        }
        let captured = u32_at(rest, 8, self.big);
        let used = self.record + captured as usize;
        if rest.len() < used {
            return Step::More(used);
        }
        let fraction = i64::from(u32_at(rest, 4, self.big));
        let fraction = if self.nanoseconds { fraction } else { fraction * 1000 };
        let packet = Record {
            // Seconds are unsigned: the format lasts until 2106.
            time: i64::from(u32_at(rest, 0, self.big)) * 1_000_000_000 + fraction,
            start: self.record as u32,
            captured,
            wire: u32_at(rest, 12, self.big),
            link: self.link,
            interface: 0,
        };
        Step::Used(used, Some(packet))
    }
}
