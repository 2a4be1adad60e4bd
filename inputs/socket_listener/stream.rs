//! Connections: what has come is cut into messages, parsed, and handed on before more is read, so that a sender that is too
//! fast is held back by its own socket.

use super::split::{LONGEST, Splitter};
use super::{Intake, sender};
use crate::parsers::Parsers;
use agent_api::plugin::BoxParser;
use agent_api::*;
use agent_net::server::{Coding, Listener as Socket, Peer, Stream, TlsConfig, Unpacker};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

/// Serves connections.
pub(super) struct Server {
    pub(super) intake: Arc<Intake>,
    pub(super) parsers: Parsers,
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
        self.intake.stats.connections.add(1);
        if let Err(e) = self.read(stream, peer, &stop).await {
            self.out.error(e.context(format!("read from {}", sender(peer))));
        }
        self.intake.stats.connections.add(-1);
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
        let mut messages = Messages::new(self.parsers.take()?, self.intake.splitter.clone());
        let mut unpacker = Unpacker::new(self.intake.coding)?;
        let mut packed = Vec::new();
        let ended = loop {
            let plain = self.intake.coding == Coding::Identity;
            let into = if plain { &mut messages.buffer } else { &mut packed };
            let before = into.len();
            into.reserve(READ);
            // The buffer may have more room than that, and a message longer than allowed must not slip in whole.
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
            self.intake.stats.bytes.add(count as i64);
            if count == 0 {
                break Ok(());
            }
            if plain {
                self.take(&mut messages, before, peer).await?;
            } else {
                for piece in packed.chunks(unpacker.piece()) {
                    let before = messages.buffer.len();
                    unpacker.push(piece, &mut messages.buffer).context("unpack")?;
                    if messages.buffer.len() > before {
                        self.take(&mut messages, before, peer).await?;
                    }
                }
                packed.clear();
            }
        };
        if messages.finish(|bad| self.report(bad, peer)) {
            self.out.send(messages.collector.take()).await;
        }
        self.parsers.give(messages.parser);
        ended
    }

    /// Parses the messages that are whole, `new` being where what just came begins.
    async fn take(&self, messages: &mut Messages, new: usize, peer: Peer) -> Result<()> {
        messages.parse(new, |bad| self.report(bad, peer))?;
        if !messages.collector.batch().is_empty() {
            self.out.send(messages.collector.take()).await;
        }
        Ok(())
    }

    fn report(&self, bad: &ParseError, peer: Peer) {
        self.out.error(anyhow!("parse message from {}: {bad}", sender(peer)));
    }
}

/// Sleeps, for ever where there is no time.
async fn sleep(time: Option<std::time::Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// The messages of one connection.
pub(super) struct Messages {
    parser: BoxParser,
    splitter: Splitter,
    /// What is not parsed yet.
    pub(super) buffer: Vec<u8>,
    /// In the middle of a message that was too long.
    skipping: bool,
    pub(super) collector: Collector,
}

impl Messages {
    pub(super) fn new(parser: BoxParser, splitter: Splitter) -> Self {
        Messages { parser, splitter, buffer: Vec::new(), skipping: false, collector: Collector::new() }
    }

    /// Parses what is whole and reports what cannot be read. An error is one after which nothing can be told apart any more.
    pub(super) fn parse(&mut self, new: usize, mut report: impl FnMut(&ParseError)) -> Result<()> {
        if self.skipping {
            let end = self.splitter.pass_over(&self.buffer);
            self.skipping = end.is_none();
            self.buffer.drain(..end.unwrap_or(self.buffer.len()));
        }
        let new = new.min(self.buffer.len());
        if self.splitter == Splitter::Newline {
            // What came before holds no end of a message: a line feed in it is part of a text.
            if memchr::memchr(b'\n', &self.buffer[new..]).is_none() {
                return self.check_length(report);
            }
            // A format whose records are lines takes all of them as one document, which spares cutting them one by one.
            if let Some(whole) = self.parser.cut(&self.buffer) {
                self.document(whole, &mut report);
                return self.check_length(report);
            }
        }
        self.one_by_one(&mut report)?;
        self.check_length(report)
    }

    fn document(&mut self, whole: usize, mut report: impl FnMut(&ParseError)) {
        if whole == 0 {
            return;
        }
        let rest = self.buffer.split_off(whole);
        let body = Body::new(std::mem::replace(&mut self.buffer, rest));
        let mut bad = self.parser.parse(&body, &mut self.collector).err().unwrap_or_default();
        self.finish_report(&mut bad, &mut report);
    }

    fn one_by_one(&mut self, mut report: impl FnMut(&ParseError)) -> Result<()> {
        let (mut places, mut at) = (Vec::new(), 0);
        let broken = loop {
            match self.splitter.first(&self.buffer[at..]) {
                Ok(Some(m)) => {
                    places.push(at + m.from..at + m.to);
                    at += m.next;
                }
                Ok(None) => break None,
                Err(cause) => break Some(cause),
            }
        };
        if at > 0 {
            let rest = self.buffer.split_off(at);
            let body = Body::new(std::mem::replace(&mut self.buffer, rest));
            let mut bad = ParseError::default();
            for place in places.into_iter().filter(|p| !p.is_empty()) {
                if let Err(error) = self.parser.parse(&body.slice(place.start, place.end), &mut self.collector) {
                    bad.append(error, 0);
                }
            }
            self.finish_report(&mut bad, &mut report);
        }
        match broken {
            Some(cause) => Err(anyhow!("split messages: {cause}")),
            None => Ok(()),
        }
    }

    fn finish_report(&mut self, bad: &mut ParseError, report: &mut impl FnMut(&ParseError)) {
        for error in self.collector.take_errors().0 {
            bad.add(0, "", format_args!("{error:#}"));
        }
        if bad.bad > 0 {
            report(bad);
        }
    }

    /// A message that is too long is passed over where its end can be found.
    fn check_length(&mut self, mut report: impl FnMut(&ParseError)) -> Result<()> {
        let passable = self.splitter.ends_with_stream();
        // A header is no longer than a message may be.
        if self.buffer.len() <= if passable { LONGEST } else { 2 * LONGEST } {
            return Ok(());
        }
        ensure!(passable, "message longer than {LONGEST} bytes");
        let mut bad = ParseError::default();
        bad.add(0, &String::from_utf8_lossy(&self.buffer[..100]), format_args!("message longer than {LONGEST} bytes"));
        report(&bad);
        self.buffer.clear();
        self.skipping = true;
        Ok(())
    }

    /// Parses what is left at the end; says if there are metrics.
    pub(super) fn finish(&mut self, mut report: impl FnMut(&ParseError)) -> bool {
        if !self.buffer.is_empty() && !self.skipping {
            let rest = std::mem::take(&mut self.buffer);
            let mut bad = ParseError::default();
            if self.splitter.ends_with_stream() {
                bad = self.parser.parse(&Body::new(rest), &mut self.collector).err().unwrap_or_default();
            } else {
                bad.add(0, &String::from_utf8_lossy(&rest), "the connection ended within a message");
            }
            self.finish_report(&mut bad, &mut report);
        }
        !self.collector.batch().is_empty()
    }
}
