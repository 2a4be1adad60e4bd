//! Packed bodies: nothing unfolds to more than it may, and what was packed is unpacked.
#![no_main]

use agent_net::{coding, server};
use libfuzzer_sys::fuzz_target;

const MOST: usize = 64 << 10;

fuzz_target!(|body: &[u8]| {
    for name in ["identity", "gzip", "zlib", "zstd", "snappy"] {
        let server = server::Coding::named(name).expect("the server knows it");
        if let Ok(plain) = server.decode(body.to_vec(), MOST as u64) {
            assert!(plain.len() <= MOST);
        }
        if let Ok(mut unpacker) = server::Unpacker::new(server) {
            let mut plain = Vec::new();
            for piece in body.chunks(unpacker.piece()) {
                plain.clear();
                if unpacker.push(piece, &mut plain).is_err() {
                    break;
                }
                assert!(plain.len() <= 5 << 20, "{name}: {} bytes at once", plain.len());
            }
        }
        if let Ok(client) = coding::Coding::named("", name) {
            if let Ok(plain) = client.decode(body, MOST) {
                assert!(plain.len() <= MOST);
            }
            let packed = client.encode(body).expect("bytes can be packed");
            assert_eq!(client.decode(&packed, body.len()).expect("it was packed so"), body, "{name}");
            assert_eq!(server.decode(packed, body.len() as u64).expect("it was packed so"), body, "{name}");
        }
    }
});
