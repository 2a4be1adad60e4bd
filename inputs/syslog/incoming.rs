//! The messages of a connection, cut as RFC 5425 or RFC 6587 say.

use super::metric::{Messages, Reading};
use crate::sockets::Protocol;
use agent_api::*;
use agent_net::server::Peer;
use agent_syslog::{Framing, Piece, Splitter};
use std::net::IpAddr;
use std::sync::Arc;

/// Syslog over connections.
pub(super) struct Transport {
    pub(super) framing: Framing,
    pub(super) reading: Arc<Reading>,
}

impl Protocol for Transport {
    type Messages = Incoming;

    fn begin(&self, peer: Peer) -> Result<Incoming> {
        Ok(Incoming {
            splitter: Splitter::new(self.framing),
            source: peer.ip(),
            buffer: Vec::new(),
            messages: Messages::default(),
        })
    }

    fn buffer<'a>(&self, incoming: &'a mut Incoming) -> &'a mut Vec<u8> {
        &mut incoming.buffer
    }

    fn read(&self, incoming: &mut Incoming, _: usize, bad: &mut ParseError) -> Result<()> {
        let cut = incoming.cut(&self.reading);
        *bad = std::mem::take(&mut incoming.messages.bad);
        cut
    }

    fn unread(&self, incoming: &mut Incoming) -> Option<Vec<u8>> {
        incoming.splitter.is_between().then(|| std::mem::take(&mut incoming.buffer))
    }

    fn finish(&self, incoming: &mut Incoming, bad: &mut ParseError) {
        incoming.finish(&self.reading);
        *bad = std::mem::take(&mut incoming.messages.bad);
    }

    fn made(&self, incoming: &mut Incoming) -> Batch {
        incoming.messages.batch.take()
    }
}

/// What came on one connection.
pub(super) struct Incoming {
    splitter: Splitter,
    source: Option<IpAddr>,
    /// What is not read yet.
    buffer: Vec<u8>,
    messages: Messages,
}

impl Incoming {
    /// Reads the messages that are whole. After an error nothing can be told apart any more.
    fn cut(&mut self, reading: &Reading) -> Result<()> {
        let mut at = 0;
        let cut = loop {
            match self.splitter.next(&self.buffer[at..]) {
                Ok((0, _)) => break Ok(()),
                Ok((taken, piece)) => {
                    match piece {
                        Some(Piece::Message(place)) => {
                            let bytes = &self.buffer[at + place.start..at + place.end];
                            self.messages.add(bytes, self.source, reading);
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
    fn finish(&mut self, reading: &Reading) {
        let Some((place, is_whole)) = self.splitter.last(&self.buffer) else { return };
        let bytes = &self.buffer[place];
        if bytes.trim_ascii().is_empty() {
            return;
        }
        if !is_whole {
            self.messages.bad.add(0, &String::from_utf8_lossy(bytes), "the connection ended within a message");
        }
        if is_whole || reading.best_effort {
            self.messages.add(bytes, self.source, reading);
        }
    }
}
