//! Reading messages of RFC 3164, which describes what was seen rather than what is allowed.
//!
//! Priority and time are needed. A word behind them is the host, unless it has a colon, as senders that leave their host out begin with the
//! program. Program and process are taken off the text where they stand as `name[id]: `, and are known, too, where something else than the
//! colon and the blank follows them. More than one blank may stand between the parts. A time as RFC 3339 writes it is taken as well, since
//! common senders put it there.

use crate::cursor::Cursor;
use crate::rfc5424::{priority, text};
use crate::{Broken, Fault, Message, fault, time};

/// The longest tag, in characters: RFC 3164 has 32, in use are up to 48.
const TAG_MAX: usize = 48;

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
    blanks(c);
    let at = c.at();
    let stamp = match c.peek() {
        Some(b'0'..=b'9') => time::rfc3339(c),
        _ => time::stamp(c, now),
    };
    message.timestamp = Some(stamp.filter(|_| blanks(c)).ok_or(Fault { expected: fault::STAMP, column: at })?);
    if c.is_at_end() {
        return Err(Fault { expected: fault::CONTENT, column: c.at() });
    }
    let mut ahead = *c;
    let host = ahead.ascii_while(|b| b.is_ascii_graphic() && b != b':');
    if (1..=255).contains(&host.len()) && blanks(&mut ahead) {
        message.hostname = Some(host).filter(|host| *host != "-");
        if !ahead.is_at_end() {
            *c = ahead;
        }
    }
    tag(c, message);
    let rest = c.rest();
    let whole = rest.trim_ascii_end();
    if !lines && let Some(end) = whole.iter().position(|b| b.is_ascii_control() && *b != b'\t') {
        // Only a line that has ended is a text.
        message.text = if whole[end] == b'\n' { text(&rest[..end]) } else { None };
        return Err(Fault { expected: fault::CONTENT, column: c.at() + end });
    }
    message.text = text(whole);
    Ok(())
}

/// Steps over blanks; false if there is none.
fn blanks(c: &mut Cursor<'_>) -> bool {
    let from = c.at();
    while c.eat(b' ') {}
    c.at() > from
}

/// Takes `name: ` or `name[id]: ` off the text, if it begins so. Without the colon and the blank the name is known as well, and the text
/// begins with it, or behind the bracket.
fn tag<'a>(c: &mut Cursor<'a>, message: &mut Message<'a>) {
    let mut ahead = *c;
    let name = ahead.ascii_while(|b| b.is_ascii_graphic() && !matches!(b, b':' | b'['));
    if !(1..=TAG_MAX).contains(&name.len()) || !matches!(ahead.peek(), Some(b':' | b'[')) {
        return;
    }
    message.appname = Some(name).filter(|name| *name != "-");
    if ahead.eat(b'[') {
        *c = ahead;
        let id =
            ahead.ascii_while(|b| (b.is_ascii_graphic() || matches!(b, b' ' | b'\t')) && !matches!(b, b'[' | b']'));
        if !ahead.eat(b']') {
            return;
        }
        message.procid = Some(id).filter(|id| !id.is_empty());
    }
    if ahead.eat(b':') && ahead.eat(b' ') && !ahead.is_at_end() {
        *c = ahead;
    }
}
