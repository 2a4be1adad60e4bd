//! The form of the files: a header, then records, each with its length, checksum and number.
//!
//! ```text
//! segment = "agentseg" version:u32 first:u64 key:8 crc:u32 record*
//! record  = length:u32 crc:u32 number:u64 metrics:u32 payload
//! ```
//!
//! Version 2, which is written; version 1 has no key in its header. The key is that with which payloads are encrypted, by its
//! id, or zeros. All numbers have the lowest byte first. A checksum is CRC-32C over the rest of the header, of a record over all but itself.
//! Numbers grow from record to record; that, and the checksum, finds the next record behind a damaged one. The payload is
//! a batch in the stored form of `agent_api::metric`; in the position file it is a [`Position`](super::position::Position).

use super::crc::crc32c;
use crate::pipeline::seal::OPEN;

/// Bytes of a segment's header.
pub(super) const HEADER: usize = 32;
/// Bytes of a header of version 1.
const HEADER_1: usize = 24;
/// Bytes of a record before its payload.
pub(super) const RECORD: usize = 20;
/// The largest payload.
pub(super) const PAYLOAD_MAX: usize = 1 << 29;

const MAGIC: &[u8; 8] = b"agentseg";
const VERSION: u32 = 2;
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
    /// It is whole.
    Whole(Head),
    /// It is of a version that this agent does not know.
    Version(u32),
    /// Not to be read.
    Damaged,
}

/// What a header that is whole says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The number that its first record has, or a smaller one.
    pub(super) first: u64,
    /// Where its records begin.
    pub(super) begin: usize,
    /// The id of the key with which its payloads are encrypted; zeros: they are not.
    pub(super) key: [u8; 8],
}

/// The header of a segment.
pub(super) fn header(first: u64, key: [u8; 8]) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..20].copy_from_slice(&first.to_le_bytes());
    out[20..28].copy_from_slice(&key);
    let crc = crc32c(&[&out[..HEADER - 4]]);
    out[HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the header of a segment.
pub(super) fn read_header(bytes: &[u8]) -> Header {
    let Some(version) = bytes.get(..12).filter(|head| &head[..8] == MAGIC).map(|head| u32_at(head, 8)) else {
        return Header::Damaged;
    };
    let len = if version == 1 { HEADER_1 } else { HEADER };
    match bytes.get(..len) {
        Some(head) if crc32c(&[&head[..len - 4]]) == u32_at(head, len - 4) => match version {
            1 => Header::Whole(Head { first: u64_at(head, 12), begin: len, key: OPEN }),
            VERSION => Header::Whole(Head { first: u64_at(head, 12), begin: len, key: u64_at(head, 20).to_le_bytes() }),
            version => Header::Version(version),
        },
        _ => Header::Damaged,
    }
}

/// Where the records of a file begin whose header is damaged, so that its version is not known.
pub(super) fn begin_by_records(bytes: &[u8], after: u64) -> usize {
    if record_at(bytes, HEADER_1, after).is_some() { HEADER_1 } else { HEADER }
}

/// Appends a record.
pub(super) fn put(number: u64, metrics: u32, payload: &[u8], out: &mut Vec<u8>) {
    put_with(number, metrics, out, |out| out.extend_from_slice(payload));
}

/// Appends a record whose payload is what `write` appends.
pub(super) fn put_with<T>(number: u64, metrics: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = out.len();
    out.extend_from_slice(&[0; RECORD]);
    let written = write(out);
    let (head, payload) = out[start..].split_at_mut(RECORD);
    head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..16].copy_from_slice(&number.to_le_bytes());
    head[16..].copy_from_slice(&metrics.to_le_bytes());
    let crc = crc32c(&[&head[..4], &head[8..], payload]);
    head[4..8].copy_from_slice(&crc.to_le_bytes());
    written
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
        let key = *b"a key id";
        assert_eq!(read_header(&header(7, key)), Header::Whole(Head { first: 7, begin: HEADER, key }));
        assert_eq!(read_header(&header(7, key)[..20]), Header::Damaged);
        assert_eq!(read_header(&header(7, key)[..HEADER - 1]), Header::Damaged);
        let mut newer = header(7, key);
        newer[8] = 3;
        assert_eq!(read_header(&newer), Header::Damaged);
        let crc = crc32c(&[&newer[..HEADER - 4]]);
        newer[HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&newer), Header::Version(3));
    }

    #[test]
    fn a_header_of_version_1_is_read() {
        // As the first agents wrote it, for the number 7.
        let mut old = b"agentseg\x01\0\0\0\x07\0\0\0\0\0\0\0".to_vec();
        let crc = crc32c(&[&old]);
        old.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&old), Header::Whole(Head { first: 7, begin: HEADER_1, key: OPEN }));
    }
}
