//! The classic format: a header, then records.
//!
//! Source: draft-ietf-opsawg-pcap. The four bytes of the magic tell the byte order and the unit of the times; Kuznetzov's variant has
//! eight more bytes in front of each packet.

use super::{Faults, Record, u32_at};

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

    /// Adds the whole records of these bytes, which begin at a place in the buffer, up to so many; gives the bytes that they use, and how many
    /// the next one needs, 0 if there is no more room.
    #[inline]
    pub(super) fn collect(
        &self,
        bytes: &[u8],
        start: usize,
        most: usize,
        faults: &mut Faults,
        records: &mut Vec<Record>,
    ) -> (usize, usize) {
        let unit = if self.nanoseconds { 1 } else { 1000 };
        let mut at = 0;
        while records.len() < most {
            let rest = &bytes[at..];
            let Some(head) = rest.first_chunk::<16>().filter(|_| rest.len() >= self.record) else {
                return (at, self.record);
            };
            let [seconds, fraction, captured, wire] = std::array::from_fn(|i| {
                let word = [head[i * 4], head[i * 4 + 1], head[i * 4 + 2], head[i * 4 + 3]];
                if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
            });
            let used = self.record + captured as usize;
            if rest.len() < used {
                return (at, used);
            }
            let mut packet = Record {
                // Seconds are unsigned: the format lasts until 2106.
                time: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * unit,
                start: (start + at + self.record) as u32,
                captured,
                wire,
                link: self.link,
                interface: 0,
            };
            faults.mend(&mut packet);
            records.push(packet);
            at += used;
        }
        (at, 0)
    }
}
