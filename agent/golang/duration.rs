//! Durations as Go writes them ("1h2m3.5s", Go package `time`) and as Telegraf's settings extend them.
//!
//! A duration is a signed number of nanoseconds in an `i64`, Go's own range of about 292 years, because Telegraf's
//! settings may be negative and a template computes with them.

use std::fmt;

/// Nanoseconds in a microsecond, millisecond and so on.
const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError {
    text: Box<str>,
    cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Syntax,
    Range,
    MissingUnit,
    UnknownUnit(Box<str>),
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text.chars().take(60).collect();
        match &self.cause {
            Cause::Syntax => write!(f, "invalid duration {text:?}"),
            Cause::Range => write!(f, "invalid duration {text:?}: out of range"),
            Cause::MissingUnit => write!(f, "missing unit in duration {text:?}"),
            Cause::UnknownUnit(unit) => {
                let unit: String = unit.chars().take(60).collect();
                write!(f, "unknown unit {unit:?} in duration {text:?}")
            }
        }
    }
}

impl std::error::Error for DurationError {}

/// Reads Go's spelling: a sign, then numbers with a unit each of `ns us µs ms s m h`; `0` needs no unit.
pub fn parse(text: &str) -> Result<i64, DurationError> {
    read(text, false)
}

/// Reads Telegraf's settings: Go's spelling and the unit `d` (24 hours), a bare number of seconds, or nothing for 0.
pub fn parse_setting(text: &str) -> Result<i64, DurationError> {
    if text.is_empty() {
        return Ok(0);
    }
    let range = || DurationError { text: text.into(), cause: Cause::Range };
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(SECOND).ok_or_else(range);
    }
    if let Ok(seconds) = crate::number::parse_float(text) {
        let nanos = seconds * SECOND as f64;
        return within_range(nanos).then_some(nanos as i64).ok_or_else(range);
    }
    read(text, true)
}

/// The seconds of a bare TOML float as nanoseconds; `None` if they do not fit or are no number.
pub fn from_seconds(seconds: f64) -> Option<i64> {
    let nanos = seconds * SECOND as f64;
    within_range(nanos).then_some(nanos as i64)
}

/// The seconds of so many nanoseconds. Whole seconds and the rest are made floats each for itself, as Go does: for one time in a hundred
/// that differs in the last digit from a division of all of it.
pub fn seconds(nanos: i64) -> f64 {
    (nanos / SECOND) as f64 + (nanos % SECOND) as f64 / 1e9
}

/// 2^63 is the first float beyond the integers; NaN is not within.
fn within_range(nanos: f64) -> bool {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&nanos)
}

fn read(text: &str, days: bool) -> Result<i64, DurationError> {
    let fail = |cause| DurationError { text: text.into(), cause };
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(fail(Cause::Syntax));
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = part(rest, days).map_err(fail)?;
        total = total.checked_add(part).filter(|&total| total <= 1 << 63).ok_or_else(|| fail(Cause::Range))?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(nanos)) => Ok(nanos),
        (true, _) => Ok(0_i64.wrapping_sub_unsigned(total)),
        (false, Err(_)) => Err(fail(Cause::Range)),
    }
}

/// Reads one number and its unit as nanoseconds, and gives what is left.
fn part(text: &str, days: bool) -> Result<(u64, &str), Cause> {
    let whole_end = digits_end(text);
    let (whole, rest) = text.split_at(whole_end);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits_end(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Cause::Syntax);
    }
    let unit_end = rest.find(|char: char| char == '.' || char.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let nanos = match unit {
        "" => return Err(Cause::MissingUnit),
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => MICRO,
        "ms" => MILLI,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" if days => DAY,
        _ => return Err(Cause::UnknownUnit(unit.into())),
    } as u64;
    let whole: u64 = match whole {
        "" => 0,
        _ => whole.parse().map_err(|_| Cause::Range)?,
    };
    let whole = whole.checked_mul(nanos).ok_or(Cause::Range)?;
    Ok((whole.saturating_add(fraction_of(nanos, fraction)), rest))
}

/// The fraction of a unit, cut to nanoseconds; digits beyond what 64 bits hold say nothing.
fn fraction_of(unit: u64, digits: &str) -> u64 {
    let mut value = 0_u64;
    let mut scale = 1.0_f64;
    for digit in digits.bytes() {
        let Some(next) = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .filter(|&next| next <= 1 << 63)
        else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

fn digits_end(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Prints nanoseconds as Go's `Duration.String` does: "1h15m30.5s", "250ms", "0s".
pub fn format(nanos: i64) -> String {
    let mut out = String::new();
    format_into(nanos, &mut out);
    out
}

/// Appends what [`format()`] gives.
pub fn format_into(nanos: i64, out: &mut String) {
    if nanos == 0 {
        out.push_str("0s");
        return;
    }
    if nanos < 0 {
        out.push('-');
    }
    let size = nanos.unsigned_abs();
    let second = SECOND as u64;
    if size < second {
        let (unit, name) = match size {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        decimal(size, unit, out);
        out.push_str(name);
        return;
    }
    let minutes = size / (60 * second);
    if minutes >= 60 {
        out.push_str(itoa::Buffer::new().format(minutes / 60));
        out.push('h');
    }
    if minutes > 0 {
        out.push_str(itoa::Buffer::new().format(minutes % 60));
        out.push('m');
    }
    decimal(size % (60 * second), second, out);
    out.push('s');
}

/// Appends `value / unit` without zeros at the end; `unit` is a power of ten.
fn decimal(value: u64, unit: u64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value / unit));
    let mut rest = value % unit;
    let mut place = unit / 10;
    if rest > 0 {
        out.push('.');
    }
    while rest > 0 {
        out.push(char::from(b'0' + (rest / place) as u8));
        rest %= place;
        place /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rows};

    #[test]
    fn parses_and_prints_as_go_does() {
        for row in rows(include_str!("oracle/duration.jsonl")) {
            let text = row[0].as_str().unwrap();
            let expected = row[1].as_i64();
            assert_eq!(parse(text).ok(), expected, "{text:?}");
            if let Some(nanos) = expected {
                assert_eq!(format(nanos), row[2].as_str().unwrap(), "{text:?}");
            }
        }
    }

    #[test]
    fn seconds_are_those_of_go() {
        let nanos = [0, 1_118_000_000, -1_122_000_000, 1, 61_247_000_000, i64::MAX];
        let expected = [0.0, 1.1179999999999999, -1.1219999999999999, 1e-9, 61.247, 9.223372036854776e9];
        assert_eq!(nanos.map(seconds), expected);
    }

    #[test]
    fn settings_know_days_bare_numbers_and_nothing() {
        let cases = [
            ("", 0),
            ("0", 0),
            ("10", 10 * SECOND),
            ("-3", -3 * SECOND),
            ("3.5", 3_500_000_000),
            ("1e2", 100 * SECOND),
            ("1d", DAY),
            ("1.5d", 36 * HOUR),
            ("2d3h0.5m", 51 * HOUR + 30 * SECOND),
            ("-1d", -DAY),
            ("90s", 90 * SECOND),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_setting(text), Ok(nanos), "{text:?}");
        }
        for text in ["1w", " 1s", "1 s", "1S", "soon", "d", "nan", "inf", "1e300", "99999999999999"] {
            assert!(parse_setting(text).is_err(), "{text:?}");
        }
        assert_eq!(from_seconds(0.25), Some(250 * MILLI));
        assert_eq!(from_seconds(f64::NAN), None);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert_eq!(error("soon"), r#"invalid duration "soon""#);
        assert_eq!(error("1d"), r#"unknown unit "d" in duration "1d""#);
        assert_eq!(error("10"), r#"missing unit in duration "10""#);
        assert_eq!(error("3000000h"), r#"invalid duration "3000000h": out of range"#);
    }

    #[test]
    fn random_texts_do_not_panic_and_print_back() {
        const PIECES: [&str; 20] = [
            "1",
            "0",
            "9",
            "59",
            ".",
            "-",
            "+",
            "ns",
            "us",
            "µs",
            "μs",
            "ms",
            "s",
            "m",
            "h",
            "d",
            "e9",
            " ",
            "日",
            "9223372036854775808",
        ];
        let mut random = Random(77);
        for _ in 0..20_000 {
            let text = random.text(&PIECES, 8);
            let _ = parse_setting(&text);
            if let Ok(nanos) = parse(&text) {
                assert_eq!(parse(&format(nanos)), Ok(nanos), "{text:?}");
            }
        }
    }
}
