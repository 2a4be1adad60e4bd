//! Connections that send lines.

use super::packet::{Bad, Intake};
use agent_api::{Log, Result, Sender, Stop};
use agent_net::server::{Listener, Peer, Stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

/// Bounds of the connections.
pub(super) struct Limits {
    /// How many at a time.
    pub(super) connections: usize,
    /// After what time the system probes a silent one; zero: its own.
    pub(super) keep_alive: Option<Duration>,
}

/// A line may be so long; the rest of a longer one is passed over.
const LINE: usize = 64 << 10;

/// Serves until the stop.
pub(super) async fn serve(
    listener: Listener,
    limits: Limits,
    intake: Arc<Intake>,
    out: Sender,
    log: Log,
    stop: Stop,
) -> Result<()> {
    let mut connections = JoinSet::new();
    intake.stats.tcp_max.set(i64::try_from(limits.connections).unwrap_or(i64::MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.stopped() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((_, peer)) if connections.len() >= limits.connections => {
                log.warn(format_args!("turn {peer:?} away: max_tcp_connections = {} are open", limits.connections));
            }
            Ok((stream, peer)) => {
                if let Some(period) = limits.keep_alive {
                    let period = if period.is_zero() { Duration::from_secs(7200) } else { period };
                    stream.set_keep_alive(period)?;
                }
                intake.stats.tcp_total.inc();
                connections.spawn(connection(stream, peer, intake.clone(), out.clone(), stop.clone()));
            }
            // No file descriptor left, or the client is gone: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(mut stream: Stream, peer: Peer, intake: Arc<Intake>, out: Sender, stop: Stop) {
    intake.stats.tcp_current.inc();
    let mut lines = Lines::default();
    let mut bad = Bad::default();
    loop {
        lines.buffer.reserve(LINE);
        let mut some = (&mut stream).take(LINE as u64);
        let read = tokio::select! {
            read = some.read_buf(&mut lines.buffer) => read.unwrap_or(0),
            () = stop.stopped() => 0,
        };
        intake.stats.tcp_bytes.add(read as i64);
        // At the end the last line counts without its end too.
        let whole = if read == 0 { lines.rest() } else { lines.whole() };
        if !whole.is_empty() {
            intake.stats.tcp_packets.add(memchr::memchr_iter(b'\n', whole).count().max(1) as i64);
            let at_once = intake.take(std::iter::once((whole, peer.ip())), &mut bad);
            if !at_once.is_empty() {
                out.send_live(at_once).await;
            }
            bad.report(&out);
        }
        if read == 0 {
            break;
        }
        if lines.cut() {
            out.error(agent_api::anyhow!("pass over a line from {peer:?}: longer than {LINE} bytes"));
        }
    }
    intake.stats.tcp_current.add(-1);
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
