//! Times of messages: RFC 3339 with up to six digits behind the point, and `Jan  2 15:04:05` without a year.

use crate::cursor::Cursor;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Nanoseconds since the Unix epoch, or nothing where there is no such time; the cursor stands behind what was taken.
pub(crate) fn rfc3339(c: &mut Cursor<'_>) -> Option<i64> {
    let date = Date::new(number(c, 4)? as i16, then(c, b'-', 2)?, then(c, b'-', 2)?).ok()?;
    if !c.eat(b'T') {
        return None;
    }
    let (hour, minute, second) = (number(c, 2)? as i8, then(c, b':', 2)?, then(c, b':', 2)?);
    let mut nanos = 0;
    if c.eat(b'.') {
        let digits = c.ascii_while(|b| b.is_ascii_digit());
        if !(1..=9).contains(&digits.len()) {
            return None;
        }
        nanos = digits.parse::<i32>().ok()? * 10i32.pow(9 - digits.len() as u32);
    }
    let time = Time::new(hour, minute, second, nanos).ok()?;
    let offset = match c.peek()? {
        b'Z' => {
            c.skip(1);
            Offset::UTC
        }
        sign @ (b'+' | b'-') => {
            c.skip(1);
            let (hours, minutes) = (number(c, 2)? as i32, i32::from(then(c, b':', 2)?));
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok()?
        }
        _ => return None,
    };
    nanoseconds(DateTime::from_parts(date, time), offset)
}

/// The same of `Jan  2 15:04:05`, which is UTC in the year that brings it nearest to `now`: at the turn of a year messages of
/// the other year still come.
pub(crate) fn stamp(c: &mut Cursor<'_>, now: i64) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = c.ascii_while(|b| b.is_ascii_alphabetic());
    let month = MONTHS.iter().position(|m| *m == name)? as i8 + 1;
    if !c.eat(b' ') {
        return None;
    }
    let day = if c.eat(b' ') { number(c, 1)? } else { number(c, 2)? } as i8;
    if !c.eat(b' ') {
        return None;
    }
    let time = Time::new(number(c, 2)? as i8, then(c, b':', 2)?, then(c, b':', 2)?, 0).ok()?;
    let year = Timestamp::from_nanosecond(i128::from(now)).ok()?.to_zoned(jiff::tz::TimeZone::UTC).year();
    /// Further from now than this, another year is nearer by far; less is taken for a clock that goes wrong.
    const FAR: i64 = 330 * 86_400 * 1_000_000_000;
    let of = |year: i16| nanoseconds(DateTime::from_parts(Date::new(year, month, day).ok()?, time), Offset::UTC);
    match of(year) {
        Some(at) if at.saturating_sub(now) > FAR => of(year - 1).or(Some(at)),
        Some(at) if now.saturating_sub(at) > FAR => of(year + 1).or(Some(at)),
        at => at,
    }
}

fn nanoseconds(time: DateTime, offset: Offset) -> Option<i64> {
    i64::try_from(offset.to_timestamp(time).ok()?.as_nanosecond()).ok()
}

/// A number of exactly so many digits, at most four.
fn number(c: &mut Cursor<'_>, digits: usize) -> Option<u16> {
    let text = c.rest().get(..digits)?;
    let value = text.iter().try_fold(0u16, |n, b| b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0')))?;
    c.skip(digits);
    Some(value)
}

/// A separator and a number of so many digits, at most two.
fn then(c: &mut Cursor<'_>, separator: u8, digits: usize) -> Option<i8> {
    if c.eat(separator) { number(c, digits).map(|n| n as i8) } else { None }
}
