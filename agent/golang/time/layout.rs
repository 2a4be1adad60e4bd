//! Compiles a reference layout ("2006-01-02 15:04:05") into the elements it stands for.
//!
//! The elements, their spelling and the order in which spellings are tried are those of Go package `time`, section
//! "Constants". Any text is a layout: what is no element stands for itself.

use super::{ParseError, Time, Zone, format, parse};

/// A compiled layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) spec: Box<str>,
    pub(super) items: Box<[Item]>,
}

/// An element and the literal text before it; the last item of a layout may have no element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) literal: Box<str>,
    pub(super) element: Option<Element>,
    /// How the element is spelled in the layout, for errors.
    pub(super) spelling: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Abbreviation,
    Offset(OffsetStyle),
    Fraction(Fraction),
}

/// One of `Z070000 Z07:00:00 Z0700 Z07:00 Z07` or the same with `-` for `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetStyle {
    /// Zero is written `Z`.
    pub(super) z_for_utc: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// `.000` or `,999`: a fraction of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) separator: char,
    /// As many digits as the layout has; Go prints at most 9 that say anything.
    pub(super) digits: usize,
    /// `9`: zeros at the end are left out.
    pub(super) trim: bool,
}

impl Layout {
    /// Compiles `spec`. Never fails: text that is no element of a time stands for itself.
    pub fn parse_spec(spec: &str) -> Layout {
        let mut items = Vec::new();
        let mut literal_start = 0;
        let mut at = 0;
        while at < spec.len() {
            match element_at(spec, at) {
                Some((element, start, end)) => {
                    items.push(Item {
                        literal: spec[literal_start..start].into(),
                        element: Some(element),
                        spelling: spec[start..end].into(),
                    });
                    literal_start = end;
                    at = end;
                }
                None => at += 1,
            }
        }
        if literal_start < spec.len() {
            items.push(Item { literal: spec[literal_start..].into(), element: None, spelling: "".into() });
        }
        Layout { spec: spec.into(), items: items.into() }
    }

    /// Whether the layout holds any element; without one it prints the same text for every time.
    pub fn has_elements(&self) -> bool {
        self.items.iter().any(|item| item.element.is_some())
    }

    /// The text the layout was made from.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// Prints `ns` nanoseconds since 1970 as a clock in `zone` shows it.
    pub fn format(&self, ns: i64, zone: &Zone) -> String {
        let mut out = String::with_capacity(self.spec.len() + 16);
        self.format_into(ns, zone, &mut out);
        out
    }

    /// Appends `ns` nanoseconds since 1970 as a clock in `zone` shows it.
    pub fn format_into(&self, ns: i64, zone: &Zone, out: &mut String) {
        self.format_time(Time::from_unix_nanos(ns), zone, out);
    }

    /// Appends `time` as a clock in `zone` shows it.
    pub fn format_time(&self, time: Time, zone: &Zone, out: &mut String) {
        format::append(&self.items, time, zone, out);
    }

    /// Reads a text of this layout; a text without an offset is taken as a clock in `zone`.
    ///
    /// Gives nanoseconds since 1970; a time outside the years 1677 to 2262 (all of a layout without a year, whose year is
    /// 0) is an error here, see [`parse_time`](Layout::parse_time).
    pub fn parse(&self, text: &str, zone: &Zone) -> Result<i64, ParseError> {
        self.parse_time(text, zone)?.unix_nanos().ok_or_else(|| ParseError::range(self, text, "year"))
    }

    /// Reads a text of this layout; a text without an offset is taken as a clock in `zone`.
    ///
    /// An abbreviation (`MST` in the layout) counts if `zone` uses it; another one has the offset 0, as in Go.
    pub fn parse_time(&self, text: &str, zone: &Zone) -> Result<Time, ParseError> {
        parse::parse(self, text, zone).map(|parsed| parsed.time)
    }
}

/// The layout that a constant of Go package `time` stands for, by its name in any case.
pub fn named(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 19] = [
        ("Layout", "01/02 03:04:05PM '06 -0700"),
        ("ANSIC", "Mon Jan _2 15:04:05 2006"),
        ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
        ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
        ("RFC822", "02 Jan 06 15:04 MST"),
        ("RFC822Z", "02 Jan 06 15:04 -0700"),
        ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
        ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
        ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
        ("RFC3339", "2006-01-02T15:04:05Z07:00"),
        ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
        ("Kitchen", "3:04PM"),
        ("Stamp", "Jan _2 15:04:05"),
        ("StampMilli", "Jan _2 15:04:05.000"),
        ("StampMicro", "Jan _2 15:04:05.000000"),
        ("StampNano", "Jan _2 15:04:05.000000000"),
        ("DateTime", "2006-01-02 15:04:05"),
        ("DateOnly", "2006-01-02"),
        ("TimeOnly", "15:04:05"),
    ];
    let found = NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map(|(_, layout)| *layout)
}

/// The element that begins at byte `at`, with the range of its spelling.
fn element_at(spec: &str, at: usize) -> Option<(Element, usize, usize)> {
    use Element::*;
    let bytes = spec.as_bytes();
    let rest = &bytes[at..];
    // Longer spellings come before their beginnings.
    let fixed: &[(&str, Element)] = match rest[0] {
        b'J' => &[("January", LongMonth), ("Jan", Month)],
        b'M' => &[("Monday", LongWeekday), ("Mon", Weekday), ("MST", Abbreviation)],
        b'0' => &[
            ("002", ZeroYearDay),
            ("01", ZeroMonth),
            ("02", ZeroDay),
            ("03", ZeroHour12),
            ("04", ZeroMinute),
            ("05", ZeroSecond),
            ("06", Year),
        ],
        b'1' => &[("15", Hour), ("1", NumMonth)],
        b'2' => &[("2006", LongYear), ("2", Day)],
        b'_' => &[("__2", UnderYearDay), ("_2006", LongYear), ("_2", UnderDay)],
        b'3' => &[("3", Hour12)],
        b'4' => &[("4", Minute)],
        b'5' => &[("5", Second)],
        b'P' => &[("PM", UpperPm)],
        b'p' => &[("pm", LowerPm)],
        b'-' | b'Z' => return offset_at(rest, at),
        b'.' | b',' => return fraction_at(rest, at),
        _ => return None,
    };
    for &(spelling, element) in fixed {
        if !rest.starts_with(spelling.as_bytes()) {
            continue;
        }
        let short_name = matches!(element, Month | Weekday);
        if short_name && rest.get(3).is_some_and(u8::is_ascii_lowercase) {
            continue; // "Janet" holds no month
        }
        // The underscore of "_2006" stands for itself, it is no "_2" before "006".
        let start = if spelling == "_2006" { at + 1 } else { at };
        return Some((element, start, at + spelling.len()));
    }
    None
}

fn offset_at(rest: &[u8], at: usize) -> Option<(Element, usize, usize)> {
    // digits, colons, minutes, seconds
    const STYLES: [(&[u8], bool, bool, bool); 5] = [
        (b"070000", false, true, true),
        (b"07:00:00", true, true, true),
        (b"0700", false, true, false),
        (b"07:00", true, true, false),
        (b"07", false, false, false),
    ];
    for (spelling, colons, minutes, seconds) in STYLES {
        if rest[1..].starts_with(spelling) {
            let style = OffsetStyle { z_for_utc: rest[0] == b'Z', colons, minutes, seconds };
            return Some((Element::Offset(style), at, at + 1 + spelling.len()));
        }
    }
    None
}

fn fraction_at(rest: &[u8], at: usize) -> Option<(Element, usize, usize)> {
    let digit = *rest.get(1)?;
    if digit != b'0' && digit != b'9' {
        return None;
    }
    let digits = rest[1..].iter().take_while(|&&byte| byte == digit).count();
    if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None; // ".05" is a point and seconds
    }
    let fraction = Fraction { separator: char::from(rest[0]), digits, trim: digit == b'9' };
    Some((Element::Fraction(fraction), at, at + 1 + digits))
}
