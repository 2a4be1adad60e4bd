//! statsd: packets of both dialects over several intervals, a packet for each empty line.
#![no_main]

use agent_fuzz::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((packets, mode)) = split(data) else { return };
    inputs::fuzz::statsd(packets, mode);
});
