//! Which parts of a packet are counted together.

use super::state::{Reading, Writing};
use agent_api::{Builder, Result, anyhow, bail, ensure};
use agent_packets::{Packets, Seen};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The parts, by the bit of each in a selection.
const PARTS: [&str; 7] = ["src", "dst", "src_port", "dst_port", "protocol", "vlan", "vni"];

/// A selection of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// As the user wrote it.
    pub(super) text: String,
    chosen: u8,
    /// All bits of what is chosen.
    mask: Key,
    pub(super) only: Only,
}

/// What most sketches are of, which is chosen in fewer steps than anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    Src,
    Dst,
    Whatever,
}

/// Parts of a packet: all, or those that are chosen, and 0 for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The upper and the lower half of each address.
    src: [u64; 2],
    dst: [u64; 2],
    /// Ports, VLAN, protocol and the version of IP, that one where there is an address.
    rest: u64,
    vni: u32,
}

/// Most keys are of IPv4, and no more than two words.
impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.rest & 1 == 0 {
            state.write_u64(self.src[1] << 32 | self.dst[1]);
        } else {
            [self.src, self.dst].into_iter().flatten().for_each(|half| state.write_u64(half));
        }
        state.write_u64(self.rest);
        if self.vni != 0 {
            state.write_u32(self.vni);
        }
    }
}

impl Parts {
    /// Reads names with commas between them.
    pub(super) fn new(text: &str) -> Result<Self> {
        let mut chosen = 0;
        for name in text.split(',').map(str::trim) {
            match PARTS.iter().position(|part| *part == name) {
                Some(bit) => chosen |= 1 << bit,
                None => bail!("{name:.60?} is none of {}", PARTS.join(", ")),
            }
        }
        let all = |part: u8, bits: u64| if chosen & 1 << part != 0 { bits } else { 0 };
        let mask = Key {
            src: [all(0, u64::MAX); 2],
            dst: [all(1, u64::MAX); 2],
            rest: all(2, 0xffff << 48)
                | all(3, 0xffff << 32)
                | all(5, 0xffff << 16)
                | all(4, 0xff << 8)
                | all(0, 1)
                | all(1, 1),
            vni: all(6, u32::MAX.into()) as u32,
        };
        let only = match chosen {
            0b1 => Only::Src,
            0b10 => Only::Dst,
            _ => Only::Whatever,
        };
        Ok(Parts { text: text.trim().to_owned(), chosen, mask, only })
    }

    /// Reads the two sides of `src > dst`.
    pub(super) fn pair(text: &str) -> Result<(Self, Self)> {
        let (source, element) =
            text.split_once('>').ok_or_else(|| anyhow!("{text:.60?} is not of the form `src > dst`"))?;
        let (source, element) = (Parts::new(source)?, Parts::new(element)?);
        ensure!(source.chosen & element.chosen == 0, "{text:.60?} has a part on both sides");
        Ok((source, element))
    }

    /// True if the same parts are chosen, in whatever order they were written.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.chosen == other.chosen
    }

    #[inline]
    fn has(&self, part: u8) -> bool {
        self.chosen & 1 << part != 0
    }

    /// What is chosen of one of these packets.
    #[inline]
    pub(super) fn of(&self, packets: &Packets, seen: &Seen) -> Key {
        match self.only {
            Only::Src => Key::src(packets, seen),
            Only::Dst => Key::dst(packets, seen),
            Only::Whatever => self.masked(packets, seen),
        }
    }

    /// What is chosen of one of these packets, whatever it is.
    #[inline]
    pub(super) fn masked(&self, packets: &Packets, seen: &Seen) -> Key {
        let whole = Key::whole(packets, seen);
        let both = |a: [u64; 2], b: [u64; 2]| [a[0] & b[0], a[1] & b[1]];
        Key {
            src: both(whole.src, self.mask.src),
            dst: both(whole.dst, self.mask.dst),
            rest: whole.rest & self.mask.rest,
            vni: whole.vni & self.mask.vni,
        }
    }

    /// Adds the parts of a key to a metric.
    pub(super) fn write<'a>(&self, key: &Key, mut metric: Builder<'a>) -> Builder<'a> {
        let address = |[high, low]: [u64; 2]| {
            let number = u128::from(high) << 64 | u128::from(low);
            if key.rest & 1 == 1 {
                IpAddr::V6(Ipv6Addr::from_bits(number))
            } else {
                IpAddr::V4(Ipv4Addr::from_bits(number as u32))
            }
        };
        for (bit, name) in (0u8..).zip(PARTS).filter(|(bit, _)| self.has(*bit)) {
            // Each cast takes the field that stands there.
            metric = match bit {
                0 => metric.field(name, address(key.src).to_string().as_str()),
                1 => metric.field(name, address(key.dst).to_string().as_str()),
                2 => metric.field(name, key.rest >> 48),
                3 => metric.field(name, key.rest >> 32 & 0xffff),
                4 => metric.field(name, key.rest >> 8 & 0xff),
                5 => metric.field(name, key.rest >> 16 & 0xffff),
                _ => metric.field(name, u64::from(key.vni)),
            };
        }
        metric
    }
}

impl Key {
    /// All there is of one of these packets.
    #[inline]
    fn whole(packets: &Packets, seen: &Seen) -> Self {
        let [src_port, dst_port] = seen.ports().map(u64::from);
        let rest = src_port << 48
            | dst_port << 32
            | u64::from(seen.vlans[0]) << 16
            | u64::from(seen.protocol()) << 8
            | u64::from(seen.v6());
        let [src, dst] = packets.addresses(seen).map(halves);
        Key { src, dst, rest, vni: packets.network(seen) }
    }

    /// The sender's address alone.
    #[inline]
    pub(super) fn src(packets: &Packets, seen: &Seen) -> Self {
        let [src, _] = packets.addresses(seen);
        Key { src: halves(src), dst: [0; 2], rest: u64::from(seen.v6()), vni: 0 }
    }

    /// The receiver's address alone.
    #[inline]
    pub(super) fn dst(packets: &Packets, seen: &Seen) -> Self {
        let [_, dst] = packets.addresses(seen);
        Key { src: [0; 2], dst: halves(dst), rest: u64::from(seen.v6()), vni: 0 }
    }

    pub(super) fn save(&self, state: &mut Writing) {
        state.number(self.rest);
        state.number(self.vni.into());
        for [high, low] in [self.src, self.dst] {
            state.number(low);
            state.number(high);
        }
    }

    pub(super) fn load(state: &mut Reading) -> Option<Self> {
        let (rest, vni) = (state.number()?, u32::try_from(state.number()?).ok()?);
        let mut address = || {
            let low = state.number()?;
            Some([state.number()?, low])
        };
        Some(Key { rest, vni, src: address()?, dst: address()? })
    }
}

/// The upper and the lower half of an address.
#[inline]
fn halves(address: u128) -> [u64; 2] {
    // Truncated on purpose: each half in turn.
    [(address >> 64) as u64, address as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_packets::Packet;

    #[test]
    fn versions_of_ip_do_not_mix() {
        let parts = Parts::new("src, dst_port").unwrap();
        let v4 = Packet { src: 7, dst: 5, dst_port: 80, ..Packet::default() };
        let all = [v4, Packet { v6: true, ..v4 }, Packet { dst: 9, ..v4 }];
        let packets: Packets = all.into_iter().map(|packet| (packet, 0, 0)).collect();
        let [v4, v6, other] = [0, 1, 2].map(|i| parts.of(&packets, &packets.seen()[i]));
        assert_ne!(v4, v6);
        assert_eq!(v4, other);
    }

    #[test]
    fn one_address_alone_is_what_the_mask_leaves() {
        for v6 in [false, true] {
            let packet =
                Packet { v6, src: 7 << 3, dst: 5, src_port: 9, dst_port: 80, protocol: 6, ..Packet::default() };
            let packets: Packets = [(packet, 0, 0)].into_iter().collect();
            let seen = &packets.seen()[0];
            for (text, only) in [("src", Only::Src), ("dst", Only::Dst), ("src,dst", Only::Whatever)] {
                let parts = Parts::new(text).unwrap();
                assert_eq!((parts.only, parts.of(&packets, seen)), (only, parts.masked(&packets, seen)));
                assert_ne!(parts.of(&packets, seen), Key::whole(&packets, seen));
            }
        }
    }

    #[test]
    fn what_cannot_be() {
        assert!(Parts::new("source").is_err() && Parts::new("").is_err());
        assert!(Parts::pair("src dst").is_err() && Parts::pair("src > src").is_err());
    }
}
