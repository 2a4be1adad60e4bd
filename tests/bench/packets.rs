//! Traces of packets, and the loop that packet workloads are judged by: read, decode and count with nothing that could be left out.
//!
//! The loop knows Ethernet, VLAN, IPv4, IPv6, TCP and UDP and nothing else: no tunnels, no fragments, no bounds, no report.

use super::Random;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{Read, Result, Write};

const FLOWS: usize = 301_000;
const SECONDS: f64 = 60.0;

/// A conversation that goes on.
struct Flow {
    addresses: [[u8; 16]; 2],
    ports: [u16; 2],
    v6: bool,
    vlan: bool,
    protocol: u8,
    left: u32,
    sent: u32,
    sequences: [u32; 2],
}

/// `packets` packets of 301 000 conversations, some far larger than others, mixed by time, 15 % IPv6, 5 % tagged; at most `snap` bytes of each.
pub(crate) fn trace(packets: u64, snap: usize, out: &mut impl Write) -> Result<()> {
    let mut r = Random::new();
    let count = FLOWS.min(packets as usize / 4).max(1);
    let unit = |r: &mut Random| (r.below(1 << 53) as f64 + 1.0) / (1u64 << 53) as f64;
    // Sizes of a heavy tail; what is missing to the wanted number is dealt out to those that are large already.
    let mut sizes: Vec<u64> = (0..count).map(|_| (1.4 / unit(&mut r).powf(0.9)).min(50_000.0) as u64 + 1).collect();
    let mut sum: u64 = sizes.iter().sum();
    while sum != packets {
        let i = r.below(count as u64) as usize;
        let step = (sizes[i] / 4).clamp(1, sum.abs_diff(packets));
        if sum < packets {
            sizes[i] += step;
            sum += step;
        } else if sizes[i] > step {
            sizes[i] -= step;
            sum -= step;
        }
    }
    let mut order = Vec::with_capacity(packets as usize);
    for (i, size) in sizes.iter().enumerate() {
        let begin = unit(&mut r) * SECONDS;
        let gap = 10f64.powf(-4.0 + 3.5 * unit(&mut r));
        let mut time = begin;
        for _ in 0..*size {
            order.push((((time % SECONDS) * 1e6) as u32, i as u32));
            time += gap * (0.5 + unit(&mut r));
        }
    }
    order.sort_unstable();
    let mut flows: Vec<Flow> = sizes.iter().map(|size| flow(*size, &mut r)).collect();
    out.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let mut frame = Vec::new();
    for (time, i) in order {
        packet(&mut flows[i as usize], &mut r, &mut frame);
        let captured = frame.len().min(snap);
        for word in [1_700_000_000 + time / 1_000_000, time % 1_000_000, captured as u32, frame.len() as u32] {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(&frame[..captured])?;
    }
    out.flush()
}

fn flow(size: u64, r: &mut Random) -> Flow {
    let v6 = r.below(100) < 15;
    let address = |r: &mut Random| {
        let mut address = [0; 16];
        address[..8].copy_from_slice(&r.next().to_be_bytes());
        address[8..].copy_from_slice(&r.next().to_be_bytes());
        if v6 {
            address[..2].copy_from_slice(&[0x20, 0x01]);
        }
        address
    };
    // Servers are few, clients many; none of the ports is a tunnel's.
    let server = [80, 443, 443, 443, 53, 22, 25, 8080][r.below(8) as usize];
    Flow {
        addresses: [address(r), address(r)],
        ports: [20_000 + r.below(40_000) as u16, server],
        v6,
        vlan: r.below(100) < 5,
        protocol: if r.below(4) == 0 { 17 } else { 6 },
        left: size as u32,
        sent: 0,
        sequences: [r.next() as u32, r.next() as u32],
    }
}

/// The next packet: a handshake, data mostly from the server, and an end.
fn packet(flow: &mut Flow, r: &mut Random, out: &mut Vec<u8>) {
    flow.left -= 1;
    let back = if flow.sent < 2 { flow.sent == 1 } else { r.below(100) < 58 };
    let payload = match r.below(10) {
        _ if flow.sent < 2 => 0,
        0..=3 => 0,
        4..=5 => 100 + r.below(800) as usize,
        _ => 1300 + r.below(80) as usize,
    };
    let flags = match (flow.sent, flow.left) {
        (0, _) => 0x02,
        (1, _) => 0x12,
        (_, 0..2) => 0x11,
        _ => 0x10,
    };
    flow.sent += 1;
    let (from, to) = (usize::from(back), usize::from(!back));
    out.clear();
    out.extend([2, 0, 0, 0, 0, to as u8, 2, 0, 0, 0, 0, from as u8]);
    if flow.vlan {
        out.extend([0x81, 0, 0, 42]);
    }
    let header = if flow.protocol == 6 { 20 } else { 8 };
    let length = header + payload;
    if flow.v6 {
        out.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        out.extend((length as u16).to_be_bytes());
        out.extend([flow.protocol, 60]);
        out.extend(flow.addresses[from]);
        out.extend(flow.addresses[to]);
    } else {
        out.extend([8, 0, 0x45, 0]);
        out.extend((length as u16 + 20).to_be_bytes());
        out.extend([0, 0, 0x40, 0, 60, flow.protocol, 0, 0]);
        out.extend(&flow.addresses[from][..4]);
        out.extend(&flow.addresses[to][..4]);
    }
    out.extend(flow.ports[from].to_be_bytes());
    out.extend(flow.ports[to].to_be_bytes());
    if flow.protocol == 6 {
        out.extend(flow.sequences[from].to_be_bytes());
        out.extend(flow.sequences[to].to_be_bytes());
        out.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        flow.sequences[from] = flow.sequences[from].wrapping_add(payload as u32 + u32::from(flags & 3 != 0));
    } else {
        out.extend((length as u16).to_be_bytes());
        out.extend([0, 0]);
    }
    out.resize(out.len() + payload, 0);
}

/// Writes the packets of a capture many times, each time with other IPv4 addresses and later. Classic format, Ethernet, microseconds.
pub(crate) fn shift(file: &str, times: u64, out: &mut impl Write) -> Result<()> {
    let bytes = std::fs::read(file)?;
    let (header, body) = bytes.split_at(24);
    assert_eq!((&header[..4], header[20]), (&[0xd4, 0xc3, 0xb2, 0xa1][..], 1), "a capture of Ethernet");
    out.write_all(header)?;
    for round in 0..times {
        let mut rest = body;
        while rest.len() >= 16 {
            let captured = word(rest, 8) as usize;
            let (record, after) = rest.split_at((16 + captured).min(rest.len()));
            rest = after;
            let mut record = record.to_vec();
            let seconds = word(&record, 0).wrapping_add(round as u32 * 1000);
            record[..4].copy_from_slice(&seconds.to_le_bytes());
            let at = 16 + 14 + if record.get(28..30) == Some(&[0x81, 0]) { 4 } else { 0 };
            if record.get(at - 2..at) == Some(&[8, 0]) && record.len() >= at + 20 {
                for place in [at + 12, at + 16] {
                    record[place] = record[place].wrapping_add(round as u8);
                }
            }
            out.write_all(&record)?;
        }
    }
    out.flush()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Multiplies each word in and folds the product: as quick as hashes get, and enough for what is not attacked.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are words")
    }
    fn write_u64(&mut self, word: u64) {
        let product =
            u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb_u128;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

type Table<K> = HashMap<K, Counts, BuildHasherDefault<Fold>>;

#[derive(Default)]
struct Counts {
    first: u64,
    last: u64,
    packets: [u64; 2],
    bytes: [u64; 2],
    flags: [u8; 2],
}

#[derive(PartialEq, Eq)]
struct Words<const N: usize>([u64; N]);

impl<const N: usize> std::hash::Hash for Words<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|word| state.write_u64(*word));
    }
}

/// Counts a capture of the classic format and prints packets and flows.
pub(crate) fn bare(file: &str) -> Result<()> {
    const BUFFER: usize = 128 << 10;
    let mut from = File::open(file)?;
    let mut buffer = vec![0; BUFFER * 2];
    let (mut start, mut end) = (0, 0);
    let (mut v4, mut v6) = (Table::<Words<2>>::default(), Table::<Words<5>>::default());
    let (mut packets, mut other) = (0u64, 0u64);
    let mut begun = false;
    loop {
        buffer.copy_within(start..end, 0);
        end -= start;
        start = 0;
        let read = from.read(&mut buffer[end..end + BUFFER])?;
        end += read;
        if !begun {
            (start, begun) = (24, true);
        }
        while end - start >= 16 {
            let captured = word(&buffer, start + 8) as usize;
            if end - start < 16 + captured {
                break;
            }
            let time = u64::from(word(&buffer, start)) * 1_000_000 + u64::from(word(&buffer, start + 4));
            let wire = word(&buffer, start + 12);
            if count(&buffer[start + 16..start + 16 + captured], time, wire, &mut v4, &mut v6).is_none() {
                other += 1;
            }
            packets += 1;
            start += 16 + captured;
        }
        if read == 0 {
            println!("{{\"packets\": {packets}, \"flows\": {}, \"other\": {other}}}", v4.len() + v6.len());
            return Ok(());
        }
    }
}

#[inline]
fn count(frame: &[u8], time: u64, wire: u32, v4: &mut Table<Words<2>>, v6: &mut Table<Words<5>>) -> Option<()> {
    let mut at = 14;
    let mut kind = u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]);
    if kind == 0x8100 {
        kind = u16::from_be_bytes([*frame.get(16)?, *frame.get(17)?]);
        at = 18;
    }
    let long = |place: usize| Some(u64::from_be_bytes(frame.get(place..place + 8)?.try_into().ok()?));
    let short = |place: usize| Some(u64::from(u32::from_be_bytes(frame.get(place..place + 4)?.try_into().ok()?)));
    let (protocol, transport) = match kind {
        0x0800 => (*frame.get(at + 9)?, at + usize::from(frame[at] & 15) * 4),
        0x86dd => (*frame.get(at + 6)?, at + 40),
        _ => return None,
    };
    let ports = if matches!(protocol, 6 | 17) { short(transport)? } else { 0 };
    let flags = if protocol == 6 { frame.get(transport + 13).copied().unwrap_or(0) } else { 0 };
    let (from, to) = (ports >> 16, ports & 0xffff);
    let (back, counts) = if kind == 0x0800 {
        let (src, dst) = (short(at + 12)?, short(at + 16)?);
        let back = (src, from) > (dst, to);
        let key = if back { [dst << 32 | src, to << 24 | from << 8] } else { [src << 32 | dst, from << 24 | to << 8] };
        (back, v4.entry(Words([key[0], key[1] | u64::from(protocol)])).or_default())
    } else {
        let (src, dst) = ([long(at + 8)?, long(at + 16)?], [long(at + 24)?, long(at + 32)?]);
        let back = (src, from) > (dst, to);
        let (a, b, ends) = if back { (dst, src, to << 24 | from << 8) } else { (src, dst, from << 24 | to << 8) };
        (back, v6.entry(Words([a[0], a[1], b[0], b[1], ends | u64::from(protocol)])).or_default())
    };
    let side = usize::from(back);
    if counts.first == 0 {
        counts.first = time;
    }
    counts.last = time;
    counts.packets[side] += 1;
    counts.bytes[side] += u64::from(wire);
    counts.flags[side] |= flags;
    Some(())
}
