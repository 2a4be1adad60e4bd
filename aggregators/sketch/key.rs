//! Which parts of a packet are counted together.

use super::state::{Reading, Writing};
use agent_api::{Builder, Result, anyhow, bail, ensure};
use agent_packets::{Packets, Seen};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The parts, by the bit of each in a selection.
const PARTS: [&str; 7] = ["src", "dst", "src_port", "dst_port", "protocol", "vlan", "vni"];

/// A selection of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// As the user wrote it.
    pub(super) text: String,
    chosen: u8,
}

/// The chosen parts of a packet; what is not chosen is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    src: u128,
    dst: u128,
    /// Ports, VLAN, protocol and the version of IP.
    rest: u64,
    vni: u32,
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
        Ok(Parts { text: text.trim().to_owned(), chosen })
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

    /// The key of one of these packets.
    #[inline]
    pub(super) fn of(&self, packets: &Packets, seen: &Seen) -> Key {
        let part = |bit: u8, value: u64| if self.has(bit) { value } else { 0 };
        let rest = part(2, u64::from(seen.ports[0])) << 48
            | part(3, u64::from(seen.ports[1])) << 32
            | part(5, u64::from(seen.vlans[0])) << 16
            | part(4, u64::from(seen.protocol)) << 8
            | if self.has(0) || self.has(1) { u64::from(seen.v6()) } else { 0 };
        let [src, dst] = packets.addresses(seen);
        Key {
            src: if self.has(0) { src } else { 0 },
            dst: if self.has(1) { dst } else { 0 },
            rest,
            vni: if self.has(6) { packets.network(seen) } else { 0 },
        }
    }

    /// Adds the parts of a key to a metric.
    pub(super) fn write<'a>(&self, key: &Key, mut metric: Builder<'a>) -> Builder<'a> {
        let address = |number: u128| {
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
    pub(super) fn save(&self, state: &mut Writing) {
        state.number(self.rest);
        state.number(self.vni.into());
        for address in [self.src, self.dst] {
            // Truncated on purpose: each half in turn.
            state.number(address as u64);
            state.number((address >> 64) as u64);
        }
    }

    pub(super) fn load(state: &mut Reading) -> Option<Self> {
        let (rest, vni) = (state.number()?, u32::try_from(state.number()?).ok()?);
        let mut address = || Some(u128::from(state.number()?) | u128::from(state.number()?) << 64);
        Some(Key { rest, vni, src: address()?, dst: address()? })
    }
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
    fn what_cannot_be() {
        assert!(Parts::new("source").is_err() && Parts::new("").is_err());
        assert!(Parts::pair("src dst").is_err() && Parts::pair("src > src").is_err());
    }
}
