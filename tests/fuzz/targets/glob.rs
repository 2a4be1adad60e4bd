//! Globs: the first line is a pattern, the second a text. A pattern whose special characters are escaped matches itself alone.
#![no_main]

use agent_golang::glob::{Glob, Set};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let (pattern, text) = data.split_once('\n').unwrap_or((data, ""));
    for separators in [&[][..], &['.'], &['/', 'a']] {
        if let Ok(glob) = Glob::compile(pattern, separators) {
            let list = Set::compile(&[pattern, "never/matches/anything"], separators).expect("each of them is good");
            assert!(!glob.is_match(text) || list.is_match(text), "{pattern:?} matches {text:?} alone only");
        }
        let escaped: String = pattern.chars().flat_map(|c| ['\\', c]).collect();
        let glob = Glob::compile(&escaped, separators).expect("any character may be escaped");
        assert!(glob.is_match(pattern), "{escaped:?}");
        assert_eq!(glob.is_match(text), pattern == text, "{escaped:?} {text:?}");
    }
});
