//! Reads the time of a line, and moves equal times apart.

use agent_api::{Result, bail};
use agent_golang::time::{Civil, Layout, Time, Zone};

/// How a timestamp is written.
#[derive(Clone, Debug)]
pub(super) enum Stamp {
    /// Seconds since 1970, with a fraction.
    Seconds,
    Milliseconds,
    Nanoseconds,
    Layout(Dated),
    /// Any of the named layouts; the first found is tried first from then on.
    Any {
        layouts: Vec<Layout>,
        found: Vec<usize>,
    },
}

/// A layout, and the same with the year before it for texts that have none.
#[derive(Clone, Debug)]
pub(super) struct Dated {
    layout: Layout,
    with_year: Layout,
}

impl Dated {
    fn new(layout: &str) -> Dated {
        Dated { layout: Layout::parse_spec(layout), with_year: Layout::parse_spec(&format!("2006 {layout}")) }
    }
}

/// Layouts by name (RFC 822, 850, 1123, 3339; Apache's access log).
const NAMED: [(&str, &str); 11] = [
    ("ansic", "Mon Jan _2 15:04:05 2006"),
    ("unix", "Mon Jan _2 15:04:05 MST 2006"),
    ("ruby", "Mon Jan 02 15:04:05 -0700 2006"),
    ("rfc822", "02 Jan 06 15:04 MST"),
    ("rfc822z", "02 Jan 06 15:04 -0700"),
    ("rfc850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("rfc1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("rfc1123z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("rfc3339", "2006-01-02T15:04:05Z07:00"),
    ("rfc3339nano", "2006-01-02T15:04:05.999999999Z07:00"),
    ("httpd", "02/Jan/2006:15:04:05 -0700"),
];

impl Stamp {
    /// By what stands behind `ts-`: a name, or a layout in quotes.
    pub(super) fn new(format: &str) -> Result<Stamp> {
        if let Some(layout) = format.strip_prefix('"').and_then(|format| format.strip_suffix('"')) {
            return Ok(Stamp::Layout(Dated::new(layout)));
        }
        Ok(match format {
            "epoch" => Stamp::Seconds,
            "epochmilli" => Stamp::Milliseconds,
            "epochnano" => Stamp::Nanoseconds,
            "syslog" => Stamp::Layout(Dated::new("Jan _2 15:04:05")),
            "" => {
                let layouts = NAMED.iter().map(|(_, layout)| Layout::parse_spec(layout)).collect();
                Stamp::Any { layouts, found: Vec::new() }
            }
            _ => match NAMED.iter().find(|(name, _)| *name == format) {
                Some((_, layout)) => Stamp::Layout(Dated::new(layout)),
                None => bail!("\"ts-{format}\" is no timestamp format"),
            },
        })
    }

    /// Nanoseconds since 1970; a text without a year is of that of `now`.
    pub(super) fn parse(&mut self, text: &str, zone: &Zone, now: i64) -> Result<i64, String> {
        let number = |text: &str| text.parse::<i64>().map_err(|_| "no unix time".to_owned());
        let scaled = |units: i64, unit: i64| units.checked_mul(unit).ok_or_else(|| "time out of range".to_owned());
        match self {
            Stamp::Nanoseconds => number(text),
            Stamp::Milliseconds => scaled(number(text)?, 1_000_000),
            Stamp::Seconds => {
                let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                let seconds = scaled(number(whole)?, 1_000_000_000)?;
                if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err("no unix time".to_owned());
                }
                let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
                let nanos = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
                let nanos = if whole.starts_with('-') { -nanos } else { nanos };
                seconds.checked_add(nanos).ok_or_else(|| "time out of range".to_owned())
            }
            Stamp::Layout(dated) => {
                let time = match dated.layout.parse_time(text, zone) {
                    // Layouts read a point and a comma before a fraction, but elsewhere only what they have themselves.
                    Err(_) if text.contains(',') => dated.layout.parse_time(&text.replace(',', "."), zone),
                    read => read,
                };
                let time = time.map_err(|e| e.to_string())?;
                if Civil::at(time, zone.offset_at(time.unix())).year == 0 {
                    return this_year(dated, text, zone, now);
                }
                time.unix_nanos().ok_or_else(|| "time out of range".to_owned())
            }
            Stamp::Any { layouts, found } => {
                let read = |index: &usize| layouts[*index].parse_time(text, zone).ok().and_then(Time::unix_nanos);
                if let Some(time) = found.iter().find_map(read) {
                    return Ok(time);
                }
                let mut all = 0..layouts.len();
                let known = all.find_map(|index| Some((index, read(&index)?)));
                let (index, time) = known.ok_or_else(|| "no known layout of time".to_owned())?;
                found.push(index);
                Ok(time)
            }
        }
    }
}

/// The time of a text without a year.
fn this_year(dated: &Dated, text: &str, zone: &Zone, now: i64) -> Result<i64, String> {
    let now = Time::from_unix_nanos(now);
    let year = Civil::at(now, zone.offset_at(now.unix())).year;
    let with_year = format!("{year} {}", text.replace(',', "."));
    let time = dated.with_year.parse_time(&with_year, zone).map_err(|e| e.to_string())?;
    time.unix_nanos().ok_or_else(|| "time out of range".to_owned())
}

/// Moves equal times apart, so that a database does not take two lines for one: by the unit below the smallest that a time
/// uses, which is a millisecond for whole seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart {
    last: Option<i64>,
    repeated: Option<i64>,
    step: i64,
    count: i64,
    /// What the coarser steps before have added up to.
    base: i64,
}

impl Apart {
    pub(super) fn settle(&mut self, time: i64) -> i64 {
        let last = self.last.replace(time);
        if last != Some(time) && self.repeated != Some(time) {
            (self.step, self.count, self.base) = (0, 0, 0);
            return time;
        }
        if last == Some(time) {
            self.repeated = Some(time);
        }
        if self.step == 0 {
            self.step = match trailing_zeros(time) {
                0..=5 => 1,
                6..=8 => 1_000,
                _ => 1_000_000,
            };
        }
        self.count += 1;
        if self.count == 999 && self.step > 1 {
            self.base += self.step * self.count;
            self.count = 1;
            self.step /= 1000;
        }
        time.saturating_add(self.base + self.step * self.count)
    }
}

/// The times of lines, which depend on those of the lines before.
#[derive(Debug)]
pub(super) struct Times {
    apart: Option<Apart>,
    /// The time given to the last line that had none.
    last_now: i64,
}

impl Times {
    /// Equal times are moved apart where that is wanted.
    pub(super) fn new(apart: Option<Apart>) -> Self {
        Times { apart, last_now: 0 }
    }

    /// The time of a metric whose line has this one, or none.
    pub(super) fn settle(&mut self, time: Option<i64>, now: i64) -> i64 {
        let time = time.unwrap_or_else(|| {
            // Lines without a time are told apart by the order in which they are read.
            self.last_now = now.max(self.last_now + 1);
            self.last_now
        });
        self.apart.as_mut().map_or(time, |apart| apart.settle(time))
    }
}

/// Zeros at the end of the decimal number.
fn trailing_zeros(mut time: i64) -> u32 {
    let mut zeros = 0;
    while time != 0 && time % 10 == 0 {
        time /= 10;
        zeros += 1;
    }
    if time == 0 { u32::MAX } else { zeros }
}
