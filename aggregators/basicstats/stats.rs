//! The statistics of one field: what has to be kept for those asked for, and the results.

use agent_api::Value;
use agent_golang::duration;

/// Everything that can be asked for, in the order of the results.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stat {
    Count,
    Min,
    Max,
    Mean,
    Sum,
    First,
    Last,
    S2,
    Stdev,
    Diff,
    NonNegativeDiff,
    Rate,
    PercentChange,
    NonNegativeRate,
    Interval,
}
use Stat::*;

const STATS: [Stat; 15] = [
    Count,
    Min,
    Max,
    Mean,
    Sum,
    First,
    Last,
    S2,
    Stdev,
    Diff,
    NonNegativeDiff,
    Rate,
    PercentChange,
    NonNegativeRate,
    Interval,
];

/// What the names of the results end in, in the order of the statistics; without the line they are the names of the statistics.
pub(super) const ENDINGS: [&str; 15] = [
    "_count",
    "_min",
    "_max",
    "_mean",
    "_sum",
    "_first",
    "_last",
    "_s2",
    "_stdev",
    "_diff",
    "_non_negative_diff",
    "_rate",
    "_percent_change",
    "_non_negative_rate",
    "_interval",
];

/// Where each number is in the state of a field, None where no statistic needs it.
#[derive(Default)]
pub(super) struct Layout {
    wanted: Vec<Stat>,
    width: usize,
    count: Option<usize>,
    min: Option<usize>,
    max: Option<usize>,
    mean: Option<usize>,
    /// Sum of the squares of differences from the mean.
    m2: Option<usize>,
    sum: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    first_time: Option<usize>,
    last_time: Option<usize>,
    /// Change per second from the first value to the last one of another time.
    rate: Option<usize>,
}

/// A value and its time in nanoseconds.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) value: f64,
    pub(super) time: i64,
}

impl Layout {
    /// What has to be kept for the statistics of these names; the names that are none come back.
    pub(super) fn new(names: &[String]) -> (Self, Vec<&str>) {
        let known = |name: &str| ENDINGS.iter().any(|ending| ending[1..] == *name);
        let unknown = names.iter().map(String::as_str).filter(|name| !known(name)).collect();
        let asked = |stat: &Stat| names.iter().any(|name| ENDINGS[*stat as usize][1..] == *name);
        let wanted = STATS.into_iter().filter(asked).collect();
        let mut layout = Layout { wanted, ..Layout::default() };
        let mut width = 0;
        let mut word = |need: bool| {
            width += usize::from(need);
            need.then(|| width - 1)
        };
        let has = |any: &[Stat]| layout.wanted.iter().any(|stat| any.contains(stat));
        let (spread, change) = (has(&[S2, Stdev]), has(&[Diff, NonNegativeDiff, PercentChange, NonNegativeRate]));
        let speed = has(&[Rate, NonNegativeRate]);
        let count = word(has(&[Count, Mean, Interval]) || spread || change || speed);
        let (min, max) = (word(has(&[Min])), word(has(&[Max])));
        let (mean, m2) = (word(spread || has(&[Mean])), word(spread));
        let sum = word(has(&[Sum]));
        let (first, last) = (word(change || speed || has(&[First])), word(change || has(&[Last])));
        let (first_time, last_time) = (word(speed || has(&[Interval])), word(has(&[Interval])));
        let rate = word(speed);
        layout = Layout { width, count, min, max, mean, m2, sum, first, last, first_time, last_time, rate, ..layout };
        (layout, unknown)
    }

    /// Words of the state of a field; 0 if nothing is computed.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The first value of a period.
    pub(super) fn begin(&self, state: &mut [u64], now: Moment) {
        let bits = now.value.to_bits();
        for place in [self.min, self.max, self.mean, self.sum, self.first, self.last].into_iter().flatten() {
            state[place] = bits;
        }
        for place in [self.first_time, self.last_time].into_iter().flatten() {
            state[place] = now.time as u64;
        }
        if let Some(count) = self.count {
            state[count] = 1;
        }
    }

    /// Another value.
    pub(super) fn add(&self, state: &mut [u64], Moment { value, time }: Moment) {
        let float = |state: &[u64], place: usize| f64::from_bits(state[place]);
        if let Some(count) = self.count {
            state[count] += 1;
            if let Some(mean) = self.mean {
                // Welford: exact for values with a large common part.
                let delta = value - float(state, mean);
                let next = float(state, mean) + delta / state[count] as f64;
                state[mean] = next.to_bits();
                if let Some(m2) = self.m2 {
                    state[m2] = (float(state, m2) + delta * (value - next)).to_bits();
                }
            }
        }
        if let Some(min) = self.min.filter(|min| value < float(state, *min)) {
            state[min] = value.to_bits();
        }
        if let Some(max) = self.max.filter(|max| value > float(state, *max)) {
            state[max] = value.to_bits();
        }
        if let Some(sum) = self.sum {
            state[sum] = (float(state, sum) + value).to_bits();
        }
        if let Some(last) = self.last {
            state[last] = value.to_bits();
        }
        if let Some(last_time) = self.last_time {
            state[last_time] = time as u64;
        }
        if let (Some(rate), Some(first), Some(first_time)) = (self.rate, self.first, self.first_time) {
            let since = time.wrapping_sub(state[first_time] as i64);
            if since != 0 {
                state[rate] = ((value - float(state, first)) / duration::seconds(since)).to_bits();
            }
        }
    }

    /// Gives every result with the number of the ending of its name.
    pub(super) fn results(&self, state: &[u64], mut give: impl FnMut(usize, Value<'static>)) {
        let word = |place: Option<usize>| place.map_or(0, |place| state[place]);
        let float = |place: Option<usize>| f64::from_bits(word(place));
        let count = word(self.count);
        let several = count > 1;
        let variance = || float(self.m2) / (count - 1) as f64;
        let diff = || float(self.last) - float(self.first);
        for &stat in &self.wanted {
            let ending = stat as usize;
            let value = match stat {
                Count => count as f64,
                Min => float(self.min),
                Max => float(self.max),
                Mean => float(self.mean),
                Sum => float(self.sum),
                First => float(self.first),
                Last => float(self.last),
                S2 if several => variance(),
                Stdev if several => variance().sqrt(),
                Diff if several => diff(),
                NonNegativeDiff if several && diff() >= 0.0 => diff(),
                Rate if several => float(self.rate),
                PercentChange if several => diff() / float(self.first) * 100.0,
                NonNegativeRate if several && diff() >= 0.0 => float(self.rate),
                Interval if several => {
                    give(ending, Value::Int((word(self.last_time) as i64).wrapping_sub(word(self.first_time) as i64)));
                    continue;
                }
                _ => continue,
            };
            give(ending, value.into());
        }
    }
}
