//! The messages of a connection: what has come is cut and parsed in any data format.

use super::split::{LONGEST, Splitter};
use crate::parsers::Parsers;
use crate::sockets::Protocol;
use agent_api::plugin::BoxParser;
use agent_api::*;
use agent_net::server::Peer;

/// Messages of a data format, cut by a strategy.
pub(super) struct Formatted {
    pub(super) parsers: Parsers,
    pub(super) splitter: Splitter,
}

impl Protocol for Formatted {
    type Messages = Messages;

    fn begin(&self, _: Peer) -> Result<Messages> {
        Ok(Messages::new(self.parsers.take()?, self.splitter.clone()))
    }

    fn buffer<'a>(&self, messages: &'a mut Messages) -> &'a mut Vec<u8> {
        &mut messages.buffer
    }

    fn read(&self, messages: &mut Messages, new: usize, bad: &mut ParseError) -> Result<()> {
        messages.parse(new, bad)
    }

    fn unread(&self, messages: &mut Messages) -> Option<Vec<u8>> {
        (!messages.skipping).then(|| std::mem::take(&mut messages.buffer))
    }

    fn finish(&self, messages: &mut Messages, bad: &mut ParseError) {
        messages.finish(bad);
    }

    fn made(&self, messages: &mut Messages) -> Batch {
        messages.collector.take()
    }

    fn end(&self, messages: Messages) {
        self.parsers.give(messages.parser);
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

    /// Parses what is whole and says what cannot be read. An error is one after which nothing can be told apart any more.
    pub(super) fn parse(&mut self, new: usize, bad: &mut ParseError) -> Result<()> {
        if self.skipping {
            let end = self.splitter.pass_over(&self.buffer);
            self.skipping = end.is_none();
            self.buffer.drain(..end.unwrap_or(self.buffer.len()));
        }
        let new = new.min(self.buffer.len());
        if self.splitter == Splitter::Newline {
            // What came before holds no end of a message: a line feed in it is part of a text.
            if memchr::memchr(b'\n', &self.buffer[new..]).is_none() {
                return self.check_length(bad);
            }
            // A format whose records are lines takes all of them as one document, which spares cutting them one by one.
            if let Some(whole) = self.parser.cut(&self.buffer) {
                self.document(whole, bad);
                return self.check_length(bad);
            }
        }
        self.one_by_one(bad)?;
        self.check_length(bad)
    }

    fn document(&mut self, whole: usize, bad: &mut ParseError) {
        if whole == 0 {
            return;
        }
        let rest = self.buffer.split_off(whole);
        let body = Body::new(std::mem::replace(&mut self.buffer, rest));
        self.parse_one(&body, bad);
    }

    fn one_by_one(&mut self, bad: &mut ParseError) -> Result<()> {
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
            for place in places.into_iter().filter(|p| !p.is_empty()) {
                self.parse_one(&body.slice(place.start, place.end), bad);
            }
        }
        match broken {
            Some(cause) => Err(anyhow!("split messages: {cause}")),
            None => Ok(()),
        }
    }

    fn parse_one(&mut self, body: &Body, bad: &mut ParseError) {
        if let Err(error) = self.parser.parse(body, &mut self.collector) {
            bad.append(error, 0);
        }
        for error in self.collector.take_errors().0 {
            bad.add(0, "", format_args!("{error:#}"));
        }
    }

    /// A message that is too long is passed over where its end can be found.
    fn check_length(&mut self, bad: &mut ParseError) -> Result<()> {
        let passable = self.splitter.is_passable();
        // A header is no longer than a message may be.
        if self.buffer.len() <= if passable { LONGEST } else { 2 * LONGEST } {
            return Ok(());
        }
        ensure!(passable, "message longer than {LONGEST} bytes");
        bad.add(0, &String::from_utf8_lossy(&self.buffer[..100]), format_args!("message longer than {LONGEST} bytes"));
        self.buffer.clear();
        self.skipping = true;
        Ok(())
    }

    /// Parses what is left at the end.
    pub(super) fn finish(&mut self, bad: &mut ParseError) {
        if self.buffer.is_empty() || self.skipping {
            return;
        }
        let rest = std::mem::take(&mut self.buffer);
        if self.splitter.ends_with_stream() {
            self.parse_one(&Body::new(rest), bad);
        } else {
            bad.add(0, &String::from_utf8_lossy(&rest), "the connection ended within a message");
        }
    }
}
