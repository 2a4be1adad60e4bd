//! Packed bodies: nothing unfolds to more than it may, and what was packed is unpacked.
#![no_main]

use agent_net::coding::{Coding, Unpacker};
use libfuzzer_sys::fuzz_target;

const MOST: u64 = 64 << 10;

fuzz_target!(|body: &[u8]| {
    for name in ["identity", "gzip", "zlib", "zstd", "snappy"] {
        let coding = Coding::named(name).expect("it is known");
        if let Ok(plain) = coding.decode(body, MOST) {
            assert!(plain.len() as u64 <= MOST);
        }
        if let Ok(mut unpacker) = Unpacker::new(coding) {
            let mut plain = Vec::new();
            for piece in body.chunks(unpacker.piece()) {
                plain.clear();
                if unpacker.push(piece, &mut plain).is_err() {
                    break;
                }
                assert!(plain.len() <= 5 << 20, "{name}: {} bytes at once", plain.len());
            }
        }
        let packed = coding.encode(body).expect("bytes can be packed");
        assert_eq!(coding.decode(&packed, body.len() as u64).expect("it was packed so"), body, "{name}");
    }
});
