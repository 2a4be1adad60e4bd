//! What the first packets of a flow say of it: names asked for, hosts, versions, fingerprints of clients.
//!
//! Packets that cannot begin anything of interest cost a few compares; what is spread over several packets is put together, bounded in
//! bytes and in number of flows. Nothing is looked for behind the first messages.

mod bytes;
mod columns;
pub mod dns;
pub mod http;
pub mod quic;
#[cfg(test)]
mod tests;
pub mod tls;

use crate::decode::Packet;
use crate::flow::Flow;
use bytes::{Pieces, printable};
pub use columns::{Cell, NAMES};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::net::IpAddr;

/// What is known of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its first question to a name server.
    pub dns: Option<Box<Dns>>,
    /// The handshake of TLS, also inside of QUIC.
    pub tls: Option<Box<Tls>>,
    /// Its first request.
    pub http: Option<Box<Http>>,
}

/// A question to a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The name asked for.
    pub query: Box<str>,
    /// The type asked for; `dns::kind_name` names it.
    pub kind: u16,
    /// How the answer came out; `dns::code_name` names it. None before it has come.
    pub code: Option<u8>,
    /// Nanoseconds from the question to its answer; None if one of them was not seen.
    pub latency: Option<i64>,
    /// Questions of the flow, this one among them.
    pub queries: u32,
    /// When it was asked; None if only the answer was seen.
    asked: Option<i64>,
    id: u16,
}

/// A handshake of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The host that the client wants to talk to.
    pub server_name: Option<Box<str>>,
    /// The protocol inside: what the server chose where that can be seen, else the client's first choice.
    pub alpn: Option<Box<str>>,
    /// The version: what the server chose, else the highest that the client speaks; `tls::version_name` names it.
    pub version: u16,
    /// The client's fingerprint JA3; empty if its hello was not seen.
    pub ja3: Box<str>,
    /// The client's fingerprint JA4; empty if its hello was not seen.
    pub ja4: Box<str>,
    /// The version of QUIC around it.
    pub quic: Option<u32>,
    answered: bool,
}

/// A request of HTTP/1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Its method.
    pub method: Option<Box<str>>,
    /// The host it is for.
    pub host: Option<Box<str>>,
    /// The status of its response.
    pub status: Option<u16>,
    /// Requests of the flow whose begin was seen, this one among them.
    pub requests: u32,
}

/// Looks at packets.
#[derive(Debug)]
pub struct Inspector {
    /// What is known, younger and older: the older half is forgotten when the younger one is full.
    known: [HashMap<Ends, Known, RandomState>; 2],
    /// Streams of which more has to come, younger and older.
    open: [HashMap<Side, Stream, RandomState>; 2],
    max_flows: usize,
    /// A new connection of the same ends is another flow.
    anew: bool,
}

/// What is known of a flow, and the time of its last packet that told something.
#[derive(Debug, Default)]
struct Known {
    metadata: Metadata,
    last: i64,
}

/// Questions of the same ends that are further apart, in nanoseconds, are of another flow.
const PAUSE: i64 = 60_000_000_000;

/// Streams that are put together at a time, in each of two generations.
const OPEN: usize = 1024;

/// Both ends of a flow, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    low: (u128, u16),
    high: (u128, u16),
    protocol: u8,
}

/// One direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Side {
    ends: Ends,
    /// The sender is the higher end.
    swapped: bool,
}

/// Where a message was seen: whose it is, when, and in which version of QUIC.
#[derive(Clone, Copy, Debug)]
struct At {
    side: Side,
    time: i64,
    quic: Option<u32>,
}

/// The begin of a stream.
#[derive(Debug)]
struct Stream {
    kind: Stage,
    pieces: Pieces,
    /// The sequence number of its first byte.
    first: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Tls,
    Http,
    Quic,
}

impl Inspector {
    /// One that keeps what it knows of so many flows that told something last, and of up to as many before.
    #[must_use]
    pub fn new(max_flows: usize) -> Self {
        Inspector { known: Default::default(), open: Default::default(), max_flows: max_flows.max(1), anew: false }
    }

    /// Forgets what it knows of a flow when its ends begin a new connection, or talk again after a minute of silence: for packets that
    /// never end, where nobody takes what is known.
    #[must_use]
    pub fn anew(self) -> Self {
        Inspector { anew: true, ..self }
    }

    /// Takes what is known of a flow that has ended, or shows that of one that is reported and goes on (`keep`).
    pub fn take(&mut self, flow: &Flow, keep: bool) -> Metadata {
        if keep {
            return self.show(flow);
        }
        let ends = Self::ends(flow);
        let known = self.known.iter_mut().find_map(|generation| generation.remove(&ends));
        known.map(|k| k.metadata).unwrap_or_default()
    }

    /// What is known of a flow.
    #[must_use]
    pub fn show(&self, flow: &Flow) -> Metadata {
        let ends = Self::ends(flow);
        let known = self.known.iter().find_map(|generation| generation.get(&ends));
        known.map(|k| k.metadata.clone()).unwrap_or_default()
    }

    fn ends(flow: &Flow) -> Ends {
        let number = |address| match address {
            IpAddr::V4(a) => u128::from(a.to_bits()),
            IpAddr::V6(a) => a.to_bits(),
        };
        let src = (number(flow.src), flow.src_port);
        Side::new(src, (number(flow.dst), flow.dst_port), flow.protocol).ends
    }

    /// Looks at a packet and at what is behind its header, as far as that was captured.
    #[inline]
    pub fn packet(&mut self, time: i64, packet: &Packet, data: &[u8]) {
        const SYN_ACK: u8 = 0x12;
        const SYN: u8 = 0x02;
        if self.anew && packet.protocol == 6 && packet.tcp_flags & SYN_ACK == SYN {
            let ends = Side::of(packet).ends;
            self.known.iter_mut().for_each(|generation| drop(generation.remove(&ends)));
        }
        if data.is_empty() {
            return;
        }
        match packet.protocol {
            17 if is_dns(packet) => self.dns(time, packet, data),
            17 if quic::may_begin(data) => self.quic(time, packet, data),
            6 => self.tcp(time, packet, data),
            _ => {}
        }
    }

    fn tcp(&mut self, time: i64, packet: &Packet, data: &[u8]) {
        let side = Side::of(packet);
        if (!self.open[0].is_empty() || !self.open[1].is_empty()) && self.more(side, time, packet, data) {
            return;
        }
        if data.len() < 5 {
            return;
        }
        if tls::may_begin(data) {
            self.begin(side, Stage::Tls, time, packet, data);
        } else if http::may_begin(data) {
            self.begin(side, Stage::Http, time, packet, data);
        } else if is_dns(packet) && usize::from(u16::from_be_bytes([data[0], data[1]])) == data.len() - 2 {
            self.dns(time, packet, &data[2..]);
        }
    }

    /// Adds to a stream that is open; false if there is none.
    fn more(&mut self, side: Side, time: i64, packet: &Packet, data: &[u8]) -> bool {
        let Some(generation) = self.open.iter().position(|g| g.contains_key(&side)) else { return false };
        let Some(mut stream) = self.open[generation].remove(&side) else { return false };
        let at = packet.sequence.wrapping_sub(stream.first) as usize;
        let fits = stream.pieces.put(at, data);
        if fits && self.read(At { side, time, quic: None }, stream.kind, stream.pieces.begin()) {
            self.open[generation].insert(side, stream);
        }
        true
    }

    /// Reads the begin of a stream, and keeps it if more has to come.
    fn begin(&mut self, side: Side, kind: Stage, time: i64, packet: &Packet, data: &[u8]) {
        if self.read(At { side, time, quic: None }, kind, data) {
            let mut stream = Stream { kind, pieces: Pieces::default(), first: packet.sequence };
            if stream.pieces.put(0, data) {
                self.keep(side, stream);
            }
        }
    }

    fn keep(&mut self, side: Side, stream: Stream) {
        if self.open[0].len() >= OPEN {
            self.open.swap(0, 1);
            self.open[0].clear();
        }
        self.open[0].insert(side, stream);
    }

    /// Reads what is there of a stream; true if more has to come.
    fn read(&mut self, at: At, kind: Stage, data: &[u8]) -> bool {
        match kind {
            Stage::Tls => match tls::begin(data) {
                tls::Begin::More => true,
                tls::Begin::Other => false,
                tls::Begin::Message(message) => {
                    self.hello(at, &message);
                    false
                }
            },
            Stage::Quic => {
                let whole = data.len() >= 4
                    && data.len()
                        >= 4 + (usize::from(data[1]) << 16 | usize::from(data[2]) << 8 | usize::from(data[3]));
                if whole {
                    self.hello(at, data);
                }
                !whole
            }
            Stage::Http => match http::Start::parse(data) {
                Some(http::Start::More) => true,
                Some(start) => {
                    self.http(at, start);
                    false
                }
                None => false,
            },
        }
    }

    /// A message of the handshake of TLS.
    fn hello(&mut self, at: At, message: &[u8]) {
        if let Some(hello) = tls::ClientHello::parse(message) {
            let tls = self.known(at.side.ends, at.time).tls.get_or_insert_default();
            // The first one counts, also if the server answered before it was put together.
            if tls.ja4.is_empty() {
                let carrier = if at.quic.is_some() { tls::Carrier::Quic } else { tls::Carrier::Tcp };
                tls.server_name = hello.server_name().map(printable);
                tls.ja3 = hello.ja3().into();
                tls.ja4 = hello.ja4(carrier).into();
                tls.quic = at.quic;
                tls.alpn = tls.alpn.take().or_else(|| hello.alpn().map(printable));
                if !tls.answered {
                    tls.version = hello.version();
                }
            }
        } else if let Some(hello) = tls::ServerHello::parse(message) {
            let tls = self.known(at.side.ends, at.time).tls.get_or_insert_default();
            if !tls.answered {
                tls.answered = true;
                tls.version = hello.version();
                tls.alpn = hello.alpn().map(printable).or_else(|| tls.alpn.take());
            }
        }
    }

    fn http(&mut self, at: At, start: http::Start<'_>) {
        let http = self.known(at.side.ends, at.time).http.get_or_insert_default();
        match start {
            http::Start::Request { method, host } => {
                http.requests += 1;
                if http.method.is_none() {
                    http.method = Some(printable(method));
                    http.host = host.map(printable);
                }
            }
            // 100 and the like are not yet the response (RFC 9110, 15.2), 101 is the last of HTTP.
            http::Start::Response(status @ (101 | 200..)) => http.status = http.status.or(Some(status)),
            http::Start::Response(_) | http::Start::More => {}
        }
    }

    fn quic(&mut self, time: i64, packet: &Packet, data: &[u8]) {
        let side = Side::of(packet);
        if self.known.iter().any(|g| g.get(&side.ends).is_some_and(|k| k.metadata.tls.is_some())) {
            return;
        }
        let generation = self.open.iter().position(|g| g.contains_key(&side));
        let stream = generation.and_then(|g| self.open[g].remove(&side));
        let mut stream = stream.unwrap_or_else(|| Stream { kind: Stage::Quic, pieces: Pieces::default(), first: 0 });
        let mut fits = true;
        let version = quic::open(data, |at, piece| {
            fits &= usize::try_from(at).is_ok_and(|at| stream.pieces.put(at, piece));
        });
        if fits
            && self.read(At { side, time, quic: version }, Stage::Quic, stream.pieces.begin())
            && (version.is_some() || generation.is_some())
        {
            self.keep(side, stream);
        }
    }

    fn dns(&mut self, time: i64, packet: &Packet, data: &[u8]) {
        let Some(message) = dns::Message::parse(data) else { return };
        let metadata = self.known(Side::of(packet).ends, time);
        let dns = metadata.dns.get_or_insert_with(|| {
            Box::new(Dns {
                query: message.name(),
                kind: message.kind,
                code: None,
                latency: None,
                queries: 0,
                asked: (!message.response).then_some(time),
                id: message.id,
            })
        });
        if !message.response {
            dns.queries = dns.queries.saturating_add(1);
        } else if dns.code.is_none() && (dns.id, dns.kind) == (message.id, message.kind) {
            dns.code = Some(message.code);
            dns.latency = dns.asked.map(|asked| time.saturating_sub(asked));
        }
    }

    /// What is known of a flow, to add to it.
    fn known(&mut self, ends: Ends, time: i64) -> &mut Metadata {
        let [young, old] = &mut self.known;
        if young.len() >= self.max_flows && !young.contains_key(&ends) {
            std::mem::swap(young, old);
            young.clear();
        }
        let known = young.entry(ends).or_insert_with(|| old.remove(&ends).unwrap_or_default());
        if self.anew && ends.protocol != 6 && time.saturating_sub(known.last) > PAUSE {
            known.metadata = Metadata::default();
        }
        known.last = time;
        &mut known.metadata
    }
}

/// DNS, multicast DNS, LLMNR.
#[inline]
fn is_dns(packet: &Packet) -> bool {
    [packet.src_port, packet.dst_port].iter().any(|port| matches!(port, 53 | 5353 | 5355))
}

impl Side {
    fn new(src: (u128, u16), dst: (u128, u16), protocol: u8) -> Self {
        let swapped = src > dst;
        let (low, high) = if swapped { (dst, src) } else { (src, dst) };
        Side { ends: Ends { low, high, protocol }, swapped }
    }

    #[inline]
    fn of(packet: &Packet) -> Self {
        Side::new((packet.src, packet.src_port), (packet.dst, packet.dst_port), packet.protocol)
    }
}
