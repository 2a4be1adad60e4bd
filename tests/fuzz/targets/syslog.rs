//! syslog: messages of both standards, and streams of them, which are cut the same in any pieces, up to the line ends within messages.
#![no_main]

use agent_fuzz::split;
use agent_syslog::{Broken, Framing, Message, Piece, Splitter, Standard};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((stream, mode)) = split(data) else { return };
    let older = Standard::Rfc3164 { now: 1_795_219_200_000_000_000, lines: mode & 1 != 0 };
    for standard in [Standard::Rfc5424, older] {
        match Message::parse(stream, standard) {
            Ok(message) => assert!(message.facility() < 24),
            Err(Broken { fault, .. }) => assert!(fault.column <= stream.len()),
        }
    }
    let framing = match mode & 2 {
        0 => Framing::OctetCounting { max: usize::from(mode) },
        _ => Framing::Trailer(b'\n'),
    };
    let whole = cut(framing, stream, stream.len().max(1));
    for step in [1, 3, 64] {
        assert_eq!(whole, cut(framing, stream, step), "in pieces of {step} bytes");
    }
});

/// The messages of a stream, and whether it broke off.
fn cut(framing: Framing, stream: &[u8], step: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut splitter, mut buffer, mut messages) = (Splitter::new(framing), Vec::new(), Vec::new());
    for part in stream.chunks(step) {
        buffer.extend_from_slice(part);
        loop {
            match splitter.next(&buffer) {
                Ok((0, _)) => break,
                Ok((taken, piece)) => {
                    if let Some(Piece::Message(place)) = piece {
                        messages.push(buffer[place].to_vec());
                    }
                    buffer.drain(..taken);
                }
                Err(_) => return (messages, true),
            }
        }
    }
    messages.extend(splitter.last(&buffer).map(|(place, _)| buffer[place].to_vec()));
    if let Framing::Trailer(trailer) = framing {
        // Whether a trailer ends a message or is one of its line ends depends on what has come by then: the lines are the same.
        let lines = messages.iter().flat_map(|message| message.split(|byte| *byte == trailer));
        messages = lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    }
    (messages, false)
}
