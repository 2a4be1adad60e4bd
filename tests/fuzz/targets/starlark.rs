//! Starlark: every script loads and ends within its steps and its memory, or there is an error with its place.
#![no_main]

use agent_starlark::{Options, Script};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let options = Options { steps: Some(10_000), memory: 16 << 20, depth: 200, ..Options::default() };
    match Script::load(source, "fuzz.star", &options, &mut ()) {
        Ok(mut script) => {
            if let Some(apply) = script.function("apply")
                && script.parameters(apply) == 0
                && let Err(error) = script.call(apply, &[], &mut ())
            {
                assert!(!error.traceback().is_empty());
            }
            script.collect();
        }
        Err(error) => assert!(!error.traceback().is_empty()),
    }
});
