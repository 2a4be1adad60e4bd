//! Frames of any link: no length goes beyond the frame, and what was cut off by the capture is never more than what it was cut off from.
#![no_main]

use agent_fuzz::split;
use agent_packets::Decoder;
use libfuzzer_sys::fuzz_target;

/// The kinds of links that are decoded, and one that is not.
const LINKS: [u16; 42] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 228, 229, 276, 6, 8, 10, 100, 107, 109, 117, 119, 122, 163,
    166, 178, 181, 192, 204, 205, 206, 226, 239, 242, 258, 281, 282, 285, 1, 999,
];

fuzz_target!(|data: &[u8]| {
    let Some((frame, options)) = split(data) else { return };
    let link = LINKS[options as usize % LINKS.len()];
    let wire = frame.len() as u32;
    let mut decoder = Decoder::new();
    if let Ok(packet) = decoder.decode(link, frame, wire) {
        assert!(packet.ip_bytes <= wire && packet.payload <= wire);
        assert!(packet.v6 || packet.src <= u128::from(u32::MAX) && packet.dst <= u128::from(u32::MAX));
    }
    // Fragments are remembered: the same again, and cut anywhere.
    for cut in (0..frame.len()).step_by(7) {
        if let Ok(packet) = decoder.decode(link, &frame[..cut], wire) {
            assert!(packet.ip_bytes <= wire);
        }
    }
});
