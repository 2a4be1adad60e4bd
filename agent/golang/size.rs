//! Sizes in bytes as Telegraf's settings write them: "10MB", "1MiB", 4096.
//!
//! The units are strict so that no one is served a thousand for a 1024: `KiB` and its like count by 1024, `KB` (also `kB`)
//! by 1000, and nothing else is a unit. A number may have a fraction, and several may follow each other ("1GiB512MiB").

use std::fmt;

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeError {
    text: Box<str>,
    cause: &'static str,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text.chars().take(60).collect();
        write!(f, "invalid size {text:?}: {}", self.cause)
    }
}

impl std::error::Error for SizeError {}

/// Reads a size in bytes; nothing is 0, a bare whole number counts bytes. Negative numbers are read as such.
pub fn parse(text: &str) -> Result<i64, SizeError> {
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(bytes) = text.parse::<i64>() {
        return Ok(bytes);
    }
    let fail = |cause| SizeError { text: text.into(), cause };
    let (sign, mut rest) = match text.as_bytes()[0] {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest.is_empty() {
        return Err(fail("no number"));
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let is_number = |char: char| char == '.' || char.is_ascii_digit();
        let number_end = rest.find(|char| !is_number(char)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let number: f64 = number.parse().map_err(|_| fail("no number"))?;
        let unit_end = after.find(is_number).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total += number * multiple(unit).map_err(fail)?;
        rest = after;
    }
    // 2^63 is the first float beyond the integers.
    if total >= 9_223_372_036_854_775_808.0 {
        return Err(fail("out of range"));
    }
    Ok((sign * total) as i64)
}

fn multiple(unit: &str) -> Result<f64, &'static str> {
    if unit == "B" {
        return Ok(1.0);
    }
    let (base, prefix) = match (unit.strip_suffix("iB"), unit.strip_suffix('B')) {
        (Some(prefix), _) => (1024.0_f64, prefix),
        (_, Some("k")) => (1000.0, "K"),
        (_, Some(prefix)) => (1000.0, prefix),
        (None, None) if unit.is_empty() => return Err("missing unit"),
        (None, None) => return Err("unknown unit"),
    };
    const PREFIXES: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    match PREFIXES.iter().position(|&own| own == prefix) {
        Some(index) => Ok(base.powi(index as i32 + 1)),
        None => Err("unknown unit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rows};

    #[test]
    fn parses_as_telegraf_does() {
        for row in rows(include_str!("oracle/size.jsonl")) {
            let text = row[0].as_str().unwrap();
            assert_eq!(parse(text).ok(), row[1].as_i64(), "{text:?}");
        }
        assert_eq!(parse(""), Ok(0));
        assert_eq!(parse("-4096"), Ok(-4096));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert_eq!(error("10 MB"), r#"invalid size "10 MB": unknown unit"#);
        assert_eq!(error("1.5"), r#"invalid size "1.5": missing unit"#);
        assert_eq!(error("MB"), r#"invalid size "MB": no number"#);
        assert_eq!(error("9EiB"), r#"invalid size "9EiB": out of range"#);
    }

    #[test]
    fn random_texts_do_not_panic() {
        const PIECES: [&str; 12] = ["1", "1024", ".", "-", "+", "k", "K", "M", "i", "B", " ", "ß"];
        let mut random = Random(5);
        for _ in 0..20_000 {
            let _ = parse(&random.text(&PIECES, 8));
        }
    }
}
