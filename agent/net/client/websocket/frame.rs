//! Frames (RFC 6455 section 5): writing them masked, and reading them in any pieces with no more kept than a control frame holds.

use agent_api::{Result, ensure};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A message that is text in UTF-8.
    Text = 1,
    /// A message that is bytes.
    Binary = 2,
    /// The end.
    Close = 8,
    /// A question whether the other side is there.
    Ping = 9,
    /// The answer to it.
    Pong = 10,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, or a part of one; it is not kept.
    Message,
    /// A question, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// An answer.
    Pong,
    /// The end: its status (1005 where none is given) and reason.
    Close(u16, String),
}

/// Section 5.5: the most bytes of a control frame.
const CONTROL_MAX: u64 = 125;
/// Two bytes, eight of a long length, four of a mask.
const HEAD_MAX: usize = 14;

/// Reads frames.
#[derive(Debug, Default)]
pub struct Frames {
    head: Vec<u8>,
    /// The payload of the frame that is being read.
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    opcode: u8,
    mask: [u8; 4],
    left: u64,
    kept: Vec<u8>,
}

impl Frames {
    /// The next event; takes what it has read off `bytes`, all of it where there is no event yet. An error means that the other
    /// side does not keep to the protocol.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Event>> {
        loop {
            if let Some(body) = &mut self.body {
                let n = body.left.min(bytes.len() as u64) as usize;
                let (piece, rest) = bytes.split_at(n);
                if body.opcode >= 8 {
                    body.kept.extend_from_slice(piece);
                }
                body.left -= n as u64;
                *bytes = rest;
                if body.left > 0 {
                    return Ok(None);
                }
                return Ok(self.body.take().map(Body::event));
            }
            let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
            *bytes = rest;
            self.head.push(first);
            self.body = self.begin()?;
        }
    }

    /// The body, if the head is whole.
    fn begin(&mut self) -> Result<Option<Body>> {
        let [first, second, rest @ ..] = self.head.as_slice() else { return Ok(None) };
        let (opcode, fin, short) = (first & 15, first & 128 != 0, u64::from(second & 127));
        let (long, masked) = (
            match short {
                126 => 2,
                127 => 8,
                _ => 0,
            },
            second & 128 != 0,
        );
        debug_assert!(self.head.len() <= HEAD_MAX);
        if rest.len() < long + if masked { 4 } else { 0 } {
            return Ok(None);
        }
        ensure!(first & 0x70 == 0, "frame with extensions that were not agreed on");
        ensure!(matches!(opcode, 0..=2 | 8..=10), "frame of unknown kind {opcode}");
        let left = match long {
            0 => short,
            n => rest[..n].iter().fold(0, |sum, b| sum << 8 | u64::from(*b)),
        };
        ensure!(opcode < 8 || (fin && left <= CONTROL_MAX), "control frame of {left} bytes");
        let mut mask = [0; 4];
        if masked {
            mask.copy_from_slice(&rest[long..long + 4]);
        }
        self.head.clear();
        Ok(Some(Body { opcode, mask, left, kept: Vec::new() }))
    }
}

impl Body {
    fn event(mut self) -> Event {
        self.kept.iter_mut().zip(self.mask.iter().cycle()).for_each(|(b, m)| *b ^= m);
        match self.opcode {
            8 => match self.kept.split_at_checked(2) {
                Some((status, reason)) => {
                    let status = u16::from_be_bytes([status[0], status[1]]);
                    Event::Close(status, String::from_utf8_lossy(reason).into_owned())
                }
                None => Event::Close(1005, String::new()),
            },
            9 => Event::Ping(self.kept),
            10 => Event::Pong,
            _ => Event::Message,
        }
    }
}

/// A whole frame as a client sends it.
pub(super) fn masked(kind: Kind, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + HEAD_MAX);
    out.push(128 | kind as u8);
    match payload.len() {
        n @ 0..=125 => out.push(128 | n as u8),
        n @ 126..=0xffff => {
            out.push(128 | 126);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(128 | 127);
            out.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    out
}
