//! Files made here, whole and broken.

use super::*;
use std::io::Write;

/// The packets of a file with their bytes, and its faults.
fn packets(file: &[u8]) -> (Vec<(Record, Vec<u8>)>, Faults) {
    let mut capture = Capture::new(io::Cursor::new(file.to_vec())).expect("a capture");
    let (mut all, mut records) = (Vec::new(), Vec::new());
    while let Some(bytes) = capture.batch(&mut records) {
        all.extend(records.iter().map(|r| (*r, r.bytes(bytes).to_vec())));
    }
    assert!(capture.batch(&mut records).is_none(), "the end stays the end");
    (all, capture.faults().clone())
}

fn word(value: u32, big: bool) -> [u8; 4] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn half(value: u16, big: bool) -> [u8; 2] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn classic(magic: u32, big: bool, extra: usize, packets: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
    let mut file = word(magic, big).to_vec();
    file.extend([half(2, big), half(4, big)].concat());
    file.extend([word(0, big), word(0, big), word(65_535, big), word(1, big)].concat());
    for (seconds, fraction, bytes, wire) in packets {
        for value in [*seconds, *fraction, bytes.len() as u32, *wire] {
            file.extend(word(value, big));
        }
        file.extend(vec![0; extra]);
        file.extend(*bytes);
    }
    file
}

fn block(kind: u32, big: bool, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = word(padded as u32 + 12, big);
    let mut block = [word(kind, big), length].concat();
    block.extend(body);
    block.resize(8 + padded, 0);
    block.extend(length);
    block
}

fn section(big: bool) -> Vec<u8> {
    let body = [&word(0x1a2b_3c4d, big)[..], &half(1, big), &half(0, big), &[0xff; 8]].concat();
    block(0x0a0d_0d0a, big, &body)
}

fn interface(big: bool, link: u16, resolution: Option<u8>, offset: u64) -> Vec<u8> {
    let mut body = [&half(link, big)[..], &[0, 0], &word(0, big)].concat();
    if let Some(resolution) = resolution {
        body.extend([&half(9, big)[..], &half(1, big), &[resolution, 0, 0, 0]].concat());
    }
    let offset = if big { offset.to_be_bytes() } else { offset.to_le_bytes() };
    body.extend([&half(14, big)[..], &half(8, big), &offset, &[0; 4]].concat());
    block(1, big, &body)
}

fn enhanced(big: bool, interface: u32, time: u64, bytes: &[u8], wire: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for value in [interface, (time >> 32) as u32, time as u32, bytes.len() as u32, wire] {
        body.extend(word(value, big));
    }
    body.extend(bytes);
    block(6, big, &body)
}

#[test]
fn every_magic_of_the_classic_format() {
    for (magic, extra, time) in
        [(0xa1b2_c3d4, 0, 7_000_005_000), (0xa1b2_3c4d, 0, 7_000_000_005), (0xa1b2_cd34, 8, 7_000_005_000)]
    {
        for big in [false, true] {
            let (all, faults) = packets(&classic(magic, big, extra, &[(7, 5, b"abc", 90), (8, 0, b"", 60)]));
            assert_eq!(faults, Faults::default());
            assert_eq!(all.len(), 2);
            let (record, bytes) = &all[0];
            assert_eq!((record.time, record.wire, record.link, bytes.as_slice()), (time, 90, 1, &b"abc"[..]));
        }
    }
}

#[test]
fn times_after_2038() {
    let (all, _) = packets(&classic(0xa1b2_c3d4, false, 0, &[(u32::MAX, 999_999, b"a", 1)]));
    assert_eq!(all[0].0.time, 4_294_967_295_999_999_000);
}

#[test]
fn sections_interfaces_and_units_of_time() {
    for big in [false, true] {
        let mut file = section(!big);
        file.extend(interface(!big, 113, None, 0));
        file.extend(section(big));
        file.extend(interface(big, 1, Some(9), 0));
        file.extend(interface(big, 101, Some(0x80 | 10), 100));
        file.extend(block(4, big, &[1; 50]));
        file.extend(enhanced(big, 0, 5_000_000_001, b"abcde", 5));
        file.extend(enhanced(big, 1, 512, b"x", 10));
        // A simple packet, and one of the old kind.
        file.extend(block(3, big, &[&word(2, big)[..], b"yz"].concat()));
        let old =
            [&half(1, big)[..], &half(9, big), &word(0, big), &word(1024, big), &word(1, big), &word(1, big), b"o"];
        file.extend(block(2, big, &old.concat()));
        let (all, faults) = packets(&file);
        assert_eq!(faults, Faults::default());
        let short: Vec<(i64, u16, u16, &[u8])> =
            all.iter().map(|(r, bytes)| (r.time, r.link, r.interface, bytes.as_slice())).collect();
        assert_eq!(
            short,
            [
                (5_000_000_001, 1, 0, &b"abcde"[..]),
                (100_500_000_000, 101, 1, b"x"),
                (100_500_000_000, 1, 0, b"yz"),
                (101_000_000_000, 101, 1, b"o"),
            ]
        );
    }
}

#[test]
fn gzip_and_zstd() {
    let file = classic(0xa1b2_c3d4, false, 0, &[(1, 0, b"abc", 3)]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&file).expect("memory takes all");
    for packed in
        [gzip.finish().expect("memory takes all"), zstd::encode_all(file.as_slice(), 1).expect("memory takes all")]
    {
        let (all, faults) = packets(&packed);
        assert_eq!((all.len(), faults), (1, Faults::default()));
        // Packed and cut off: what can be unpacked is read.
        let cut = packed[..packed.len() - 1].to_vec();
        match Capture::new(io::Cursor::new(cut)) {
            Ok(mut capture) => {
                let mut records = Vec::new();
                while capture.batch(&mut records).is_some() {}
                assert!(capture.faults().cut_off <= 1);
            }
            Err(e) => assert_eq!(e.to_string(), "the file is empty"),
        }
    }
}

#[test]
fn a_file_cut_anywhere_gives_what_is_there() {
    let mut blocks = section(false);
    blocks.extend(interface(false, 1, None, 0));
    let start = blocks.len();
    let one = enhanced(false, 0, 1, b"abcdefg", 7);
    blocks.extend([&one[..], &one].concat());
    let records = classic(0xa1b2_c3d4, false, 0, &[(1, 0, b"abcdefg", 7), (1, 0, b"abcdefg", 7)]);
    for (file, start, length) in [(&blocks, start, one.len()), (&records, 24, 23)] {
        for end in start..=file.len() {
            let (all, faults) = packets(&file[..end]);
            assert_eq!(all.len(), (end - start) / length);
            let inside = (end - start) % length;
            // Of a block, the type says whether it holds a packet.
            let known = if length == 23 { inside > 0 } else { inside >= 4 };
            assert_eq!(faults.cut_off, u64::from(known), "{end}");
            assert_eq!(faults.stopped.is_some(), inside > 0, "{end}");
        }
    }
}

#[test]
fn lengths_that_cannot_be() {
    let (all, faults) = packets(&classic(0xa1b2_c3d4, false, 0, &[(1, 0, b"abc", 1), (1, 0, b"abc", u32::MAX)]));
    assert_eq!(all.iter().map(|(r, _)| r.wire).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(faults.lengths, 2);
    let mut file = classic(0xa1b2_c3d4, false, 0, &[(1, 0, b"abc", 3)]);
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0]);
    let (all, faults) = packets(&file);
    assert_eq!(all.len(), 1);
    assert!(faults.stopped.is_some_and(|why| why.contains("2130706448")));
}

#[test]
fn more_than_the_buffer_holds() {
    let large = vec![7; CHUNK + 1000];
    let given: Vec<(u32, u32, &[u8], u32)> = (0..5).map(|i| (i, 0, large.as_slice(), large.len() as u32)).collect();
    let (all, faults) = packets(&classic(0xa1b2_c3d4, true, 0, &given));
    assert_eq!(faults, Faults::default());
    assert!(all.len() == 5 && all.iter().all(|(_, bytes)| *bytes == large));
}

#[test]
fn what_is_no_capture() {
    for (file, why) in [
        (&b""[..], "empty"),
        (b"hello, world and all that is in it", "68656c6c"),
        (&[0xd4, 0xc3, 0xb2, 0xa1, 2], "header"),
    ] {
        let error = Capture::new(io::Cursor::new(file.to_vec())).err().expect("no capture");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn random_bytes_behind_a_good_begin() {
    let mut random = crate::decode::Random(1);
    for round in 0..2000 {
        let mut file = if round % 2 == 0 {
            [section(false), interface(false, 1, None, 0), enhanced(false, 0, 1, b"abcdefg", 7)].concat()
        } else {
            classic(0xa1b2_c3d4, false, 0, &[(1, 0, b"abcdefg", 7), (1, 0, b"abcdefg", 7)])
        };
        for _ in 0..1 + random.below(6) {
            let place = random.below(file.len());
            file[place] = random.below(256) as u8;
        }
        if let Ok(mut capture) = Capture::new(io::Cursor::new(file)) {
            let mut records = Vec::new();
            while let Some(bytes) = capture.batch(&mut records) {
                for record in &records {
                    assert_eq!(record.bytes(bytes).len(), record.captured as usize);
                    assert!(record.wire >= record.captured);
                }
            }
        }
    }
}
