//! Reads a text by a compiled layout (Go package `time`, functions `Parse` and `ParseInLocation`).
//!
//! The rules that surprise are Go's: a fraction after the seconds is read even where the layout has none, months and
//! weekdays are read in any case, two-digit years below 69 are of this century, a missing year is 0, a weekday is not
//! checked against the date.

use std::fmt;

use super::calendar::{MONTHS, SECONDS_PER_DAY, WEEKDAYS, days_in, is_leap, to_days};
use super::layout::{Element, Item, OffsetStyle};
use super::scan::{Failure, abbreviation_length, begins_fraction, below, digits, leading_digits, name, number};
use super::{Layout, Time, Zone};

/// Why a text is no time of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: Box<str>,
    layout: Box<str>,
    cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// The rest of the text does not begin with this part of the layout.
    Mismatch { rest: Box<str>, part: Box<str> },
    /// A number is outside what its element allows.
    Range(&'static str),
    /// Text is left over at the end.
    Extra(Box<str>),
    /// The day of the year belongs to another month or day than the text says.
    Contradiction(&'static str),
}

impl ParseError {
    pub(super) fn range(layout: &Layout, text: &str, what: &'static str) -> ParseError {
        ParseError::new(layout, text, Cause::Range(what))
    }

    fn new(layout: &Layout, text: &str, cause: Cause) -> ParseError {
        ParseError { text: clip(text), layout: layout.spec.clone(), cause }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, layout) = (&self.text, &self.layout);
        match &self.cause {
            Cause::Mismatch { rest, part } => {
                let layout = clip(layout);
                write!(f, "parse time {text:?} as {layout:?}: cannot read {rest:?} as {part:?}")
            }
            Cause::Range(what) => write!(f, "parse time {text:?}: {what} out of range"),
            Cause::Extra(rest) => write!(f, "parse time {text:?}: extra text {rest:?}"),
            Cause::Contradiction(what) => {
                write!(f, "parse time {text:?}: day of year does not match {what}")
            }
        }
    }
}

impl std::error::Error for ParseError {}

fn clip(text: &str) -> Box<str> {
    text.chars().take(60).collect::<String>().into()
}

/// A time and the zone that the text itself named.
pub(super) struct Parsed<'a> {
    pub(super) time: Time,
    /// The abbreviation in the text, if it has one that is not UTC.
    pub(super) abbreviation: Option<&'a str>,
    /// The abbreviation had no meaning in the zone given, so its offset was taken as 0.
    pub(super) unresolved: bool,
}

/// What the elements have said so far; `None` is "nothing".
#[derive(Default)]
struct Fields<'a> {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i32>,
    abbreviation: Option<&'a str>,
}

pub(super) fn parse<'a>(layout: &Layout, text: &'a str, zone: &Zone) -> Result<Parsed<'a>, ParseError> {
    let mut fields = Fields::default();
    let mut rest = text;
    for (index, item) in layout.items.iter().enumerate() {
        rest = skip(rest, &item.literal).map_err(|at| mismatch(layout, text, at, &item.literal))?;
        let Some(element) = item.element else { break };
        let next = layout.items.get(index + 1);
        let fraction_follows = next.is_some_and(|next| matches!(next.element, Some(Element::Fraction(_))));
        rest = fields.read(element, rest, fraction_follows).map_err(|failure| match failure {
            Failure::Bad => mismatch(layout, text, rest, &item.spelling),
            Failure::Range(what) => ParseError::range(layout, text, what),
        })?;
    }
    if !rest.is_empty() {
        return Err(ParseError::new(layout, text, Cause::Extra(clip(rest))));
    }
    fields.resolve(zone).map_err(|cause| ParseError::new(layout, text, cause))
}

fn mismatch(layout: &Layout, text: &str, rest: &str, part: &str) -> ParseError {
    let cause = Cause::Mismatch { rest: clip(rest), part: part.into() };
    ParseError::new(layout, text, cause)
}

/// Takes the literal off the text; a run of blanks in the layout stands for any number of blanks, also none at the end.
///
/// The error is where the text stopped being the literal.
fn skip<'a>(mut text: &'a str, mut literal: &str) -> Result<&'a str, &'a str> {
    while let Some(&expected) = literal.as_bytes().first() {
        if expected == b' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        let run = literal.find(' ').unwrap_or(literal.len());
        let (part, after) = literal.split_at(run);
        text = text.strip_prefix(part).ok_or(text)?;
        literal = after;
    }
    Ok(text)
}

impl<'a> Fields<'a> {
    /// Reads one element off the text and gives what is left.
    fn read(&mut self, element: Element, text: &'a str, fraction_follows: bool) -> Result<&'a str, Failure> {
        let rest = match element {
            Element::LongYear => {
                let (year, rest) = digits(text, 4, 4)?;
                self.year = i64::from(year);
                rest
            }
            Element::Year => {
                let (year, rest) = digits(text, 2, 2)?;
                self.year = i64::from(year) + if year >= 69 { 1900 } else { 2000 };
                rest
            }
            Element::Month => self.read_month(text, 3)?,
            Element::LongMonth => self.read_month(text, usize::MAX)?,
            Element::NumMonth | Element::ZeroMonth => {
                let (month, rest) = number(text, element == Element::ZeroMonth)?;
                if !(1..=12).contains(&month) {
                    return Err(Failure::Range("month"));
                }
                self.month = Some(month);
                rest
            }
            Element::Weekday => name(text, &WEEKDAYS, 3)?.1,
            Element::LongWeekday => name(text, &WEEKDAYS, usize::MAX)?.1,
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let text = match element {
                    Element::UnderDay => text.strip_prefix(' ').unwrap_or(text),
                    _ => text,
                };
                let (day, rest) = number(text, element == Element::ZeroDay)?;
                self.day = Some(day);
                rest
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let mut text = text;
                if element == Element::UnderYearDay {
                    for _ in 0..2 {
                        text = text.strip_prefix(' ').unwrap_or(text);
                    }
                }
                let least = if element == Element::ZeroYearDay { 3 } else { 1 };
                let (day, rest) = digits(text, least, 3)?;
                self.year_day = Some(day);
                rest
            }
            Element::Hour => below(24, "hour", &mut self.hour, number(text, false)?)?,
            Element::Hour12 | Element::ZeroHour12 => {
                let read = number(text, element == Element::ZeroHour12)?;
                below(13, "hour", &mut self.hour, read)?
            }
            Element::Minute | Element::ZeroMinute => {
                let read = number(text, element == Element::ZeroMinute)?;
                below(60, "minute", &mut self.minute, read)?
            }
            Element::Second | Element::ZeroSecond => {
                let read = number(text, element == Element::ZeroSecond)?;
                let rest = below(60, "second", &mut self.second, read)?;
                if fraction_follows || !begins_fraction(rest) {
                    rest
                } else {
                    self.read_fraction(rest, 1 + leading_digits(&rest[1..]))?
                }
            }
            Element::Fraction(fraction) if !fraction.trim => self.read_fraction(text, 1 + fraction.digits)?,
            Element::Fraction(_) => {
                if !begins_fraction(text) {
                    return Ok(text);
                }
                self.read_fraction(text, 1 + leading_digits(&text[1..]))?
            }
            Element::UpperPm => self.read_half(text, "AM", "PM")?,
            Element::LowerPm => self.read_half(text, "am", "pm")?,
            Element::Offset(style) => self.read_offset(text, style)?,
            Element::Abbreviation => {
                if let Some(rest) = text.strip_prefix("UTC") {
                    self.utc = true;
                    return Ok(rest);
                }
                let length = abbreviation_length(text).ok_or(Failure::Bad)?;
                let (abbreviation, rest) = text.split_at(length);
                self.abbreviation = Some(abbreviation);
                rest
            }
        };
        Ok(rest)
    }

    fn read_month(&mut self, text: &'a str, letters: usize) -> Result<&'a str, Failure> {
        let (index, rest) = name(text, &MONTHS, letters)?;
        self.month = Some(index as u32 + 1);
        Ok(rest)
    }

    fn read_half(&mut self, text: &'a str, am: &str, pm: &str) -> Result<&'a str, Failure> {
        if let Some(rest) = text.strip_prefix(pm) {
            self.pm = true;
            return Ok(rest);
        }
        let rest = text.strip_prefix(am).ok_or(Failure::Bad)?;
        self.am = true;
        Ok(rest)
    }

    /// Reads a separator and digits, `length` bytes in all; digits beyond the ninth are dropped.
    fn read_fraction(&mut self, text: &'a str, length: usize) -> Result<&'a str, Failure> {
        let bytes = text.as_bytes().get(..length).ok_or(Failure::Bad)?;
        if !matches!(bytes[0], b'.' | b',') || !bytes[1..].iter().all(u8::is_ascii_digit) {
            return Err(Failure::Bad);
        }
        let used = &bytes[1..length.min(10)];
        let value = used.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        self.nanos = value * 10_u32.pow(9 - used.len() as u32);
        Ok(&text[length..])
    }

    fn read_offset(&mut self, text: &'a str, style: OffsetStyle) -> Result<&'a str, Failure> {
        if style.z_for_utc
            && let Some(rest) = text.strip_prefix('Z')
        {
            self.utc = true;
            return Ok(rest);
        }
        let sign = match text.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(Failure::Bad),
        };
        let (hours, mut rest) = digits(&text[1..], 2, 2)?;
        let mut parts = [0; 2];
        for (part, wanted) in parts.iter_mut().zip([style.minutes, style.seconds]) {
            if !wanted {
                continue;
            }
            if style.colons {
                rest = rest.strip_prefix(':').ok_or(Failure::Bad)?;
            }
            (*part, rest) = digits(rest, 2, 2)?;
        }
        let [minutes, seconds] = parts;
        // Some people write offsets of 24 hours or 60 minutes.
        if hours > 24 {
            return Err(Failure::Range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(Failure::Range("time zone offset minute"));
        }
        if seconds > 60 {
            return Err(Failure::Range("time zone offset second"));
        }
        self.offset = Some(sign * ((hours * 60 + minutes) * 60 + seconds) as i32);
        Ok(rest)
    }

    /// Puts the fields together, in the zone that the text or else the caller names.
    fn resolve(self, zone: &Zone) -> Result<Parsed<'a>, Cause> {
        let (month, day) = self.date()?;
        let hour = match self.hour {
            hour if self.pm && hour < 12 => hour + 12,
            12 if self.am => 0,
            hour => hour,
        };
        let clock =
            to_days(self.year, month, day) * SECONDS_PER_DAY + i64::from((hour * 60 + self.minute) * 60 + self.second);
        let mut unresolved = false;
        let unix = if self.utc {
            clock
        } else if let Some(offset) = self.offset {
            clock - i64::from(offset)
        } else if let Some(abbreviation) = self.abbreviation {
            // As in Go, the hours of "GMT+3" name the zone but do not move the clock.
            let gmt = abbreviation.len() > 3 && abbreviation.starts_with("GMT");
            let offset = zone.offset_of(abbreviation, clock);
            unresolved = offset.is_none() && !gmt;
            clock - i64::from(offset.unwrap_or(0))
        } else {
            zone.to_unix(clock)
        };
        Ok(Parsed { time: Time::new(unix, self.nanos), abbreviation: self.abbreviation, unresolved })
    }

    /// Month and day, out of the day of the year if there is one.
    fn date(&self) -> Result<(u32, u32), Cause> {
        let Some(year_day) = self.year_day else {
            let month = self.month.unwrap_or(1);
            let day = self.day.unwrap_or(1);
            if day < 1 || day > days_in(self.year, month) {
                return Err(Cause::Range("day"));
            }
            return Ok((month, day));
        };
        let days = if is_leap(self.year) { 366 } else { 365 };
        if year_day < 1 || year_day > days {
            return Err(Cause::Range("day of year"));
        }
        let mut day = year_day;
        let mut month = 1;
        while day > days_in(self.year, month) {
            day -= days_in(self.year, month);
            month += 1;
        }
        if self.month.is_some_and(|own| own != month) {
            return Err(Cause::Contradiction("month"));
        }
        if self.day.is_some_and(|own| own != day) {
            return Err(Cause::Contradiction("day"));
        }
        Ok((month, day))
    }
}

/// Whether the layout names its zone by abbreviation.
pub(super) fn names_zone(items: &[Item]) -> bool {
    items.iter().any(|item| item.element == Some(Element::Abbreviation))
}
