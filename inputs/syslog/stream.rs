//! Connections: what has come is cut into messages and handed on before more is read, so that a sender that is too fast is
//! held back by its own socket.

use super::Intake;
use super::metric::Messages;
use agent_api::*;
use agent_net::server::{Coding, Listener as Socket, Peer, Stream, TlsConfig, Unpacker};
use agent_syslog::{Framing, Piece, Splitter};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

/// Serves connections.
pub(super) struct Server {
    pub(super) intake: Arc<Intake>,
    pub(super) framing: Framing,
    pub(super) tls: Option<TlsConfig>,
    pub(super) max_connections: usize,
    pub(super) read_timeout: Option<std::time::Duration>,
    pub(super) keep_alive: Option<std::time::Duration>,
    pub(super) receive_buffer: Option<usize>,
    pub(super) log: Log,
    pub(super) out: Sender,
}

/// Time for a TLS handshake.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);
/// What one read takes in.
const READ: usize = 64 << 10;

impl Server {
    /// Serves until the stop.
    pub(super) async fn serve(self, socket: Socket, mut stop: Stop) -> Result<()> {
        let server = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                request = stop.next() => match request {
                    // There is nothing to tell at an interval, which has to be said too.
                    Some(_) => continue,
                    None => break,
                },
                accepted = socket.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                // No file descriptor left, or the client is gone: others may end meanwhile.
                Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                }
            };
            if server.max_connections > 0 && connections.len() >= server.max_connections {
                let most = server.max_connections;
                server.log.warn(format_args!("turn {} away: max_connections = {most} are open", sender(peer)));
            } else if !server.intake.allows(peer.ip()) {
                server.log.debug(format_args!("turn {} away: not in allowed_sources", sender(peer)));
            } else {
                connections.spawn(server.clone().connection(stream, peer, stop.clone()));
            }
        }
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    async fn connection(self: Arc<Self>, stream: Stream, peer: Peer, stop: Stop) {
        if let Err(e) = self.read(stream, peer, &stop).await {
            self.out.error(e.context(format!("read from {}", sender(peer))));
        }
    }

    async fn read(&self, stream: Stream, peer: Peer, stop: &Stop) -> Result<()> {
        if let Some(period) = self.keep_alive {
            stream.set_keep_alive(period).context("set keep_alive_period")?;
        }
        if let Some(bytes) = self.receive_buffer {
            stream.set_receive_buffer(bytes).context("set read_buffer_size")?;
        }
        let mut stream = match &self.tls {
            None => stream,
            Some(config) => {
                tokio::time::timeout(HANDSHAKE, stream.secure(config.clone())).await.context("TLS handshake")??
            }
        };
        let mut incoming = Incoming::new(self.framing);
        let mut unpacker = Unpacker::new(self.intake.coding)?;
        let mut packed = Vec::new();
        let ended = loop {
            let plain = self.intake.coding == Coding::Identity;
            let into = if plain { &mut incoming.buffer } else { &mut packed };
            into.reserve(READ);
            let mut some = (&mut stream).take(READ as u64);
            let count = tokio::select! {
                read = some.read_buf(into) => match read {
                    Ok(count) => count,
                    Err(e) => break Err(e.into()),
                },
                () = stop.stopped() => 0,
                () = sleep(self.read_timeout) => {
                    self.log.debug(format_args!("close {}: nothing came for read_timeout", sender(peer)));
                    0
                }
            };
            if count == 0 {
                break Ok(());
            }
            if plain {
                self.take(&mut incoming, peer).await?;
            } else {
                for piece in packed.chunks(unpacker.piece()) {
                    unpacker.push(piece, &mut incoming.buffer).context("unpack")?;
                    self.take(&mut incoming, peer).await?;
                }
                packed.clear();
            }
        };
        incoming.finish(&self.intake, peer);
        self.hand_on(&mut incoming.messages, peer).await;
        ended
    }

    async fn take(&self, incoming: &mut Incoming, peer: Peer) -> Result<()> {
        let cut = incoming.cut(&self.intake, peer);
        self.hand_on(&mut incoming.messages, peer).await;
        cut
    }

    async fn hand_on(&self, messages: &mut Messages, peer: Peer) {
        let bad = std::mem::take(&mut messages.bad);
        if bad.bad > 0 {
            self.out.error(anyhow!("parse message from {}: {bad}", sender(peer)));
        }
        if !messages.batch.is_empty() {
            self.out.send(messages.batch.take()).await;
        }
    }
}

/// What came on one connection.
struct Incoming {
    splitter: Splitter,
    /// What is not read yet.
    buffer: Vec<u8>,
    messages: Messages,
}

impl Incoming {
    fn new(framing: Framing) -> Self {
        Incoming { splitter: Splitter::new(framing), buffer: Vec::new(), messages: Messages::default() }
    }

    /// Reads the messages that are whole. After an error nothing can be told apart any more.
    fn cut(&mut self, intake: &Intake, peer: Peer) -> Result<()> {
        let mut at = 0;
        let cut = loop {
            match self.splitter.next(&self.buffer[at..]) {
                Ok((0, _)) => break Ok(()),
                Ok((taken, piece)) => {
                    match piece {
                        Some(Piece::Message(place)) => {
                            let bytes = &self.buffer[at + place.start..at + place.end];
                            self.messages.add(bytes, peer.ip(), &intake.reading);
                        }
                        Some(Piece::TooLong(length)) => {
                            self.messages.bad.add(0, "", format_args!("message of {length} bytes is too long"));
                        }
                        None => {}
                    }
                    at += taken;
                }
                Err(cause) => {
                    self.buffer.clear();
                    return Err(Error::msg(cause));
                }
            }
        };
        self.buffer.drain(..at);
        cut
    }

    /// Reads what is left at the end. Half a message counts where that is wanted.
    fn finish(&mut self, intake: &Intake, peer: Peer) {
        let Some((place, is_whole)) = self.splitter.last(&self.buffer) else { return };
        let bytes = &self.buffer[place];
        if bytes.trim_ascii().is_empty() {
            return;
        }
        if !is_whole {
            self.messages.bad.add(0, &String::from_utf8_lossy(bytes), "the connection ended within a message");
        }
        if is_whole || intake.reading.best_effort {
            self.messages.add(bytes, peer.ip(), &intake.reading);
        }
    }
}

/// Sleeps, for ever where there is no time.
async fn sleep(time: Option<std::time::Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A sender for messages.
fn sender(peer: Peer) -> String {
    peer.0.map_or_else(|| "a local socket".to_owned(), |at| at.to_string())
}
