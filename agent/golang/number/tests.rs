//! What numbers are read and printed as, and that Go does the same.

use super::*;
use crate::testing::{Random, rows};

#[test]
fn parses_floats_as_go_does() {
    for row in rows(include_str!("../oracle/float_parse.jsonl")) {
        let text = row[0].as_str().unwrap();
        let expected = row[1].as_str().map(|bits| f64::from_bits(bits.parse().unwrap()));
        let parsed = parse_float(text);
        match expected {
            Some(expected) if expected.is_nan() => assert!(parsed.unwrap().is_nan(), "{text:?}"),
            Some(expected) => {
                assert_eq!(parsed.clone().map(f64::to_bits), Ok(expected.to_bits()), "{text:?} {expected} {parsed:?}")
            }
            None => assert!(parsed.is_err(), "{text:?} {parsed:?}"),
        }
    }
    assert!(parse_float("1e400").unwrap_err().is_out_of_range());
    assert!(!parse_float("1e40x").unwrap_err().is_out_of_range());
}

#[test]
fn parses_integers_as_go_does() {
    for row in rows(include_str!("../oracle/int_parse.jsonl")) {
        let text = row[0].as_str().unwrap();
        for (index, base) in [10, 0, 16].into_iter().enumerate() {
            let signed = parse_int(text, base).ok().map(|value| value.to_string());
            let unsigned = parse_uint(text, base).ok().map(|value| value.to_string());
            assert_eq!(signed.as_deref(), row[1 + 2 * index].as_str(), "{text:?} {base}");
            assert_eq!(unsigned.as_deref(), row[2 + 2 * index].as_str(), "{text:?} {base}");
        }
    }
    assert!(parse_int("9223372036854775808", 10).unwrap_err().is_out_of_range());
    assert!(parse_int("1", 1).is_err() && parse_int("1", 37).is_err());
}

#[test]
fn parses_truth_as_go_does() {
    for text in ["1", "t", "T", "true", "True", "TRUE"] {
        assert_eq!(parse_bool(text), Ok(true));
    }
    for text in ["0", "f", "F", "false", "False", "FALSE"] {
        assert_eq!(parse_bool(text), Ok(false));
    }
    for text in ["", "yes", "tRUE", " true", "2"] {
        assert!(parse_bool(text).is_err(), "{text:?}");
    }
    assert_eq!(parse_bool("yes").unwrap_err().to_string(), r#"parse "yes": invalid syntax"#);
}

#[test]
fn prints_floats_as_go_does() {
    use FloatStyle::*;
    for row in rows(include_str!("../oracle/float_format.jsonl")) {
        let value = f64::from_bits(row[0].as_str().unwrap().parse().unwrap());
        assert_eq!(format_float(value, Shortest, None), row[1].as_str().unwrap(), "%v {value:e}");
        if value.is_finite() {
            assert_eq!(format_float(value, Json, None), row[2].as_str().unwrap(), "json {value:e}");
        }
        let mut column = 3;
        for style in [Plain, Exponent, Shortest, ShortestUpper] {
            for precision in [None, Some(0), Some(1), Some(3), Some(10)] {
                let expected = row[column].as_str().unwrap();
                let printed = format_float(value, style, precision);
                assert_eq!(printed, expected, "{style:?} {precision:?} {value:e}");
                column += 1;
            }
        }
        let mut bytes = Vec::new();
        append_float(value, Plain, &mut bytes);
        assert_eq!(bytes, row[3].as_str().unwrap().as_bytes());
    }
}

#[test]
fn random_texts_do_not_panic_and_floats_read_back() {
    const PIECES: [&str; 22] = [
        "0",
        "1",
        "9",
        "f",
        "x",
        "X",
        "0x",
        "0b",
        "p",
        "P",
        "e",
        "E",
        "+",
        "-",
        ".",
        "_",
        "inf",
        "nan",
        " ",
        "é",
        "000000000000000000000",
        "ffffffffffffffffff",
    ];
    let mut random = Random(11);
    for _ in 0..10_000 {
        let text = random.text(&PIECES, 7);
        let _ = (parse_int(&text, 0), parse_uint(&text, 10), parse_float(&text));
        let value = f64::from_bits(random.below(usize::MAX) as u64);
        if value.is_finite() {
            for style in [FloatStyle::Plain, FloatStyle::Shortest, FloatStyle::Json] {
                assert_eq!(parse_float(&format_float(value, style, None)), Ok(value));
            }
        }
    }
}
