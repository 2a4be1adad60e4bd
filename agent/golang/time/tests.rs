//! What layouts print and read, and that Go does the same.

use super::*;
use crate::testing::{Random, rows};

fn zone(name: &str) -> Zone {
    Zone::parse(name).expect("a zone of the database")
}

#[test]
fn formats_as_go_does() {
    for row in rows(include_str!("../oracle/time_format.jsonl")) {
        let [layout, seconds, nanos, name, expected] = &row[..] else { panic!("{row:?}") };
        let time = Time::new(seconds.as_i64().unwrap(), nanos.as_u64().unwrap() as u32);
        let layout = Layout::parse_spec(layout.as_str().unwrap());
        let mut text = String::new();
        layout.format_time(time, &zone(name.as_str().unwrap()), &mut text);
        assert_eq!(text, expected.as_str().unwrap(), "{row:?}");
    }
}

#[test]
fn parses_as_go_does() {
    for row in rows(include_str!("../oracle/time_parse.jsonl")) {
        let [layout, text, name, seconds, nanos] = &row[..] else { panic!("{row:?}") };
        let layout = Layout::parse_spec(layout.as_str().unwrap());
        let parsed = layout.parse_time(text.as_str().unwrap(), &zone(name.as_str().unwrap()));
        let expected = seconds.as_i64().map(|seconds| Time::new(seconds, nanos.as_u64().unwrap() as u32));
        assert_eq!(parsed.clone().ok(), expected, "{row:?} {parsed:?}");
    }
}

#[test]
fn errors_quote_the_text_and_what_was_wanted() {
    let error = |layout: &str, text: &str| {
        let parsed = Layout::parse_spec(layout).parse(text, &Zone::Utc);
        parsed.unwrap_err().to_string()
    };
    assert_eq!(
        error("2006-01-02", "2022/02/03"),
        r#"parse time "2022/02/03" as "2006-01-02": cannot read "/02/03" as "-""#
    );
    assert_eq!(error("2006-01-02", "2022-02-30"), r#"parse time "2022-02-30": day out of range"#);
    assert_eq!(error("2006", "2022x"), r#"parse time "2022x": extra text "x""#);
    assert_eq!(error("2006-01-002", "2022-03-034"), r#"parse time "2022-03-034": day of year does not match month"#);
    assert_eq!(error("15:04", "10:20"), r#"parse time "10:20": year out of range"#);
    assert!(error("2006", &"x".repeat(500)).len() < 200);
}

#[test]
fn time_without_year_is_in_the_year_0() {
    let time = Layout::parse_spec("Jan _2 15:04:05").parse_time("Mar  1 00:00:00", &Zone::Utc).unwrap();
    assert_eq!(Civil::at(time, 0).year, 0);
    assert_eq!(time.unix_nanos(), None);
    // What Go's UnixNano gives.
    assert_eq!(time.wrapping_unix_nanos(), -6_821_802_978_871_345_152);
}

#[test]
fn zones() {
    assert_eq!(Zone::parse("").unwrap(), Zone::Utc);
    assert_eq!(Zone::parse("UTC").unwrap(), Zone::Utc);
    assert!(Zone::parse("Local").is_ok());
    assert_eq!(zone("Europe/Berlin").abbreviation_at(1_600_000_000), "CEST");
    assert_eq!(zone("America/Sao_Paulo").offset_at(1_600_000_000), -3 * 3600);
    assert_eq!(Zone::fixed(5400, "X").offset_at(0), 5400);
    let error = Zone::parse("Moon/Tycho").unwrap_err();
    assert_eq!(error.to_string(), r#"unknown time zone "Moon/Tycho""#);
    for bad in ["../../etc/passwd", "/etc/localtime", "\0", "Europe/"] {
        assert!(Zone::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn fixed_zone_without_a_name_prints_its_offset() {
    let mut text = String::new();
    Layout::parse_spec("15:04 MST").format_time(Time::default(), &Zone::fixed(-5400, ""), &mut text);
    assert_eq!(text, "22:30 -0130");
}

#[test]
fn day_of_year_and_week() {
    let civil = Civil::at(Time::new(951_782_400, 0), 0); // 2000-02-29
    assert_eq!((civil.year_day(), civil.weekday), (60, 2));
    let civil = Civil::at(Time::new(-1, 0), 0);
    assert_eq!((civil.year, civil.month, civil.day), (1969, 12, 31));
    assert_eq!((civil.year_day(), civil.weekday), (365, 3));
}

#[test]
fn unix_timestamps() {
    let second = 1_600_000_000_000_000_000;
    let cases = [
        ("unix", "1600000000", second),
        ("unix", "1600000000.5", second + 500_000_000),
        ("unix", "1600000000,5", second + 500_000_000),
        ("unix", "1600000000.1234567899", second + 123_456_789),
        ("unix", "1600000000.", second),
        ("unix", "-1.5", -1_500_000_000),
        ("unix", "-0.5", -500_000_000),
        ("unix_ms", "1600000000123", second + 123_000_000),
        ("unix_ms", "1600000000123.9", second + 123_000_000),
        ("unix_ms", "-1", -1_000_000),
        ("unix_us", "1600000000123456", second + 123_456_000),
        ("unix_ns", "1600000000123456789", second + 123_456_789),
    ];
    for (format, text, expected) in cases {
        assert_eq!(parse_timestamp(format, text, &Zone::Utc), Ok(expected), "{format} {text}");
    }
    for text in ["", "x", "1x", "1.5x", "1 ", ".5.", "0x10", "1e9", "99999999999999999999"] {
        let error = parse_timestamp("unix", text, &Zone::Utc).unwrap_err();
        assert_eq!(error, TimestampError::NotANumber(text.into()));
    }
    let far = parse_timestamp("unix", "9999999999999", &Zone::Utc).unwrap_err();
    assert_eq!(far, TimestampError::OutOfRange("9999999999999".into()));
}

#[test]
fn timestamps_from_numbers() {
    let read = |format: &str, stamp| TimestampFormat::parse_spec(format).parse(stamp, &Zone::Utc);
    assert_eq!(read("unix", Stamp::Int(-2)), Ok(-2_000_000_000));
    assert_eq!(read("unix", Stamp::Uint(2)), Ok(2_000_000_000));
    assert_eq!(read("unix", Stamp::Float(1_600_000_000.25)), Ok(1_600_000_000_250_000_000));
    assert_eq!(read("unix", Stamp::Float(-1.5)), Ok(-1_500_000_000));
    assert_eq!(read("unix_ms", Stamp::Float(1.75)), Ok(1_000_000));
    assert_eq!(read("2006", Stamp::Int(2022)), Err(TimestampError::NotText));
    for bad in [f64::NAN, f64::INFINITY, -1e300, 9.3e18] {
        let error = read("unix", Stamp::Float(bad)).unwrap_err();
        assert!(matches!(error, TimestampError::OutOfRange(_)), "{bad}");
    }
    assert!(read("unix_ns", Stamp::Uint(u64::MAX)).is_err());
}

#[test]
fn timestamps_by_the_names_of_go() {
    let expected = 1_136_239_445_000_000_000; // 2006-01-02 15:04:05 -0700
    for name in ["RFC3339", "rfc3339", "RFC3339Nano"] {
        let parsed = parse_timestamp(name, "2006-01-02T15:04:05-07:00", &Zone::Utc);
        assert_eq!(parsed, Ok(expected), "{name}");
    }
    let parsed = parse_timestamp("RubyDate", "Mon Jan 02 15:04:05 -0700 2006", &Zone::Utc);
    assert_eq!(parsed, Ok(expected));
    assert_eq!(named("kitchen"), Some("3:04PM"));
    assert_eq!(named("nothing"), None);
}

#[test]
fn timestamps_with_zone_abbreviations() {
    let read = |text, zone: &Zone| parse_timestamp("2006-01-02 15:04 MST", text, zone);
    let noon = 1_643_889_600_000_000_000; // 2022-02-03T12:00:00Z
    let hour = 3_600_000_000_000;
    assert_eq!(read("2022-02-03 12:00 UTC", &Zone::Utc), Ok(noon));
    assert_eq!(read("2022-02-03 12:00 GMT", &Zone::Utc), Ok(noon));
    // The names of zones of their own.
    assert_eq!(read("2022-02-03 12:00 MST", &Zone::Utc), Ok(noon + 7 * hour));
    assert_eq!(read("2022-02-03 12:00 CET", &Zone::Utc), Ok(noon - hour));
    // Known only in the zone given.
    let berlin = zone("Europe/Berlin");
    let summer = 1_656_849_600_000_000_000; // 2022-07-03T12:00:00Z
    assert_eq!(read("2022-07-03 12:00 CEST", &berlin), Ok(summer - 2 * hour));
    assert_eq!(read("2022-07-03 12:00 CEST", &zone("Asia/Tokyo")), Err(TimestampError::Abbreviation("CEST".into())));
}

#[test]
fn timestamps_print_in_their_unit() {
    let print = |format: &str, ns| {
        let mut text = String::new();
        TimestampFormat::parse_spec(format).format_into(ns, &Zone::Utc, &mut text);
        text
    };
    let ns = -1_500_000_001;
    assert_eq!(print("unix", ns), "-2");
    assert_eq!(print("unix_ms", ns), "-1500");
    assert_eq!(print("unix_us", ns), "-1500000");
    assert_eq!(print("unix_ns", ns), "-1500000001");
    assert_eq!(print("RFC3339", ns), "1969-12-31T23:59:58Z");
}

#[test]
fn random_layouts_and_texts_do_not_panic_and_read_back() {
    const PIECES: [&str; 34] = [
        "2006", "06", "01", "1", "Jan", "January", "02", "_2", "2", "__2", "002", "15", "03", "3", "04", "4", "05",
        "5", ".000", ",999", "PM", "pm", "MST", "Z07:00", "-0700", "-07", "Mon", "Monday", " ", "-", "T", "é", "日",
        "9",
    ];
    let mut random = Random(0x5eed);
    let zone = zone("Europe/Berlin");
    let full = Layout::parse_spec("2006-01-02T15:04:05.000000000Z07:00");
    for _ in 0..4000 {
        let layout = Layout::parse_spec(&random.text(&PIECES, 8));
        let time = random.below(usize::MAX) as i64;
        let text = layout.format(time, &zone);
        let _ = layout.parse_time(&text, &zone);
        let _ = layout.parse_time(&random.text(&PIECES, 8), &zone);
        let mut cut = text.clone();
        cut.truncate((0..=text.len() / 2).rev().find(|&at| text.is_char_boundary(at)).unwrap());
        let _ = layout.parse_time(&cut, &zone);
        assert_eq!(full.parse(&full.format(time, &zone), &Zone::Utc), Ok(time));
    }
}
