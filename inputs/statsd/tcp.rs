//! Connections that send lines; what is whole is counted at once, and the rest of a line goes with the connection to the server
//! that takes the place of this one at a reload.

use super::packet::{Bad, Intake};
use crate::sockets::Protocol;
use agent_api::{Batch, ParseError, Result, Sender, anyhow};
use agent_net::server::Peer;
use std::sync::Arc;

/// A line may be so long; the rest of a longer one is passed over.
const LINE: usize = 64 << 10;

/// Lines over connections.
pub(super) struct Transport {
    pub(super) intake: Arc<Intake>,
    /// For bad lines, which are told as those of packets are.
    pub(super) out: Sender,
}

impl Protocol for Transport {
    type Messages = Incoming;

    const MOST: &'static str = "max_tcp_connections";

    fn accepted(&self) {
        self.intake.stats.tcp_total.inc();
    }

    fn begin(&self, peer: Peer) -> Result<Incoming> {
        Ok(Incoming { peer, lines: Lines::default(), bad: Bad::default(), at_once: Batch::new() })
    }

    fn buffer<'a>(&self, incoming: &'a mut Incoming) -> &'a mut Vec<u8> {
        &mut incoming.lines.buffer
    }

    fn read(&self, incoming: &mut Incoming, _: usize, _: &mut ParseError) -> Result<()> {
        self.count(incoming, Lines::whole);
        if incoming.lines.cut() {
            let peer = incoming.peer;
            self.out.error(anyhow!("pass over a line from {peer:?}: longer than {LINE} bytes"));
        }
        Ok(())
    }

    fn unread(&self, incoming: &mut Incoming) -> Option<Vec<u8>> {
        let lines = &mut incoming.lines;
        (!lines.skipping).then(|| std::mem::take(&mut lines.buffer))
    }

    fn finish(&self, incoming: &mut Incoming, _: &mut ParseError) {
        // The last line counts without its end, too.
        self.count(incoming, Lines::rest);
    }

    fn made(&self, incoming: &mut Incoming) -> Batch {
        incoming.at_once.take()
    }
}

impl Transport {
    /// Counts what `lines` gives.
    fn count(&self, incoming: &mut Incoming, lines: fn(&mut Lines) -> &[u8]) {
        let Incoming { peer, lines: from, bad, at_once } = incoming;
        let text = lines(from);
        if !text.is_empty() {
            self.intake.stats.tcp_packets.add(memchr::memchr_iter(b'\n', text).count().max(1) as i64);
            *at_once = self.intake.take(std::iter::once((text, peer.ip())), bad);
            bad.report(&self.out);
        }
    }
}

/// What came on one connection.
pub(super) struct Incoming {
    peer: Peer,
    lines: Lines,
    bad: Bad,
    /// What is told before the interval ends.
    at_once: Batch,
}

/// What has been read, cut at line ends.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// So much of it is whole lines.
    whole: usize,
    /// In the middle of a line that was too long.
    skipping: bool,
}

impl Lines {
    /// The lines that are whole, up to `cut`.
    fn whole(&mut self) -> &[u8] {
        self.skip();
        self.whole = memchr::memrchr(b'\n', &self.buffer).map_or(0, |i| i + 1);
        &self.buffer[..self.whole]
    }

    /// All that is left.
    fn rest(&mut self) -> &[u8] {
        self.skip();
        self.whole = self.buffer.len();
        &self.buffer
    }

    fn skip(&mut self) {
        if self.skipping {
            let end = memchr::memchr(b'\n', &self.buffer);
            self.skipping = end.is_none();
            self.buffer.drain(..end.map_or(self.buffer.len(), |i| i + 1));
        }
    }

    /// Forgets the whole lines, and a beginning that is too long already; says if it was.
    fn cut(&mut self) -> bool {
        self.buffer.drain(..self.whole);
        self.whole = 0;
        let long = self.buffer.len() > LINE && !self.skipping;
        if long {
            self.buffer.clear();
            self.skipping = true;
        }
        long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_pieces() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        let long = vec![b'x'; LINE + 1];
        for piece in [b"a:1|".as_slice(), b"c\nb:", b"2|c\n", &long, b"yy\nc:3|", b"c\n", b"d:4|c"] {
            lines.buffer.extend_from_slice(piece);
            got.extend_from_slice(lines.whole());
            lines.cut();
        }
        got.extend_from_slice(lines.rest());
        assert_eq!(String::from_utf8(got).unwrap(), "a:1|c\nb:2|c\nc:3|c\nd:4|c");
    }
}
