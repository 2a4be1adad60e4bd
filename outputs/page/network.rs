//! Networks as `address/bits` (RFC 4632 3.1, RFC 4291 2.3).

use std::net::IpAddr;

/// All addresses whose first bits are those of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    prefix: u128,
    v4: bool,
    /// Set where addresses have to agree.
    mask: u128,
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        // In the high bits, so that a mask counts from the same end for both versions.
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    }
}

impl Network {
    /// None if it is no address with a number of bits that it has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ip, len) = text.split_once('/')?;
        let ip: IpAddr = ip.parse().ok()?;
        let len: u32 = len.parse().ok()?;
        if len > if ip.is_ipv4() { 32 } else { 128 } {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
        Some(Network { prefix: bits(ip) & mask, v4: ip.is_ipv4(), mask })
    }

    /// True if the address is in it.
    pub(super) fn holds(self, ip: IpAddr) -> bool {
        self.v4 == ip.is_ipv4() && bits(ip) & self.mask == self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, ip: &str) -> bool {
        Network::parse(network).unwrap().holds(ip.parse().unwrap())
    }

    #[test]
    fn addresses_in_and_out() {
        assert!(holds("192.168.1.7/24", "192.168.1.255") && !holds("192.168.1.0/24", "192.168.2.0"));
        assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("127.0.0.1/32", "127.0.0.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1") && holds("::/0", "::1"));
        assert!(holds("fd00::/8", "fdff::1") && !holds("fd00::/8", "fe80::1"));
    }

    #[test]
    fn what_is_no_network() {
        for bad in ["", "127.0.0.1", "127.0.0.1/33", "::/129", "own/8", "1.2.3.4/-1", "1.2.3/8"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
