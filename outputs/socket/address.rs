//! Where a socket connects to, as users spell it.

use agent_api::{Result, bail, ensure};
use std::path::PathBuf;

/// Which version of IP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Any,
    V4,
    V6,
}

/// Where a socket connects to; hosts with their port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(String, Version),
    Udp(String, Version),
    Unix(PathBuf),
    Unixgram(PathBuf),
}

impl Address {
    /// Reads `scheme://rest`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            bail!("address {text:?}: expected a scheme, such as tcp://host:port");
        };
        let (protocol, version) = match scheme.strip_suffix(['4', '6']) {
            Some(bare @ ("tcp" | "udp")) => (bare, if scheme.ends_with('4') { Version::V4 } else { Version::V6 }),
            _ => (scheme, Version::Any),
        };
        let port = || rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match protocol {
            "tcp" | "udp" => ensure!(port(), "address {text:?} has no valid port"),
            _ => ensure!(!rest.is_empty(), "address {text:?} has no path"),
        }
        Ok(match protocol {
            "tcp" => Address::Tcp(rest.to_owned(), version),
            "udp" => Address::Udp(rest.to_owned(), version),
            "unix" => Address::Unix(PathBuf::from(rest)),
            "unixgram" => Address::Unixgram(PathBuf::from(rest)),
            "unixpacket" | "vsock" => bail!("address {text:?}: {protocol} is not supported"),
            other => bail!("address {text:?}: unknown protocol {other:?}, expected tcp, udp, unix or unixgram"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |text| Address::parse(text).unwrap();
        assert_eq!(parse("tcp://127.0.0.1:1"), Address::Tcp("127.0.0.1:1".to_owned(), Version::Any));
        assert_eq!(parse("udp6://[::1]:1"), Address::Udp("[::1]:1".to_owned(), Version::V6));
        assert_eq!(parse("unix:///run/a.sock"), Address::Unix("/run/a.sock".into()));
        assert_eq!(parse("unixgram://a.sock"), Address::Unixgram("a.sock".into()));
        for bad in
            ["", "127.0.0.1:1", "tcp://127.0.0.1", "tcp://a:70000", "tcp5://a:1", "unix4://a", "unix://", "vsock://1:2"]
        {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
