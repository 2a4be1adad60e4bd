//! Streams of messages: the metrics do not depend on the pieces in which a stream comes.
#![no_main]

use agent_fuzz::{lines, parser, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((stream, mode)) = split(data) else { return };
    let read = |step| {
        let parser = parser("influx", &[]).expect("line protocol is there");
        inputs::fuzz::connection(parser, mode, stream, step)
    };
    let whole = read(stream.len().max(1));
    for step in [1, 3, 64] {
        // Metrics without a time get that of the clock.
        let name = |l: String| l.rsplit_once(' ').map_or(l.clone(), |(rest, _)| rest.to_owned());
        let (one, other) = (lines(&whole).into_iter().map(name), lines(&read(step)).into_iter().map(name));
        assert!(one.eq(other), "in pieces of {step} bytes");
    }
});
