//! WebSocket: frames of a server, which are read the same in any pieces.
#![no_main]

use agent_net::client::websocket::{Event, Frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let whole = events(stream, stream.len().max(1));
    for step in [1, 3, 64] {
        assert_eq!(whole, events(stream, step), "in pieces of {step} bytes");
    }
});

fn events(stream: &[u8], step: usize) -> (Vec<Event>, bool) {
    let (mut frames, mut events) = (Frames::default(), Vec::new());
    for mut piece in stream.chunks(step) {
        loop {
            match frames.next(&mut piece) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}
