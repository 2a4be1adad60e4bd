//! The proleptic Gregorian calendar: days since 1970 to year, month and day, and back.
//!
//! Own arithmetic instead of a library's, since formatting a timestamp is on the hot path of the date processor and the
//! conversion is twenty lines. The method counts in eras of 400 years that begin in March, so that the leap day is the
//! last day of a year (Howard Hinnant, "chrono-compatible low-level date algorithms").

use super::{Time, Zone};

/// English month names, January first.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English names of the days of the week, Sunday first.
pub const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01, the first day of an era, to 1970-01-01.
const ERA_TO_UNIX_DAYS: i64 = 719_468;

/// A time as a calendar and a wall clock show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year; 0 and below are years before 1 AD.
    pub year: i64,
    /// 1..=12
    pub month: u32,
    /// 1..=31
    pub day: u32,
    /// 0..=23
    pub hour: u32,
    /// 0..=59
    pub minute: u32,
    /// 0..=59
    pub second: u32,
    /// 0..1_000_000_000
    pub nanos: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

impl Civil {
    /// What a clock `offset` seconds east of Greenwich shows at `time`.
    pub fn at(time: Time, offset: i32) -> Civil {
        let seconds = time.unix().saturating_add(i64::from(offset));
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let clock = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
        let (year, month, day) = from_days(days);
        Civil {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanos: time.subsecond_nanos(),
            weekday: (days + 4).rem_euclid(7) as u32,
        }
    }

    /// The day of the year, 1..=366.
    pub fn year_day(&self) -> u32 {
        let mut days = self.day;
        for month in 1..self.month {
            days += days_in(self.year, month);
        }
        days
    }
}

impl Time {
    /// The same hour of the day so many years, months and days later, as a clock in the zone shows it. A day that the
    /// month lacks counts on into the next one: a month after 31 January is 2 or 3 March.
    pub fn add_date(self, zone: &Zone, years: i64, months: i64, days: i64) -> Time {
        // Further away no calendar reaches, and nothing can overflow.
        let [years, months, days] = [(years, 100_000), (months, 1_000_000), (days, 40_000_000)]
            .map(|(count, most): (i64, i64)| count.clamp(-most, most));
        let civil = Civil::at(self, zone.offset_at(self.unix()));
        let month = i64::from(civil.month) - 1 + months;
        let first = to_days(civil.year + years + month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1);
        let clock = i64::from(civil.hour * 3600 + civil.minute * 60 + civil.second);
        let moved = (first + i64::from(civil.day) - 1 + days) * SECONDS_PER_DAY + clock;
        Time::new(zone.to_unix(moved), self.subsecond_nanos())
    }
}

/// Days from 1970-01-01 to the given day.
pub(super) fn to_days(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - ERA_TO_UNIX_DAYS
}

fn from_days(days: i64) -> (i64, u32, u32) {
    let days = days + ERA_TO_UNIX_DAYS;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of the month (1..=12) in that year.
pub(super) fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
