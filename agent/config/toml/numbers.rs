//! Values without quotes: numbers, booleans, dates.

use super::{Read, Reader};
use crate::config::errors::Problem;
use agent_api::options::Setting;

impl Reader<'_> {
    /// A value without quotes.
    pub(super) fn word(&mut self) -> Read<Setting> {
        let from = self.at;
        let rest = &self.text[from..];
        let mut end = word_end(rest);
        if is_date(&rest[..end]) && is_time_begun(&rest[end..]) {
            end += 1 + word_end(&rest[end + 1..]);
        }
        self.at += end;
        let word = &rest[..end];
        let span = self.span(from, self.at);
        if let Some(value) = setting(word) {
            return Ok(value);
        }
        if word.is_empty() {
            return Err(Problem::at(self.here(), "expected a value"));
        }
        let problem = Problem::at(span, format!("invalid value {:?}", cut(word)));
        Err(if word.contains('$') {
            problem.hint("outside of quotes variables are filled in with --non-strict-env-handling only")
        } else if word.starts_with(|c: char| c.is_alphabetic()) {
            problem.hint("texts are written in quotes")
        } else {
            problem
        })
    }
}

/// Where a word ends; one with a variable runs to the closing brace.
fn word_end(text: &str) -> usize {
    let from = if text.starts_with("${") { text.find(['}', '\n']).unwrap_or(text.len()) } else { 0 };
    let from = if text[from..].starts_with('}') { from + 1 } else { from };
    text[from..].find(|c: char| c.is_whitespace() || ",]}#=\"'".contains(c)).map_or(text.len(), |i| from + i)
}

/// A bad value is quoted up to here.
fn cut(word: &str) -> String {
    match word.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &word[..end]),
        None => word.to_owned(),
    }
}

fn setting(word: &str) -> Option<Setting> {
    match word {
        "true" => return Some(Setting::Bool(true)),
        "false" => return Some(Setting::Bool(false)),
        _ => {}
    }
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => (-1.0, &word[1..]),
        b'+' => (1.0, &word[1..]),
        _ => (1.0, word),
    };
    match digits {
        "inf" => return Some(Setting::Float(sign * f64::INFINITY)),
        "nan" => return Some(Setting::Float(f64::NAN)),
        _ => {}
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = word.strip_prefix(prefix) {
            let plain = without_underscores(digits, |b| char::from(b).is_digit(radix))?;
            return i64::from_str_radix(&plain, radix).ok().map(Setting::Int);
        }
    }
    if is_date(word) || is_time(word) || is_date_time(word) {
        return Some(Setting::Datetime(word.to_owned()));
    }
    let whole = digits.split(['.', 'e', 'E']).next()?;
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let plain = without_underscores(word, |b| b.is_ascii_digit())?;
    if whole.len() == digits.len() {
        return plain.parse().ok().map(Setting::Int);
    }
    is_float(digits).then(|| plain.parse().ok().map(Setting::Float))?
}

/// `1.5`, `1e5`, `1.5e-5`: digits on both sides of the point, a sign in the exponent only.
fn is_float(digits: &str) -> bool {
    let some = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let number = match number.split_once('.') {
        Some((whole, part)) => some(whole) && some(part),
        None => some(number),
    };
    number && exponent.is_none_or(some)
}

/// The text without underscores, which must stand between digits.
fn without_underscores(text: &str, is_digit: impl Fn(u8) -> bool) -> Option<String> {
    let bytes = text.as_bytes();
    for (i, _) in bytes.iter().enumerate().filter(|(_, b)| **b == b'_') {
        let before = i.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(|b| is_digit(*b));
        let after = bytes.get(i + 1).is_some_and(|b| is_digit(*b));
        if !before || !after {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

/// Digits in the places of `0` in a pattern, below the limit that goes with each group.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(t, p)| if p == b'0' { t.is_ascii_digit() } else { t == p })
}

fn between(text: &str, least: u32, most: u32) -> bool {
    text.parse().is_ok_and(|n: u32| (least..=most).contains(&n))
}

fn is_date(text: &str) -> bool {
    fits(text, "0000-00-00") && between(&text[5..7], 1, 12) && between(&text[8..], 1, 31)
}

fn is_time(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    fits(whole, "00:00:00")
        && between(&whole[..2], 0, 23)
        && between(&whole[3..5], 0, 59)
        && between(&whole[6..], 0, 60)
        && !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_digit())
}

fn is_date_time(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(11..)) else { return false };
    let time = match rest.find(['Z', 'z', '+', '-']) {
        Some(end) if matches!(&rest[end..], "Z" | "z") => &rest[..end],
        Some(end) => {
            let zone = &rest[end + 1..];
            if !fits(zone, "00:00") || !between(&zone[..2], 0, 23) || !between(&zone[3..], 0, 59) {
                return false;
            }
            &rest[..end]
        }
        None => rest,
    };
    is_date(date) && matches!(text.as_bytes()[10], b'T' | b't' | b' ') && is_time(time)
}

/// ` 07:` after a date.
fn is_time_begun(text: &str) -> bool {
    text.get(..4).is_some_and(|t| fits(t, " 00:"))
}
