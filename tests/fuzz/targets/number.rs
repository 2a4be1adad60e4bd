//! Go's spellings of numbers, durations and sizes: what was read is written, and reads back the same.
#![no_main]

use agent_golang::number::{FloatStyle, format_float, parse_bool, parse_float, parse_int, parse_uint};
use agent_golang::{duration, size};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(nanos) = duration::parse(text) {
        assert_eq!(duration::parse(&duration::format(nanos)), Ok(nanos), "{text:?}");
    }
    let _setting = (duration::parse_setting(text), size::parse(text), parse_bool(text));
    for base in [0, 2, 8, 10, 16, 36] {
        if let Ok(value) = parse_int(text, base) {
            assert_eq!(parse_int(&value.to_string(), 10), Ok(value), "{text:?}");
        }
        let _value = parse_uint(text, base);
    }
    if let Ok(value) = parse_float(text) {
        for style in [FloatStyle::Plain, FloatStyle::Exponent, FloatStyle::Shortest, FloatStyle::Json] {
            let written = format_float(value, style, None);
            let again = parse_float(&written).expect("what was written can be read");
            assert!(again.to_bits() == value.to_bits() || value.is_nan(), "{text:?} as {written:?}");
            let _rounded = format_float(value, style, Some(text.len() % 20));
        }
    }
});
