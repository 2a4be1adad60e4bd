//! The form of the files: a header, then records, each with its length, checksum and number.
//!
//! ```text
//! segment = "agentseg" version:u32 first:u64 crc:u32 record*
//! record  = length:u32 crc:u32 number:u64 metrics:u32 payload
//! ```
//!
//! All numbers have the lowest byte first. A checksum is CRC-32C over the rest of the header, of a record over all but itself.
//! Numbers grow from record to record; that, and the checksum, finds the next record behind a damaged one. The payload is
//! a batch in the stored form of `agent_api::metric`; in the position file it is a [`Position`](super::position::Position).

use super::crc::crc32c;

/// Bytes of a segment's header.
pub(super) const HEADER: usize = 24;
/// Bytes of a record before its payload.
pub(super) const RECORD: usize = 20;
/// The largest payload.
pub(super) const PAYLOAD_MAX: usize = 1 << 29;

const MAGIC: &[u8; 8] = b"agentseg";
const VERSION: u32 = 1;
/// Numbers of records that follow each other differ by less than this.
const STRIDE: u64 = 1 << 32;

/// A record within bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Its number.
    pub(super) number: u64,
    /// Metrics of its payload.
    pub(super) metrics: u32,
    pub(super) payload: &'a [u8],
    /// Where it begins and ends in the bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The number that its first record has, or a larger one.
    First(u64),
    /// It is of a version that this agent does not know.
    Version(u32),
    /// Not to be read.
    Damaged,
}

/// The header of a segment.
pub(super) fn header(first: u64) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..20].copy_from_slice(&first.to_le_bytes());
    let crc = crc32c(&[&out[..20]]);
    out[20..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the header of a segment.
pub(super) fn read_header(bytes: &[u8]) -> Header {
    match bytes.get(..HEADER) {
        Some(head) if &head[..8] == MAGIC && crc32c(&[&head[..20]]) == u32_at(head, 20) => match u32_at(head, 8) {
            VERSION => Header::First(u64_at(head, 12)),
            version => Header::Version(version),
        },
        _ => Header::Damaged,
    }
}

/// Appends a record.
pub(super) fn put(number: u64, metrics: u32, payload: &[u8], out: &mut Vec<u8>) {
    let len = (payload.len() as u32).to_le_bytes();
    let (number, metrics) = (number.to_le_bytes(), metrics.to_le_bytes());
    out.extend_from_slice(&len);
    out.extend_from_slice(&crc32c(&[&len, &number, &metrics, payload]).to_le_bytes());
    out.extend_from_slice(&number);
    out.extend_from_slice(&metrics);
    out.extend_from_slice(payload);
}

/// The length of the record that begins at `at` as its head says, whether or not all of it is there.
pub(super) fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..)?.get(..RECORD)?;
    Some(RECORD + u32_at(head, 0) as usize)
}

/// The record that begins at `at`, if it is whole and its number follows `after`.
pub(super) fn record_at(bytes: &[u8], at: usize, after: u64) -> Option<Record<'_>> {
    let head = bytes.get(at..)?.get(..RECORD)?;
    let number = u64_at(head, 8);
    if number <= after || number - after >= STRIDE {
        return None;
    }
    let end = at + length(bytes, at)?;
    let payload = bytes.get(at + RECORD..end)?;
    let whole = crc32c(&[&head[..4], &head[8..], payload]) == u32_at(head, 4);
    whole.then(|| Record { number, metrics: u32_at(head, 16), payload, start: at, end })
}

/// A number that records near to `number` follow.
pub(super) fn far_before(number: u64) -> u64 {
    number.saturating_sub(STRIDE / 2)
}

/// The first record that begins at `at` or behind it and whose number follows `after`.
pub(super) fn next(bytes: &[u8], at: usize, after: u64) -> Option<Record<'_>> {
    (at..bytes.len().saturating_sub(RECORD - 1)).find_map(|at| record_at(bytes, at, after))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_costs_one_record() {
        let mut bytes = Vec::new();
        for number in 1..=3 {
            put(number, 1, b"some payload", &mut bytes);
        }
        let each = bytes.len() / 3;
        for bit in 0..each * 8 {
            let mut bad = bytes.clone();
            bad[each + bit / 8] ^= 1 << (bit % 8);
            let first = next(&bad, 0, 0).unwrap();
            let second = next(&bad, first.end, first.number).unwrap();
            assert_eq!((first.number, second.number, second.start), (1, 3, 2 * each), "bit {bit}");
            assert_eq!(next(&bad, second.end, second.number), None);
        }
    }

    #[test]
    fn a_header_is_read_or_refused() {
        assert_eq!(read_header(&header(7)), Header::First(7));
        assert_eq!(read_header(&header(7)[..20]), Header::Damaged);
        let mut newer = header(7);
        newer[8] = 2;
        assert_eq!(read_header(&newer), Header::Damaged);
        let crc = crc32c(&[&newer[..20]]);
        newer[20..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&newer), Header::Version(2));
    }
}
