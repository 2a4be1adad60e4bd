//! Reading messages of RFC 3164, which describes what was seen rather than what is allowed.
//!
//! Priority, time and host are needed; the program and its process are taken off the text where they stand as `name[id]: `.
//! A time as RFC 3339 writes it is taken as well, since common senders put it there.

use crate::cursor::Cursor;
use crate::rfc5424::{priority, text};
use crate::{Broken, Fault, Message, fault, time};

/// Section 4.1.3: the longest tag, in characters.
const TAG_MAX: usize = 32;

/// Reads a message that fills `bytes` and came at `now`; `lines` lets line ends be part of the text.
pub(crate) fn parse(bytes: &[u8], now: i64, lines: bool) -> Result<Message<'_>, Broken<'_>> {
    let mut c = Cursor::new(bytes);
    let priority = priority(&mut c).map_err(|fault| Broken { read: None, fault })?;
    let mut message = Message { priority, ..Message::default() };
    match read(&mut c, &mut message, now, lines) {
        Ok(()) => Ok(message),
        Err(fault) => Err(Broken { read: Some(Box::new(message)), fault }),
    }
}

fn read<'a>(c: &mut Cursor<'a>, message: &mut Message<'a>, now: i64, lines: bool) -> Result<(), Fault> {
    let at = c.at();
    let stamp = match c.peek() {
        Some(b'0'..=b'9') => time::rfc3339(c),
        _ => time::stamp(c, now),
    };
    message.timestamp = Some(stamp.filter(|_| c.eat(b' ')).ok_or(Fault { expected: fault::STAMP, column: at })?);
    let at = c.at();
    let host = c.ascii_while(|b| b.is_ascii_graphic());
    if !(1..=255).contains(&host.len()) || !c.eat(b' ') {
        return Err(Fault { expected: fault::HOSTNAME, column: at + host.len().min(255) });
    }
    message.hostname = Some(host);
    tag(c, message);
    let rest = c.rest();
    let whole = rest.trim_ascii_end();
    if !lines && let Some(end) = whole.iter().position(|b| b.is_ascii_control() && *b != b'\t') {
        message.text = text(&rest[..end]);
        return Err(Fault { expected: fault::CONTENT, column: c.at() + end });
    }
    message.text = text(whole);
    Ok(())
}

/// Takes `name: ` or `name[id]: ` off the text, if it begins so.
fn tag<'a>(c: &mut Cursor<'a>, message: &mut Message<'a>) {
    let mut ahead = *c;
    let name = ahead.ascii_while(|b| b.is_ascii_graphic() && !matches!(b, b':' | b'['));
    if !(1..=TAG_MAX).contains(&name.len()) {
        return;
    }
    let mut id = None;
    if ahead.eat(b'[') {
        id = Some(ahead.ascii_while(|b| b.is_ascii_graphic() && b != b']'));
        if !ahead.eat(b']') {
            return;
        }
    }
    if !ahead.eat(b':') {
        return;
    }
    ahead.eat(b' ');
    *c = ahead;
    message.appname = Some(name);
    message.procid = id.filter(|id| !id.is_empty());
}
