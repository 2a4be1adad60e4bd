//! What inputs share that are sent messages over sockets: who may send, how it is packed, and connections whose bytes are cut into
//! messages.
//!
//! What has come on a connection is handed on before more is read, so that a sender that is too fast is held back by its own socket.
//! Where a reload puts another in the place of a listener, its connections go to that one between two messages, as they are.

use agent_api::*;
use agent_net::server::{Address, Coding, Listener as Socket, Moving, Packets, Peer, Stream, TlsConfig, Unpacker};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration as Time;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

/// Time for a TLS handshake.
const HANDSHAKE: Time = Time::from_secs(10);
/// What one read takes in.
const READ: usize = 64 << 10;

/// Who may send, and how what is sent is packed.
pub(crate) struct Gate {
    pub(crate) coding: Coding,
    /// Most bytes that a packet may unpack to.
    pub(crate) max_unpacked: u64,
    /// Who may send; everybody where it is empty.
    allowed: Vec<IpAddr>,
}

impl Gate {
    /// Checks `content_encoding` and `allowed_sources`.
    pub(crate) fn new(content_encoding: &str, max_unpacked: Size, allowed_sources: &[String]) -> Result<Self> {
        let coding = Coding::named(content_encoding).filter(|c| *c != Coding::Snappy).with_context(|| {
            format!("content_encoding {content_encoding:?} is unknown, expected identity, gzip, zlib or zstd")
        })?;
        let address =
            |text: &String| text.parse().with_context(|| format!("allowed_sources: {text:?} is no IP address"));
        let allowed = allowed_sources.iter().map(address).collect::<Result<_>>()?;
        Ok(Gate { coding, max_unpacked: max_unpacked.0, allowed })
    }

    /// True if this sender may send.
    pub(crate) fn allows(&self, peer: Option<IpAddr>) -> bool {
        self.allowed.is_empty() || peer.is_some_and(|ip| self.allowed.iter().any(|a| a.to_canonical() == ip))
    }
}

/// Checks `multicast_source`: the only address whose packets to a group are wanted.
pub(crate) fn multicast_source(text: &str, address: &Address) -> Result<Option<Ipv4Addr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let source = text.parse().with_context(|| format!("multicast_source: {text:?} is no IPv4 address"))?;
    ensure!(matches!(address, Address::Udp(..)), "multicast_source: only groups of UDP have one");
    Ok(Some(source))
}

/// Where messages come in.
pub(crate) enum Bound {
    Packets(Packets),
    Connections(Socket),
}

impl Bound {
    /// Binds an address. A socket in the file system gets the permissions `mode`, packets a receive buffer of so many bytes, and of packets
    /// to a group only those of `multicast_source` are taken, if there is one.
    pub(crate) async fn to(
        address: &Address,
        mode: Option<u32>,
        receive_buffer: Option<usize>,
        multicast_source: Option<Ipv4Addr>,
    ) -> Result<Self> {
        if address.is_stream() {
            return Ok(Bound::Connections(Socket::bind(address, mode).await?));
        }
        let packets = Packets::bind(address, mode, receive_buffer).await?;
        packets.join(multicast_source)?;
        Ok(Bound::Packets(packets))
    }
}

/// What connections have in common whose bytes are messages.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// The messages of one connection.
    type Messages: Send;

    /// The option that bounds the number of connections, for the log.
    const MOST: &'static str = "max_connections";

    /// A client has connected and was let in; not called for a connection of the listener before.
    fn accepted(&self) {}

    /// A connection begins, or goes on that another listener has begun.
    fn begin(&self, peer: Peer) -> Result<Self::Messages>;

    /// Where what comes is appended.
    fn buffer<'a>(&self, messages: &'a mut Self::Messages) -> &'a mut Vec<u8>;

    /// Reads the messages that are whole, `new` being where what just came begins. An error is one after which nothing can be told
    /// apart any more.
    fn read(&self, messages: &mut Self::Messages, new: usize, bad: &mut ParseError) -> Result<()>;

    /// What has come and is no whole message yet; none in the middle of one whose rest means nothing to another.
    fn unread(&self, messages: &mut Self::Messages) -> Option<Vec<u8>>;

    /// Reads what is left at the end.
    fn finish(&self, messages: &mut Self::Messages, bad: &mut ParseError);

    /// The metrics that were made since this was asked last.
    fn made(&self, messages: &mut Self::Messages) -> Batch;

    /// A connection is over.
    fn end(&self, _: Self::Messages) {}
}

/// Serves connections.
pub(crate) struct Connections<P> {
    pub(crate) protocol: P,
    pub(crate) gate: Arc<Gate>,
    pub(crate) tls: Option<TlsConfig>,
    /// Connections at a time; None means no bound.
    pub(crate) most: Option<usize>,
    /// A connection that sends nothing for so long is closed.
    pub(crate) read_timeout: Option<Time>,
    pub(crate) keep_alive: Option<Time>,
    pub(crate) receive_buffer: Option<usize>,
    /// Connections that are open.
    pub(crate) open: stats::Counter,
    /// Bytes that came.
    pub(crate) bytes: stats::Counter,
    pub(crate) log: Log,
    pub(crate) out: Sender,
}

impl<P: Protocol> Connections<P> {
    /// Serves until the stop.
    pub(crate) async fn serve(self, socket: Socket, mut stop: Stop) -> Result<()> {
        let (server, socket) = (Arc::new(self), Arc::new(socket));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                request = stop.next() => match request {
                    // There is nothing to tell at an interval, which has to be said too.
                    Some(_) => continue,
                    None => break,
                },
                moving = socket.handed_on() => {
                    connections.spawn(meter::inherit(server.clone().handed_on(moving, socket.clone(), stop.clone())));
                    continue;
                }
                accepted = socket.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                // No file descriptor left, or the client is gone: others may end meanwhile.
                Err(_) => {
                    tokio::time::sleep(Time::from_millis(10)).await;
                    continue;
                }
            };
            if let Some(most) = server.most.filter(|most| connections.len() >= *most) {
                server.log.warn(format_args!("turn {} away: {} = {most} are open", sender(peer), P::MOST));
            } else if !server.gate.allows(peer.ip()) {
                server.log.debug(format_args!("turn {} away: not in allowed_sources", sender(peer)));
            } else {
                server.protocol.accepted();
                connections.spawn(meter::inherit(server.clone().connection(
                    stream,
                    peer,
                    socket.clone(),
                    stop.clone(),
                )));
            }
        }
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    /// Serves a new connection.
    async fn connection(self: Arc<Self>, stream: Stream, peer: Peer, socket: Arc<Socket>, stop: Stop) {
        let talk = async {
            self.tune(&stream)?;
            let stream = match &self.tls {
                None => stream,
                Some(config) => {
                    tokio::time::timeout(HANDSHAKE, stream.secure(config.clone())).await.context("TLS handshake")??
                }
            };
            let unpacker = Unpacker::new(self.gate.coding)?;
            self.talk(Moving { stream, peer, unpacker, rest: Vec::new() }, &socket, &stop).await
        };
        self.count(peer, talk).await;
    }

    /// Serves a connection that came by way of another listener, which this one has replaced.
    async fn handed_on(self: Arc<Self>, moving: Moving, socket: Arc<Socket>, stop: Stop) {
        let peer = moving.peer;
        if !self.gate.allows(peer.ip()) {
            return self.log.info(format_args!("close {}: not in allowed_sources any more", sender(peer)));
        }
        if moving.stream.is_secure() != self.tls.is_some() {
            return self.log.info(format_args!("close {}: TLS has been turned on or off", sender(peer)));
        }
        let talk = async {
            self.tune(&moving.stream)?;
            self.talk(moving, &socket, &stop).await
        };
        self.count(peer, talk).await;
    }

    /// Counts a connection as long as it is open, and says how it ended if it did not end well.
    async fn count(&self, peer: Peer, talk: impl Future<Output = Result<()>>) {
        self.open.add(1);
        if let Err(e) = talk.await {
            self.out.error(e.context(format!("read from {}", sender(peer))));
        }
        self.open.add(-1);
    }

    fn tune(&self, stream: &Stream) -> Result<()> {
        if let Some(period) = self.keep_alive {
            stream.set_keep_alive(period).context("set keep_alive_period")?;
        }
        if let Some(bytes) = self.receive_buffer {
            stream.set_receive_buffer(bytes).context("set read_buffer_size")?;
        }
        Ok(())
    }

    async fn talk(&self, moving: Moving, socket: &Socket, stop: &Stop) -> Result<()> {
        let mut messages = self.protocol.begin(moving.peer)?;
        let ended = self.receive(moving, &mut messages, socket, stop).await;
        self.protocol.end(messages);
        ended
    }

    async fn receive(&self, moving: Moving, messages: &mut P::Messages, socket: &Socket, stop: &Stop) -> Result<()> {
        let Moving { mut stream, peer, mut unpacker, rest } = moving;
        let plain = unpacker.is_plain();
        if !rest.is_empty() {
            // What is whole by the rules of this listener was not by those of the one before, perhaps.
            self.protocol.buffer(messages).extend_from_slice(&rest);
            self.take(messages, 0, peer).await?;
        }
        let (mut packed, mut leaving) = (Vec::new(), false);
        let ended = loop {
            if leaving && let Some(rest) = self.protocol.unread(messages) {
                match socket.hand_on(Moving { stream, peer, unpacker, rest }) {
                    Ok(()) => return Ok(()),
                    Err(back) => {
                        self.protocol.buffer(messages).extend_from_slice(&back.rest);
                        break Ok(());
                    }
                }
            }
            let into = if plain { self.protocol.buffer(messages) } else { &mut packed };
            let before = into.len();
            into.reserve(READ);
            // The buffer may have more room than that, and a message longer than allowed must not slip in whole.
            let mut some = (&mut stream).take(READ as u64);
            let count = tokio::select! {
                read = some.read_buf(into) => match read {
                    Ok(count) => count,
                    Err(e) => break Err(e.into()),
                },
                () = stop.stopped(), if !leaving => {
                    leaving = socket.is_handed_over();
                    if leaving {
                        continue;
                    }
                    0
                }
                () = sleep(self.read_timeout) => {
                    self.log.debug(format_args!("close {}: nothing came for read_timeout", sender(peer)));
                    0
                }
            };
            self.bytes.add(count as i64);
            if count == 0 {
                break Ok(());
            }
            if plain {
                self.take(messages, before, peer).await?;
                continue;
            }
            for piece in packed.chunks(unpacker.piece()) {
                let buffer = self.protocol.buffer(messages);
                let before = buffer.len();
                unpacker.push(piece, buffer).context("unpack")?;
                if buffer.len() > before {
                    self.take(messages, before, peer).await?;
                }
            }
            packed.clear();
        };
        let mut bad = ParseError::default();
        self.protocol.finish(messages, &mut bad);
        self.hand_on(messages, &bad, peer).await;
        ended
    }

    /// Reads what is whole. What was good before the place where nothing can be told apart any more is handed on, too.
    async fn take(&self, messages: &mut P::Messages, new: usize, peer: Peer) -> Result<()> {
        let mut bad = ParseError::default();
        let read = self.protocol.read(messages, new, &mut bad);
        self.hand_on(messages, &bad, peer).await;
        read
    }

    async fn hand_on(&self, messages: &mut P::Messages, bad: &ParseError, peer: Peer) {
        if bad.bad > 0 {
            self.out.error(anyhow!("parse message from {}: {bad}", sender(peer)));
        }
        let made = self.protocol.made(messages);
        if !made.is_empty() {
            self.out.send(made).await;
        }
    }
}

/// Sleeps, for ever where there is no time.
async fn sleep(time: Option<Time>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A sender for messages.
fn sender(peer: Peer) -> String {
    peer.0.map_or_else(|| "a local socket".to_owned(), |at| at.to_string())
}
