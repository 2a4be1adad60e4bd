//! Which addresses are one's own.

use agent_api::{Result, anyhow};
use std::net::IpAddr;

/// Networks in the notation of RFC 4632 and 4291.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks(Vec<(IpAddr, u32)>);

impl Networks {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or an address alone.
    pub(super) fn new(texts: &[String]) -> Result<Self> {
        let network = |text: &String| {
            let wrong = || anyhow!("{text:.60?} is no network such as 10.0.0.0/8");
            let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
            let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(all), |b| b.trim().parse().map_err(|_| wrong()))?;
            if bits <= all { Ok((address, bits)) } else { Err(wrong()) }
        };
        Ok(Networks(texts.iter().map(network).collect::<Result<_>>()?))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a flow is to these networks.
    pub(super) fn direction(&self, src: IpAddr, dst: IpAddr) -> &'static str {
        match (self.contain(src), self.contain(dst)) {
            (true, true) => "internal",
            (true, false) => "outbound",
            (false, true) => "inbound",
            (false, false) => "external",
        }
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(n), IpAddr::V4(a)) => (n.to_bits() ^ a.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0,
            (IpAddr::V6(n), IpAddr::V6(a)) => (n.to_bits() ^ a.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_s_own() {
        let networks = Networks::new(&["10.0.0.0/8".into(), "fd00::/8".into(), "192.0.2.1".into()]).unwrap();
        let direction = |a: &str, b: &str| networks.direction(a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(direction("10.255.0.1", "fdff::1"), "internal");
        assert_eq!(direction("192.0.2.1", "192.0.2.2"), "outbound");
        assert_eq!(direction("11.0.0.1", "10.0.0.1"), "inbound");
        assert_eq!(direction("fc00::1", "8.8.8.8"), "external");
        assert_eq!(
            Networks::new(&["0.0.0.0/0".into()]).unwrap().direction("1.2.3.4".parse().unwrap(), "::1".parse().unwrap()),
            "outbound"
        );
        for wrong in ["10.0.0.0/33", "10.0.0", "::/x", ""] {
            assert!(Networks::new(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
