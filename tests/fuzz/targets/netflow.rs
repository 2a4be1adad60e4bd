//! Packets of exporters, each behind two bytes of its length.
#![no_main]

use agent_fuzz::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((packets, mode)) = split(data) else { return };
    inputs::fuzz::netflow(packets, mode);
});
