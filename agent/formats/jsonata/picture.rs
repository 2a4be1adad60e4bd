//! Times by a picture such as `[Y0001]-[M01]-[D01]`: the second argument of `$fromMillis` and `$toMillis`.
//!
//! Source: XPath and XQuery Functions 3.1, section 9.8.4, whose pictures JSONata has taken over. Where the library that Telegraf uses
//! leaves them it is followed: numbers are written by the pictures of `$formatNumber`, a form that a part does not know is as if it
//! were not there, widths fill up names only, hours of twelve begin with 0 at midnight, and there are no Roman numbers.

use super::decimal_picture::{self, Signs};
use agent_api::{Result, bail, ensure};
use agent_golang::time::{Civil, Layout, Time, Zone};

/// Names of months and of days, from Sunday, the shorter ones behind the longer.
const MONTHS: [&str; 12] = [
    "January Jan Ja",
    "February Feb Fe",
    "March Mar Mr",
    "April Apr Ap",
    "May My",
    "June Jun Jn",
    "July Jul Jl",
    "August Aug Au",
    "September Sept Sep Se",
    "October Oct Oc",
    "November Nov No",
    "December Dec De",
];
const DAYS: [&str; 7] = [
    "Sunday Sun Su",
    "Monday Mon Mo",
    "Tuesday Tues Tue Tu",
    "Wednesday Weds Wed We",
    "Thursday Thurs Thur Thu Th",
    "Friday Fri Fr",
    "Saturday Sat Sa",
];

/// Writes a time, in milliseconds since 1970, as the picture says; `zone` is an offset such as `+0130`.
pub(super) fn format(millis: i64, picture: &str, zone: Option<&str>) -> Result<String> {
    let time = Time::new(millis.div_euclid(1000), (millis.rem_euclid(1000) * 1_000_000) as u32);
    let east = zone.map_or(Ok(0), offset)?;
    Moment { civil: Civil::at(time, east), east, zone: zone.unwrap_or("UTC") }.format(picture)
}

/// Reads a text as the picture says: milliseconds since 1970.
pub(super) fn parse(text: &str, picture: &str) -> Result<i64> {
    // The time by which Go shows its layouts, in the picture's form, is the layout of the picture.
    const MOUNTAIN: i32 = -7 * 3600;
    let reference = Time::new(1_136_239_445, 0);
    let layout = Moment { civil: Civil::at(reference, MOUNTAIN), east: MOUNTAIN, zone: "MST" }.format(picture)?;
    let time = Layout::parse_spec(&with_z(&layout)).parse_time(text, &Zone::Utc);
    match time {
        Ok(time) => Ok(time.wrapping_unix_nanos() / 1_000_000),
        Err(_) => bail!("cannot read {text:?} as a time by the picture {picture:?}"),
    }
}

/// The layout with `Z` in place of the sign of the offset: both are read then, an offset and `Z`.
fn with_z(layout: &str) -> String {
    let mut out = String::with_capacity(layout.len());
    let mut rest = layout;
    while let Some((before, after)) = rest.split_once('-') {
        out.push_str(before);
        out.push(if after.trim_start_matches('0').starts_with('7') { 'Z' } else { '-' });
        rest = after;
    }
    out + rest
}

/// The offset in seconds of `+0130` or `-0500`; `-05:30` and `Z` are taken, too.
fn offset(text: &str) -> Result<i32> {
    let digits = text.get(1..).unwrap_or_default().replace(':', "");
    let number = |from| digits.get(from..from + 2).and_then(|d: &str| d.parse::<u8>().ok()).map(i32::from);
    match (text.get(..1), number(0), number(2)) {
        (Some("Z"), None, None) if text.len() == 1 => Ok(0),
        (Some(sign @ ("+" | "-")), Some(hours), Some(minutes)) if digits.len() == 4 => {
            Ok((hours * 60 + minutes) * if sign == "-" { -60 } else { 60 })
        }
        _ => bail!("{text:?} is no offset such as +0130"),
    }
}

/// A part of a picture between brackets.
struct Marker {
    component: char,
    /// How it is written: a picture of a number, `N`, `n`, `Nn`; empty for the component's own way.
    form: String,
    /// With `st`, `nd` ... behind the number.
    ordinal: bool,
    /// `Z` in place of an offset of zero.
    traditional: bool,
    least: usize,
    most: usize,
}

impl Marker {
    fn parse(marker: &str) -> Result<Marker> {
        let marker: String = marker.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b')).collect();
        let mut chars = marker.chars();
        let Some(component) = chars.next() else { bail!("nothing between \"[\" and \"]\" in a picture") };
        let (form, width) = match chars.as_str().rsplit_once(',') {
            Some((form, width)) => (form, Some(width)),
            None => (chars.as_str(), None),
        };
        let modifier = form.chars().next_back().filter(|last| form.len() > 1 && matches!(last, 'a' | 't' | 'c' | 'o'));
        let form = if modifier.is_some() { &form[..form.len() - 1] } else { form };
        let (least, most) = match width {
            None => (0, 0),
            Some(width) => match width.split_once('-') {
                None => (limit(width)?, 0),
                Some((least, most)) => {
                    let (least, most) = (limit(least)?, limit(most)?);
                    ensure!(most >= least, "the width {width:?} in a picture ends before it begins");
                    (least, most)
                }
            },
        };
        let (ordinal, traditional) = (modifier == Some('o'), modifier == Some('t'));
        Ok(Marker { component, form: form.to_owned(), ordinal, traditional, least, most })
    }

    fn is_name(&self) -> bool {
        matches!(&*self.form, "N" | "n" | "Nn")
    }

    fn is_number(&self) -> bool {
        self.form.bytes().any(|b| b.is_ascii_digit())
    }

    /// The form of one that has none.
    fn own_form(&self) -> &'static str {
        match self.component {
            'F' | 'P' | 'C' | 'E' => "n",
            'm' | 's' => "01",
            'Z' | 'z' => "01:01",
            _ => "1",
        }
    }

    /// A number and perhaps its ending.
    fn number(&self, number: i64) -> Result<String> {
        let mut text = integer(number, &self.form)?;
        if self.ordinal {
            text.push_str(match (number % 10, number % 100) {
                (1, last) if last != 11 => "st",
                (2, last) if last != 12 => "nd",
                (3, last) if last != 13 => "rd",
                _ => "th",
            });
        }
        Ok(text)
    }

    /// The longest of the names that fits, in the letters of the form; without one that fits the longest is cut.
    fn name(&self, names: &str) -> String {
        let longest = names.split(' ').next().unwrap_or_default();
        let fits = |name: &&str| self.most == 0 || name.len() <= self.most;
        let name = names.split(' ').find(fits).unwrap_or(longest.get(..self.most).unwrap_or(longest));
        let mut text = match &*self.form {
            "N" => name.to_uppercase(),
            "n" => name.to_lowercase(),
            _ => {
                let (first, rest) = name.split_at(name.len().min(1));
                first.to_uppercase() + &rest.to_lowercase()
            }
        };
        self.fill(&mut text);
        text
    }

    fn fill(&self, text: &mut String) {
        let missing = self.least.saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n(' ', missing));
    }
}

/// A width; 0 for `*`.
fn limit(text: &str) -> Result<usize> {
    match text.parse() {
        _ if text == "*" => Ok(0),
        Ok(width @ 1..=100) => Ok(width),
        _ => bail!("{text:?} is no width in a picture"),
    }
}

fn integer(number: i64, form: &str) -> Result<String> {
    decimal_picture::format(number as f64, form, &Signs::default())
}

struct Moment<'z> {
    civil: Civil,
    east: i32,
    /// What the zone is called.
    zone: &'z str,
}

impl Moment<'_> {
    fn format(&self, picture: &str) -> Result<String> {
        let mut out = String::new();
        let mut rest = picture;
        let mut marked = false;
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
            let Some((marker, after)) = rest.split_once(']').filter(|(marker, _)| !marker.contains('[')) else {
                bail!("\"[\" without \"]\" in the picture {picture:?}")
            };
            out.push_str(&self.part(Marker::parse(marker)?)?);
            rest = after;
            marked = true;
        }
        ensure!(marked, "nothing in brackets in the picture {picture:?}");
        out.push_str(rest);
        Ok(out)
    }

    fn part(&self, mut marker: Marker) -> Result<String> {
        if !marker.form.is_empty()
            && let Some(text) = self.written(&marker)?
        {
            return Ok(text);
        }
        // Without a form, or with one that the part does not know.
        marker.form = marker.own_form().to_owned();
        (marker.ordinal, marker.traditional) = (false, false);
        match self.written(&marker)? {
            Some(text) => Ok(text),
            None => bail!("[{}] is not supported in a picture", marker.component),
        }
    }

    /// The part in the form of the marker; None if it does not know the form.
    fn written(&self, marker: &Marker) -> Result<Option<String>> {
        let civil = &self.civil;
        let number = match marker.component {
            'M' if marker.is_name() => return Ok(Some(marker.name(MONTHS[civil.month as usize - 1]))),
            'F' if marker.is_name() => return Ok(Some(marker.name(DAYS[civil.weekday as usize]))),
            'P' if marker.is_name() => {
                return Ok(Some(marker.name(if civil.hour < 12 { "am a" } else { "pm p" })));
            }
            'C' if marker.is_name() => return Ok(Some(marker.name("AD"))),
            'E' if marker.is_name() => return Ok(Some(marker.name("CE"))),
            'Z' | 'z' => return self.zone(marker),
            'f' if marker.is_number() => return Ok(Some(self.fraction(marker))),
            'Y' => {
                // A picture of two digits or more, and a width, cut the year from the left.
                let digits = marker.form.bytes().filter(|b| b.is_ascii_digit() || *b == b'#').count();
                let kept = if marker.most > 0 { marker.most } else { digits };
                match marker.most > 0 || digits > 1 {
                    true => civil.year % 10i64.pow(kept.min(18) as u32),
                    false => civil.year,
                }
            }
            'M' => civil.month.into(),
            'D' => civil.day.into(),
            'd' => civil.year_day().into(),
            // Sunday is 1, Saturday 7, unlike in ISO 8601.
            'F' => i64::from(civil.weekday + 1),
            'W' => self.week(),
            'w' => i64::from(civil.day / 7 + 1),
            'H' => civil.hour.into(),
            'h' => i64::from(if civil.hour > 12 { civil.hour - 12 } else { civil.hour }),
            'm' => civil.minute.into(),
            's' => civil.second.into(),
            'P' | 'C' | 'E' | 'f' => return Ok(None),
            other => bail!("[{other}] is not supported in a picture"),
        };
        match marker.is_number() {
            true => marker.number(number).map(Some),
            false => Ok(None),
        }
    }

    /// The number of the week by ISO 8601: the one that has the Thursday of these days.
    fn week(&self) -> i64 {
        let civil = &self.civil;
        let is_leap = |year: i64| year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
        let days = |year| if is_leap(year) { 366 } else { 365 };
        let thursday = i64::from(civil.year_day()) + 3 - i64::from((civil.weekday + 6) % 7);
        let day = match thursday {
            ..=0 => thursday + days(civil.year - 1),
            day if day > days(civil.year) => day - days(civil.year),
            day => day,
        };
        (day - 1) / 7 + 1
    }

    /// The part of a second: as many digits as the form has, nine if that is but one.
    fn fraction(&self, marker: &Marker) -> String {
        let all = format!("{:09}", self.civil.nanos);
        let digits = marker.form.bytes().all(|b| b.is_ascii_digit());
        match marker.form.len() {
            len @ 2..=8 if digits => all[..len].to_owned(),
            _ => all,
        }
    }

    /// The zone: as `+1`, `+0130`, `+01:30` by the digits of the form, by its name, or by the letter that soldiers use.
    fn zone(&self, marker: &Marker) -> Result<Option<String>> {
        let (hours, minutes) = (i64::from(self.east / 3600), i64::from(self.east / 60 % 60));
        let form = &*marker.form;
        let all_digits = !form.is_empty() && form.bytes().all(|b| b.is_ascii_digit());
        let signed = |text: String| if hours >= 0 { format!("+{text}") } else { text };
        let mut is_number = true;
        let mut text = if let Some((hour, separator, minute)) = split_form(form) {
            signed(format!("{}{separator}{}", integer(hours, hour)?, integer(minutes.abs(), minute)?))
        } else if all_digits && form.len() <= 2 {
            let short = signed(integer(hours, form)?);
            if minutes == 0 { short } else { format!("{short}:{:02}", minutes.abs()) }
        } else if all_digits && form.len() <= 4 {
            signed(integer(hours * 100 + minutes, form)?)
        } else if marker.is_name() {
            is_number = false;
            let plain =
                Marker { form: form.to_owned(), least: 0, most: 0, ordinal: false, traditional: false, component: 'Z' };
            plain.name(self.zone)
        } else if form == "Z" && minutes == 0 && (-12..=12).contains(&hours) {
            is_number = false;
            // From A to M without J to the east, from N on to the west.
            let letters = b"YXWVUTSRQPONZABCDEFGHIKLM";
            char::from(letters[(hours + 12) as usize]).to_string()
        } else {
            return Ok(None);
        };
        if is_number && marker.traditional && (hours, minutes) == (0, 0) {
            text = "Z".to_owned();
        } else if is_number && marker.component == 'z' {
            text.insert_str(0, "GMT");
        }
        marker.fill(&mut text);
        Ok(Some(text))
    }
}

/// A form of two groups of digits with one character between them that is no letter.
fn split_form(form: &str) -> Option<(&str, char, &str)> {
    let at = form.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
    let separator = form[at..].chars().next().filter(|c| !c.is_ascii_alphanumeric())?;
    let minutes = &form[at + separator.len_utf8()..];
    let digits = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
    digits.then_some((&form[..at], separator, minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the library wrote them.
    #[test]
    fn pictures() {
        // Tuesday, 14 November 2023, 22:13:20.120 UTC.
        let written = |picture: &str, zone| format(1_700_000_000_120, picture, zone).unwrap();
        for (picture, want) in [
            ("[Y0001]-[M01]-[D01]T[H01]:[m]:[s].[f001][Z01:01t]", "2023-11-14T22:13:20.120Z"),
            ("[D1o] [MNn] [Y], [F]", "14th November 2023, tuesday"),
            ("[FNn,3-3] [MN,*-3] [Y01]/[Y,2-2]", "Tue NOV 23/23"),
            ("[FNn,2-4]|[F,*-1]|[PN,4]|[C,4]|", "Tues|t|PM  |ad  |"),
            ("[h]:[m01] [P] [PN], [h01]", "10:13 pm PM, 10"),
            ("[M1]/[D1]/[d001] [W] [w] [YI] [Di]", "11/14/318 46 3 2023 14"),
            ("[[[f]|[f01]|[f3]|[fN]]]", "[120000000|12|120000000|120000000]"),
            ("[Z] [Z0101] [Z0] [z] [ZN] [ZZ] [Zt]", "+00:00 +0000 +0 GMT+00:00 UTC Z +00:00"),
            ("[Y9]-[M#1]-[Ww]-[Ma]-[D,3]", "2023-11-46-11-14"),
        ] {
            assert_eq!(written(picture, None), want, "{picture}");
        }
        let west = written("[H01]:[m01] [Z] [Z0101] [Z01] [z]", Some("-0530"));
        assert_eq!(west, "16:43 -05:30 -0530 -05:30 GMT-05:30");
        assert_eq!(written("[D] [H] [Zn]", Some("+0200")), "15 0 +0200");
        assert_eq!(format(0, "[h]:[m01] [P]", None).unwrap(), "0:00 am");
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        let week = |millis| format(millis, "[W01]", None).unwrap();
        // 1 January 2021 is in the last week of 2020, 31 December 2018 in the first of 2019.
        assert_eq!([week(1_609_459_200_000), week(1_546_214_400_000)], ["53", "01"]);
    }

    #[test]
    fn texts_are_read_by_pictures() {
        for (text, picture, want) in [
            ("14/11/2023", "[D01]/[M01]/[Y0001]", Some(1_699_920_000_000)),
            ("Nov 14, 2023", "[MNn,3-3] [D], [Y]", Some(1_699_920_000_000)),
            ("2023-11-14T22:13:20Z", "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01][Z01:01]", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20-0130", "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01][Z0101]", Some(1_700_005_400_000)),
            ("14/11/2023", "[Y0001]-[M01]-[D01]", None),
        ] {
            assert_eq!(parse(text, picture).ok(), want, "{text} {picture}");
        }
    }

    #[test]
    fn mistakes() {
        for picture in
            ["", "plain", "[", "]", "[]", "[Q]", "[X]", "[Y,x]", "[Y,0]", "[Y,3-2]", "[Y,3-*]", "[Y,]", "[Y", "[Y[M]"]
        {
            assert!(format(0, picture, None).is_err(), "{picture}");
        }
        assert_eq!(["+0130", "-05:30", "Z"].map(|text| offset(text).unwrap()), [5400, -19_800, 0]);
        for text in ["", "0130", "+01", "Zulu", "+ä1"] {
            assert!(offset(text).is_err(), "{text}");
        }
    }
}
