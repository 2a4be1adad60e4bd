//! Packed batches: what was packed is unpacked, whatever the metrics hold and whichever rows are taken.
#![no_main]

use agent_api::View;
use agent_api::metric::Packed;
use agent_fuzz::{odd_batch, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((data, mode)) = split(data) else { return };
    let Ok(batch) = odd_batch(data) else { return };
    let rows: Vec<u32> = (0..batch.len() as u32).filter(|row| row % 8 != u32::from(mode % 8)).rev().collect();
    let view = View::all(batch).with_rows(rows);
    let packed = Packed::new(&view);
    assert_eq!(packed.len(), view.len());
    let again = packed.unpack();
    assert_eq!(again.len(), view.len());
    for (one, other) in view.iter().zip(again.iter()) {
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_eq!((one.kind(), one.clean(), one.series()), (other.kind(), other.clean(), other.series()));
    }
});
