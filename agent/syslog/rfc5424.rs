//! Reading messages of RFC 5424.

use crate::cursor::Cursor;
use crate::{Broken, Element, Fault, Message, PRIORITY_MAX, fault, time};
use std::borrow::Cow;

/// Section 6.3.2: the longest name, in characters.
const NAME_MAX: usize = 32;

/// Reads a message that fills `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Message<'_>, Broken<'_>> {
    let mut c = Cursor::new(bytes);
    let mut message = Message::default();
    match read(&mut c, &mut message) {
        Ok(()) => Ok(message),
        Err(fault) => Err(Broken { read: message.version.is_some().then(|| Box::new(message)), fault }),
    }
}

fn read<'a>(c: &mut Cursor<'a>, message: &mut Message<'a>) -> Result<(), Fault> {
    message.priority = priority(c)?;
    message.version = Some(version(c)?);
    space(c)?;
    if !nil(c) {
        let at = *c;
        message.timestamp = time::rfc3339(c);
        // A time that reads on without an end is kept all the same, as it stood before the fault.
        if message.timestamp.is_none() || c.peek() != Some(b' ') {
            return Err(Fault { expected: fault::TIMESTAMP, column: at.at() });
        }
    }
    message.hostname = part(c, 255, fault::HOSTNAME)?;
    message.appname = part(c, 48, fault::APPNAME)?;
    message.procid = part(c, 128, fault::PROCID)?;
    message.msgid = part(c, 32, fault::MSGID)?;
    space(c)?;
    if !c.eat(b'-') {
        data(c, &mut message.data)?;
    }
    if c.is_at_end() {
        return Ok(());
    }
    space(c)?;
    message.text = text(c.rest());
    Ok(())
}

fn fail<T>(c: &Cursor<'_>, expected: &'static str) -> Result<T, Fault> {
    // Where the message is at its end nothing wrong stands there: something is missing.
    Err(Fault { expected: if c.is_at_end() { fault::PARSING } else { expected }, column: c.at() })
}

/// `<191>`; leading zeros are none of the grammar.
pub(crate) fn priority(c: &mut Cursor<'_>) -> Result<u8, Fault> {
    if !c.eat(b'<') {
        return Err(Fault { expected: fault::PRIORITY, column: c.at() });
    }
    let at = c.at();
    let digits = c.ascii_while(|b| b.is_ascii_digit());
    let value =
        digits.parse::<u8>().ok().filter(|v| *v <= PRIORITY_MAX && (digits.len() == 1 || !digits.starts_with('0')));
    let value = value.ok_or(Fault { expected: fault::PRIORITY_VALUE, column: at })?;
    if c.eat(b'>') { Ok(value) } else { Err(Fault { expected: fault::PRIORITY, column: c.at() }) }
}

fn version(c: &mut Cursor<'_>) -> Result<u16, Fault> {
    let at = *c;
    let digits = c.ascii_while(|b| b.is_ascii_digit());
    let value = digits.parse().ok().filter(|_| digits.len() <= 3 && !digits.starts_with('0'));
    value.ok_or(Fault { expected: fault::VERSION, column: at.at() })
}

fn space(c: &mut Cursor<'_>) -> Result<(), Fault> {
    if c.eat(b' ') { Ok(()) } else { fail(c, fault::PARSING) }
}

/// Steps over a `-` that is a whole part.
fn nil(c: &mut Cursor<'_>) -> bool {
    let found = c.peek() == Some(b'-') && matches!(c.rest().get(1), None | Some(b' '));
    c.skip(usize::from(found));
    found
}

/// A space and a part of the header of at most `max` printable characters, or `-`.
fn part<'a>(c: &mut Cursor<'a>, max: usize, expected: &'static str) -> Result<Option<&'a str>, Fault> {
    space(c)?;
    if nil(c) {
        return Ok(None);
    }
    let at = *c;
    let text = c.ascii_while(|b| b.is_ascii_graphic());
    if text.is_empty() {
        return fail(c, expected);
    }
    // A part counts when it has ended, so that one that was cut off with the message does not.
    if text.len() > max || c.peek() != Some(b' ') {
        return Err(Fault { expected, column: at.at() + text.len().min(max) });
    }
    Ok(Some(text))
}

/// True for what can be an identifier or a name in structured data.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(name_byte)
}

fn name_byte(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"')
}

fn data<'a>(c: &mut Cursor<'a>, elements: &mut Vec<Element<'a>>) -> Result<(), Fault> {
    if c.peek() != Some(b'[') {
        return fail(c, fault::DATA);
    }
    while c.eat(b'[') {
        let at = *c;
        let id = c.ascii_while(name_byte);
        if !is_name(id) {
            // What is not even an identifier takes the element before with it, as it does for Telegraf.
            elements.pop();
            return fail(&at, fault::DATA_ID);
        }
        if elements.iter().any(|e| e.id == id) {
            return Err(Fault { expected: fault::DATA_TWICE, column: at.at() });
        }
        if !matches!(c.peek(), Some(b' ' | b']')) {
            return fail(c, fault::DATA_ID);
        }
        let mut element = Element { id, params: Vec::new() };
        let ended = params(c, &mut element.params);
        elements.push(element);
        ended?;
    }
    Ok(())
}

/// ` name="value"` any number of times, and the bracket at the end. With a fault the parameter named last does not count.
fn params<'a>(c: &mut Cursor<'a>, params: &mut Vec<(&'a str, Cow<'a, str>)>) -> Result<(), Fault> {
    while c.eat(b' ') {
        let at = *c;
        let name = c.ascii_while(name_byte);
        if !is_name(name) || !c.eat(b'=') {
            params.pop();
            return fail(&at, fault::PARAM);
        }
        let value = if c.eat(b'"') { value(c) } else { None };
        let Some(value) = value else { return Err(Fault { expected: fault::PARAM, column: at.at() }) };
        params.push((name, value));
    }
    if c.eat(b']') {
        return Ok(());
    }
    params.pop();
    fail(c, fault::PARAM)
}

/// A value up to its quotation mark, which is stepped over, or nothing where it does not end. A backslash before anything but
/// `"`, `\` and `]` is a backslash (section 6.3.3); a bracket that is not escaped ends nothing, since so many senders forget it.
fn value<'a>(c: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let rest = c.rest();
    let (mut at, mut from, mut own) = (0, 0, Vec::new());
    loop {
        at += memchr::memchr2(b'"', b'\\', &rest[at..])?;
        if rest[at] == b'"' {
            break;
        }
        let escaped = matches!(rest.get(at + 1), Some(b'"' | b'\\' | b']'));
        if escaped {
            own.extend_from_slice(&rest[from..at]);
            from = at + 1;
        }
        at += 1 + usize::from(escaped);
    }
    c.skip(at + 1);
    if from == 0 {
        return Some(String::from_utf8_lossy(&rest[..at]));
    }
    own.extend_from_slice(&rest[from..at]);
    Some(Cow::Owned(String::from_utf8(own).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())))
}

/// The text of a message without the byte order mark; an empty one is none.
pub(crate) fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes))
}
