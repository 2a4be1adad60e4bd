//! Prints a time by a compiled layout (Go package `time`, method `Format`).

use super::calendar::{Civil, MONTHS, WEEKDAYS};
use super::layout::{Element, Fraction, Item, OffsetStyle};
use super::{Time, Zone};

/// Appends `time` in `zone`; all of the output but an abbreviation is ASCII.
pub(super) fn append(items: &[Item], time: Time, zone: &Zone, out: &mut String) {
    zone.look_up(time.unix(), |offset, abbreviation| {
        let civil = Civil::at(time, offset);
        for item in items {
            out.push_str(&item.literal);
            if let Some(element) = item.element {
                append_element(element, &civil, offset, abbreviation, out);
            }
        }
    });
}

fn append_element(element: Element, civil: &Civil, offset: i32, abbreviation: &str, out: &mut String) {
    let month = MONTHS[civil.month as usize - 1];
    let weekday = WEEKDAYS[civil.weekday as usize];
    let hour12 = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match element {
        Element::LongMonth => out.push_str(month),
        Element::Month => out.push_str(&month[..3]),
        Element::NumMonth => pad(civil.month, 1, '0', out),
        Element::ZeroMonth => pad(civil.month, 2, '0', out),
        Element::LongWeekday => out.push_str(weekday),
        Element::Weekday => out.push_str(&weekday[..3]),
        Element::Day => pad(civil.day, 1, '0', out),
        Element::UnderDay => pad(civil.day, 2, ' ', out),
        Element::ZeroDay => pad(civil.day, 2, '0', out),
        Element::UnderYearDay => pad(civil.year_day(), 3, ' ', out),
        Element::ZeroYearDay => pad(civil.year_day(), 3, '0', out),
        Element::Hour => pad(civil.hour, 2, '0', out),
        Element::Hour12 => pad(hour12, 1, '0', out),
        Element::ZeroHour12 => pad(hour12, 2, '0', out),
        Element::Minute => pad(civil.minute, 1, '0', out),
        Element::ZeroMinute => pad(civil.minute, 2, '0', out),
        Element::Second => pad(civil.second, 1, '0', out),
        Element::ZeroSecond => pad(civil.second, 2, '0', out),
        Element::LongYear => {
            if civil.year < 0 {
                out.push('-');
            }
            pad(civil.year.unsigned_abs(), 4, '0', out);
        }
        Element::Year => pad(civil.year.unsigned_abs() % 100, 2, '0', out),
        Element::UpperPm => out.push_str(if civil.hour >= 12 { "PM" } else { "AM" }),
        Element::LowerPm => out.push_str(if civil.hour >= 12 { "pm" } else { "am" }),
        Element::Abbreviation if !abbreviation.is_empty() => out.push_str(abbreviation),
        Element::Abbreviation => append_offset(UNNAMED, offset, out),
        Element::Offset(style) => append_offset(style, offset, out),
        Element::Fraction(fraction) => append_fraction(fraction, civil.nanos, out),
    }
}

/// How the offset of a zone without an abbreviation is printed.
const UNNAMED: OffsetStyle = OffsetStyle { z_for_utc: false, colons: false, minutes: true, seconds: false };

fn append_offset(style: OffsetStyle, offset: i32, out: &mut String) {
    if style.z_for_utc && offset == 0 {
        out.push('Z');
        return;
    }
    // Go takes the sign of whole minutes: 30 seconds west print as "+00".
    out.push(if offset / 60 < 0 { '-' } else { '+' });
    let seconds = offset.unsigned_abs();
    pad(seconds / 3600, 2, '0', out);
    if style.minutes {
        if style.colons {
            out.push(':');
        }
        pad(seconds / 60 % 60, 2, '0', out);
    }
    if style.seconds {
        if style.colons {
            out.push(':');
        }
        pad(seconds % 60, 2, '0', out);
    }
}

fn append_fraction(fraction: Fraction, nanos: u32, out: &mut String) {
    let mut digits = [b'0'; 9];
    let mut rest = nanos;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let mut used = fraction.digits.min(9);
    if fraction.trim {
        while used > 0 && digits[used - 1] == b'0' {
            used -= 1;
        }
        if used == 0 {
            return;
        }
    }
    out.push(fraction.separator);
    out.extend(digits[..used].iter().map(|&digit| char::from(digit)));
}

/// Appends the number, filled up on the left to `width` characters (at most 4 are ever asked for).
fn pad(number: impl Into<u64>, width: usize, fill: char, out: &mut String) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number.into());
    for _ in digits.len()..width {
        out.push(fill);
    }
    out.push_str(digits);
}
