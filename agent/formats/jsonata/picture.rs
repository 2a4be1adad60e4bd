//! Times by a picture such as `[Y0001]-[M01]-[D01]`: the second argument of `$fromMillis`.
//!
//! Source: XPath and XQuery Functions 3.1, section 9.8.4, whose pictures JSONata has taken over. Left out are numbers in words and the
//! week of the month; they are errors rather than something else than was asked for.

use agent_api::{Result, bail, ensure};
use agent_golang::time::{Civil, MONTHS, Time, WEEKDAYS};
use std::fmt::Write;

/// Writes a time, in milliseconds since 1970, as the picture says; `east` is the offset of the zone in seconds.
pub(super) fn format(millis: i64, picture: &str, east: i32) -> Result<String> {
    let time = Time::new(millis.div_euclid(1000), (millis.rem_euclid(1000) * 1_000_000) as u32);
    let moment = Moment { civil: Civil::at(time, east), east };
    let mut out = String::new();
    let mut rest = picture;
    while let Some(at) = rest.find(['[', ']']) {
        out.push_str(&rest[..at]);
        let bracket = &rest[at..=at];
        rest = &rest[at + 1..];
        // A bracket that stands twice stands for itself.
        if let Some(after) = rest.strip_prefix(bracket) {
            out.push_str(bracket);
            rest = after;
            continue;
        }
        ensure!(bracket == "[", "\"]\" without \"[\" in the picture {picture:?}");
        let Some((marker, after)) = rest.split_once(']') else {
            bail!("\"[\" without \"]\" in the picture {picture:?}")
        };
        moment.write(&Marker::parse(marker)?, &mut out)?;
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The offset in seconds of `+0130`, `-0500`, `+01:30` or `Z`.
pub(super) fn offset(text: &str) -> Result<i32> {
    let digits = text.get(1..).unwrap_or_default().replace(':', "");
    let number = |from| digits.get(from..from + 2).and_then(|d: &str| d.parse::<u8>().ok()).map(i32::from);
    match (text.get(..1), number(0), number(2)) {
        (Some("Z"), None, None) if text.len() == 1 => Ok(0),
        (Some(sign @ ("+" | "-")), Some(hours), Some(minutes)) if digits.len() == 4 && hours < 24 && minutes < 60 => {
            Ok((hours * 60 + minutes) * if sign == "-" { -60 } else { 60 })
        }
        _ => bail!("{text:?} is no offset such as +0130"),
    }
}

/// A part of a picture between brackets.
struct Marker<'p> {
    component: char,
    /// How it is written: digits, `N`, `n`, `Nn`, `I`, `i`; empty for the component's own way.
    form: &'p str,
    /// With `st`, `nd` ... behind the number.
    ordinal: bool,
    least: Option<usize>,
    most: Option<usize>,
}

impl<'p> Marker<'p> {
    fn parse(marker: &'p str) -> Result<Marker<'p>> {
        let (marker, width) = marker.split_once(',').map_or((marker, ""), |(marker, width)| (marker, width.trim()));
        let marker = marker.trim();
        let Some(component) = marker.chars().next() else { bail!("nothing between \"[\" and \"]\" in a picture") };
        let form = &marker[component.len_utf8()..];
        let (form, ordinal) = match form.strip_suffix('o') {
            Some(form) => (form, true),
            None => (form, false),
        };
        let limit = |text: &str| match text {
            "" | "*" => Ok(None),
            text => match text.parse() {
                Ok(width @ 1..=100) => Ok(Some(width)),
                _ => bail!("{text:?} is no width in a picture"),
            },
        };
        let (least, most) = width.split_once('-').unwrap_or((width, ""));
        Ok(Marker { component, form, ordinal, least: limit(least)?, most: limit(most)? })
    }

    /// How many digits the form asks for; nothing if it is no form of digits.
    fn digits(&self) -> Option<usize> {
        let is_number = !self.form.is_empty() && self.form.bytes().all(|b| b.is_ascii_digit() || b == b'#');
        is_number.then(|| self.form.bytes().filter(u8::is_ascii_digit).count().clamp(1, 100))
    }
}

struct Moment {
    civil: Civil,
    east: i32,
}

impl Moment {
    fn write(&self, marker: &Marker<'_>, out: &mut String) -> Result<()> {
        let civil = &self.civil;
        match marker.component {
            'Y' => {
                // A picture of two digits or more, and a width, cut the year from the left.
                let digits = marker.most.or(marker.digits().filter(|digits| *digits > 1)).unwrap_or(18).min(18);
                return number(civil.year.abs() % 10i64.pow(digits as u32), 1, marker, out);
            }
            'M' if is_name(marker.form) => name(MONTHS[civil.month as usize - 1], marker, out),
            'M' => return number(civil.month.into(), 1, marker, out),
            'D' => return number(civil.day.into(), 1, marker, out),
            'd' => return number(civil.year_day().into(), 1, marker, out),
            'F' if marker.form.is_empty() || is_name(marker.form) => {
                name(WEEKDAYS[civil.weekday as usize], marker, out);
            }
            // Sunday is 1, Saturday 7, unlike in ISO 8601.
            'F' => return number(i64::from(civil.weekday + 1), 1, marker, out),
            'W' => return number(self.week().1, 1, marker, out),
            'X' => return number(self.week().0, 1, marker, out),
            'H' => return number(civil.hour.into(), 1, marker, out),
            'h' => return number(i64::from((civil.hour + 11) % 12 + 1), 1, marker, out),
            'P' => name(if civil.hour < 12 { "Am" } else { "Pm" }, marker, out),
            'm' => return number(civil.minute.into(), 2, marker, out),
            's' => return number(civil.second.into(), 2, marker, out),
            'f' => self.fraction(marker, out),
            'Z' | 'z' => self.zone(marker, out),
            'C' => name("Ad", marker, out),
            'E' => name("Ce", marker, out),
            other => bail!("[{other}] is not supported in a picture"),
        }
        Ok(())
    }

    /// The year and number of the week by ISO 8601: the one that has the Thursday of these days.
    fn week(&self) -> (i64, i64) {
        let civil = &self.civil;
        let is_leap = |year: i64| year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
        let days = |year| if is_leap(year) { 366 } else { 365 };
        let thursday = i64::from(civil.year_day()) + 3 - i64::from((civil.weekday + 6) % 7);
        let (year, day) = match thursday {
            ..=0 => (civil.year - 1, thursday + days(civil.year - 1)),
            day if day > days(civil.year) => (civil.year + 1, day - days(civil.year)),
            day => (civil.year, day),
        };
        (year, (day - 1) / 7 + 1)
    }

    /// The part of a second, as many digits as the form has; of a form of one digit those that are not 0 at the end.
    fn fraction(&self, marker: &Marker<'_>, out: &mut String) {
        let all = format!("{:09}", self.civil.nanos);
        let least = marker.least.or(marker.digits()).unwrap_or(1).min(9);
        let most = marker.most.or(marker.digits().filter(|digits| *digits > 1)).unwrap_or(9).clamp(least, 9);
        let needed = all.trim_end_matches('0').len().clamp(least, most);
        out.push_str(&all[..needed]);
    }

    /// The zone: `+01:30`, `+0130` if the form has four digits, `+1` if it has one or two and the minutes are 0; with `t` UTC is `Z`.
    fn zone(&self, marker: &Marker<'_>, out: &mut String) {
        let (form, z) = marker.form.strip_suffix('t').map_or((marker.form, false), |form| (form, true));
        if z && self.east == 0 {
            return out.push('Z');
        }
        if marker.component == 'z' {
            out.push_str("GMT");
        }
        let (hours, minutes) = (self.east.abs() / 3600, self.east.abs() / 60 % 60);
        out.push(if self.east < 0 { '-' } else { '+' });
        // Writing into a String cannot fail.
        let _written = match form.len() {
            1 | 2 => {
                let written = write!(out, "{hours:0width$}", width = form.len());
                if minutes == 0 { written } else { write!(out, ":{minutes:02}") }
            }
            4 if !form.contains(':') => write!(out, "{hours:02}{minutes:02}"),
            _ => write!(out, "{hours:02}:{minutes:02}"),
        };
    }
}

fn is_name(form: &str) -> bool {
    matches!(form, "N" | "n" | "Nn")
}

/// Writes a name in the letters of the form; a width cuts it.
fn name(name: &str, marker: &Marker<'_>, out: &mut String) {
    let text = &name[..marker.most.unwrap_or(name.len()).min(name.len())];
    match marker.form {
        "N" => out.push_str(&text.to_uppercase()),
        "Nn" => out.push_str(text),
        _ => out.push_str(&text.to_lowercase()),
    }
}

/// Writes a number; `own` digits at least if the marker does not say.
fn number(number: i64, own: usize, marker: &Marker<'_>, out: &mut String) -> Result<()> {
    let text = match marker.form {
        "" => format!("{number:0own$}"),
        "I" => roman(number),
        "i" => roman(number).to_lowercase(),
        form => match marker.digits() {
            Some(digits) => format!("{number:0digits$}"),
            None => bail!("the form {form:?} of [{}] is not supported in a picture", marker.component),
        },
    };
    let missing = marker.least.unwrap_or(0).saturating_sub(text.len());
    out.extend(std::iter::repeat_n('0', missing));
    out.push_str(&text);
    if marker.ordinal {
        out.push_str(match (number % 10, number % 100) {
            (1, last) if last != 11 => "st",
            (2, last) if last != 12 => "nd",
            (3, last) if last != 13 => "rd",
            _ => "th",
        });
    }
    Ok(())
}

fn roman(number: i64) -> String {
    const SIGNS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (mut rest, mut text) = (number.clamp(0, 9999), String::new());
    for (value, sign) in SIGNS {
        while rest >= value {
            text.push_str(sign);
            rest -= value;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures() {
        // Tuesday, 14 November 2023, 22:13:20.120 UTC.
        let written = |picture: &str, east| format(1_700_000_000_120, picture, east).unwrap();
        for (picture, want) in [
            ("[Y0001]-[M01]-[D01]T[H01]:[m]:[s].[f001][Z01:01t]", "2023-11-14T22:13:20.120Z"),
            ("[D1o] [MNn] [Y], [F]", "14th November 2023, tuesday"),
            ("[FNn,3-3] [MN,*-3] [Y01]/[Y,2-2]", "Tue NOV 23/23"),
            ("[h]:[m01] [P] [PN], [h01]", "10:13 pm PM, 10"),
            ("[M1]/[D1]/[d001] [W] [X] [YI] [Di]", "11/14/318 46 2023 MMXXIII xiv"),
            ("[[[f]|[f01]]]", "[12|12]"),
            ("[Z] [Z0101] [Z0] [z]", "+00:00 +0000 +0 GMT+00:00"),
            ("plain", "plain"),
        ] {
            assert_eq!(written(picture, 0), want, "{picture}");
        }
        assert_eq!(written("[H01]:[m01] [Z] [Z0101] [Z01] [z]", -19_800), "16:43 -05:30 -0530 -05:30 GMT-05:30");
        assert_eq!(written("[D] [H]", 7200), "15 0");
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        let week = |millis| format(millis, "[X]-[W01]", 0).unwrap();
        // 1 January 2021 is in the last week of 2020, 31 December 2018 in the first of 2019.
        assert_eq!([week(1_609_459_200_000), week(1_546_214_400_000)], ["2020-53", "2019-01"]);
    }

    #[test]
    fn mistakes() {
        for picture in ["[", "]", "[]", "[Q]", "[w]", "[Dw]", "[Y,x]", "[Y,0]", "[Y"] {
            assert!(format(0, picture, 0).is_err(), "{picture}");
        }
        assert_eq!(["+0130", "-05:30", "Z"].map(|text| offset(text).unwrap()), [5400, -19_800, 0]);
        for text in ["", "0130", "+01", "+2460", "Zulu", "+ä1"] {
            assert!(offset(text).is_err(), "{text}");
        }
    }
}
