//! Programs of BPF, as text up to the first empty line, over the packet behind it: what was taken ends.
#![no_main]

use agent_capture::Filter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (text, packet) = data.split_at(at);
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(filter) = Filter::parse(text) {
        let wanted = filter.wants(packet, packet.len() as u32);
        assert_eq!(filter.wants(packet, packet.len() as u32), wanted);
        assert_eq!(Filter::new(filter.steps().to_vec()), Ok(filter));
    }
});
