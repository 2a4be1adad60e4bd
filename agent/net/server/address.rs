//! Where a server listens, as Telegraf spells it: `tcp://:8186`, `:8186`, `udp6://[::1]:8125`, `unix:///run/a.sock`.

use agent_api::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Which version of IP a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Both where the host is empty, else that of the host.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port: `host:port`; an empty host means all addresses.
    Tcp(String, Family),
    /// A UDP port.
    Udp(String, Family),
    /// A stream socket in the file system.
    Unix(PathBuf),
    /// A datagram socket in the file system.
    Unixgram(PathBuf),
}

impl Address {
    /// Reads an address; `scheme` is what one without a scheme means.
    pub fn parse(text: &str, scheme: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or((scheme, text));
        let host = |rest: &str| -> Result<String> {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            let (_, port) = rest.rsplit_once(':').with_context(|| format!("address {text:?} has no port"))?;
            ensure!(port_number(port).is_some(), "address {text:?} has no valid port");
            Ok(rest.to_owned())
        };
        let path = |rest: &str| -> Result<PathBuf> {
            ensure!(!rest.is_empty(), "address {text:?} has no path");
            ensure!(cfg!(unix), "address {text:?}: this system has no unix sockets");
            Ok(PathBuf::from(rest))
        };
        Ok(match scheme {
            "tcp" => Address::Tcp(host(rest)?, Family::Any),
            "tcp4" => Address::Tcp(host(rest)?, Family::V4),
            "tcp6" => Address::Tcp(host(rest)?, Family::V6),
            "udp" => Address::Udp(host(rest)?, Family::Any),
            "udp4" | "ip4" => Address::Udp(host(rest)?, Family::V4),
            "udp6" | "ip6" => Address::Udp(host(rest)?, Family::V6),
            "unix" => Address::Unix(path(rest)?),
            "unixgram" => Address::Unixgram(path(rest)?),
            other => bail!("unknown protocol {other:?} in {text:?}, expected tcp, udp, unix or unixgram"),
        })
    }

    /// True for connections, false for datagrams.
    pub fn is_stream(&self) -> bool {
        matches!(self, Address::Tcp(..) | Address::Unix(_))
    }
}

/// The addresses of a `host:port`, best first: for an empty host all of IPv6 (which takes IPv4 in), then all of IPv4.
pub(super) async fn resolve(host: &str, family: Family) -> Result<Vec<SocketAddr>> {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    let port = port_number(port).with_context(|| format!("address {host:?} has no valid port"))?;
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let all: Vec<SocketAddr> = if name.is_empty() {
        vec![SocketAddr::from(([0u16; 8], port)), SocketAddr::from(([0u8; 4], port))]
    } else {
        tokio::net::lookup_host((name, port)).await.with_context(|| format!("resolve {name:?}"))?.collect()
    };
    let fits = |a: &SocketAddr| match family {
        Family::Any => true,
        Family::V4 => a.is_ipv4(),
        Family::V6 => a.is_ipv6(),
    };
    let fitting: Vec<SocketAddr> = all.into_iter().filter(fits).collect();
    ensure!(!fitting.is_empty(), "{name:?} has no address of that version of IP");
    Ok(fitting)
}

/// A port by number or by its name in `/etc/services`.
fn port_number(port: &str) -> Option<u16> {
    if port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) {
        return if port.is_empty() { Some(0) } else { port.parse().ok() };
    }
    let services = std::fs::read_to_string("/etc/services").unwrap_or_default();
    let listed = services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let (name, number) = (words.next()?, words.next()?);
        if name == port || words.any(|alias| alias == port) { number.split('/').next()?.parse().ok() } else { None }
    });
    listed.or(match port {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })
}

/// Reads `socket_mode`: the permissions of a socket in the file system, in octal digits; nothing where it is empty.
pub fn socket_mode(text: &str) -> Result<Option<u32>> {
    if text.is_empty() {
        return Ok(None);
    }
    let mode = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777);
    Ok(Some(mode.with_context(|| format!("socket_mode {text:?} is no octal number up to 7777"))?))
}

/// The file of a socket, removed when this is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl SocketFile {
    /// Makes way for a socket at `path`: removes one that nobody removed, and nothing else.
    pub(super) fn clear(path: &Path) -> Result<()> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if is_socket(&found) => {
                std::fs::remove_file(path).with_context(|| format!("remove old socket {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Takes charge of the file of a socket that was just bound, and gives it its permissions.
    pub(super) fn bound(path: &Path, mode: Option<u32>) -> Result<Self> {
        let file = SocketFile(path.to_owned());
        file.set_mode(mode)?;
        Ok(file)
    }

    /// Gives it its permissions.
    pub(super) fn set_mode(&self, mode: Option<u32>) -> Result<()> {
        #[cfg(unix)]
        if let Some(mode) = mode {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(mode))
                .with_context(|| format!("set permissions of {}", self.0.display()))?;
        }
        #[cfg(not(unix))]
        let _unused = mode;
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever removed it first has done what was to be done.
        let _gone = std::fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn is_socket(file: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&file.file_type())
}

#[cfg(not(unix))]
fn is_socket(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let tcp = |s: &str| Address::Tcp(s.to_owned(), Family::Any);
        assert_eq!(Address::parse(":8186", "tcp").unwrap(), tcp(":8186"));
        assert_eq!(Address::parse("tcp://127.0.0.1:80", "udp").unwrap(), tcp("127.0.0.1:80"));
        assert_eq!(Address::parse("udp6://[::1]:1", "tcp").unwrap(), Address::Udp("[::1]:1".to_owned(), Family::V6));
        assert!(Address::parse("tcp://127.0.0.1:http", "tcp").is_ok());
        for bad in ["tcp://127.0.0.1", "sctp://:1", ":99999", ":no-such-service", "unix://"] {
            assert!(Address::parse(bad, "tcp").is_err(), "{bad}");
        }
        assert!(socket_mode("8").is_err() && socket_mode("").unwrap().is_none());
        assert_eq!(socket_mode("660").unwrap(), Some(0o660));
    }
}
