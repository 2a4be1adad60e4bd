//! The way of a stream through a connection without its socket, for `tests/fuzz`.

use super::messages::Messages;
use super::split::{LengthField, Splitter};
use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::BoxParser;
use agent_api::{Batch, ParseError, Table};

/// The metrics of a stream that comes in pieces of `step` bytes, which is at least 1. `mode` chooses how it is split.
pub fn connection(parser: BoxParser, mode: u8, stream: &[u8], step: usize) -> Batch {
    let (strategy, delimiter) = match mode % 5 {
        0 => ("newline", ""),
        1 => ("null", ""),
        2 => ("delimiter", "ab"),
        3 => ("fixed length", ""),
        _ => ("variable length", ""),
    };
    let length = usize::from(mode / 5) + 1;
    let splitter = Splitter::new(strategy, delimiter, length, &header(mode / 5)).expect("these settings are good");
    let (mut messages, mut bad) = (Messages::new(parser, splitter), ParseError::default());
    for piece in stream.chunks(step) {
        let new = messages.buffer.len();
        messages.buffer.extend_from_slice(piece);
        if messages.parse(new, &mut bad).is_err() {
            break;
        }
    }
    messages.finish(&mut bad);
    messages.collector.take()
}

fn header(mode: u8) -> LengthField {
    let (mut table, span) = (Table::default(), Span::default());
    let bytes = 1i64 << (mode % 4);
    let offset = i64::from(mode / 4 % 4);
    for (key, value) in [("offset", offset), ("bytes", bytes), ("header_length", offset + bytes + 1)] {
        table.set(key, span, Item { value: Setting::Int(value), span });
    }
    let endianness = if (mode / 16).is_multiple_of(2) { "be" } else { "le" };
    table.set("endianness", span, Item { value: Setting::Str(endianness.to_owned()), span });
    table.read().expect("these settings are good")
}
