//! The list of services: lines of `name port/protocol aliases`, as services(5) describes it.

use std::collections::HashMap;

/// A protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Dccp,
}

impl Protocol {
    /// The protocol of a name, in any case.
    pub(super) fn parse(name: &str) -> Option<Protocol> {
        const NAMES: [(&str, Protocol); 4] =
            [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp), ("dccp", Protocol::Dccp)];
        NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, protocol)| *protocol)
    }
}

/// Names by protocol and port.
#[derive(Default)]
pub(super) struct Services(HashMap<(Protocol, u16), String>);

impl Services {
    /// Reads a list; lines of another form are skipped, and of two names the first stays.
    pub(super) fn parse(list: &str) -> Services {
        let mut names = HashMap::new();
        for line in list.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            if let (Some(name), Some((port, protocol))) = (words.next(), words.next().and_then(|w| w.split_once('/')))
                && let (Ok(port), Some(protocol)) = (port.parse(), Protocol::parse(protocol))
            {
                names.entry((protocol, port)).or_insert_with(|| name.to_owned());
            }
        }
        Services(names)
    }

    /// The name of the service at a port.
    pub(super) fn name(&self, protocol: Protocol, port: u16) -> Option<&str> {
        self.0.get(&(protocol, port)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_odd_lines_are_skipped() {
        let services =
            Services::parse("# head\nhttp\t\t80/tcp www # web\nwww2 80/tcp\ndomain 53/udp\nbad\nx 99999/tcp\ny 1/xyz");
        assert_eq!(services.name(Protocol::Tcp, 80), Some("http"));
        assert_eq!(services.name(Protocol::Udp, 53), Some("domain"));
        assert_eq!((services.name(Protocol::Udp, 80), services.0.len()), (None, 2));
    }
}
