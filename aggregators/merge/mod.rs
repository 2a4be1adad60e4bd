//! Joins metrics of one series and one time into one metric with all their fields.

use crate::series::{Kinds, Table, Values};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::aggregator::<Merge>());

/// One row for each series and time.
struct Merge {
    round: i64,
    table: Table,
    values: Values,
}

/// How near in time metrics have to be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Times are rounded to a multiple of this before they are compared, halves up, and the joined metric has the rounded time;
    /// "0s" leaves them as they are.
    round_timestamp_to: Duration,
}

impl Plugin for Merge {
    const NAME: &'static str = "merge";
    const ABOUT: &'static str = "Joins metrics of the same name, tags and time.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let round = i64::try_from(settings.round_timestamp_to.as_nanos()).context("round_timestamp_to")?;
        Ok(Merge { round, table: Table::new(2, Values::WIDTH), values: Values::default() })
    }
}

impl Aggregator for Merge {
    fn add(&mut self, metric: MetricRef<'_>) {
        let time = rounded(metric.time(), self.round);
        let Some((series, new)) = self.table.series(metric, Some(time)) else { return };
        if new {
            self.table.head(series).copy_from_slice(&[time as u64, Kinds::word(metric.kind())]);
        }
        for (place, (key, value)) in metric.fields().enumerate() {
            if let Some((slot, _)) = self.table.slot(series, place, key) {
                self.values.set(slot, value);
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Merge { table, values, .. } = self;
        table.report(out);
        table.drain(|row| {
            let head = row.head();
            let metric = row.metric(out).time(head[0] as i64).kind(Kinds::kind(head[1]));
            drop(metric.fields(row.slots().filter_map(|(key, slot)| Some((key, values.get(slot)?)))));
            out.checkpoint();
        });
        values.reset();
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes() + self.values.bytes())
    }
}

/// A time rounded to a multiple of `step` nanoseconds counted from the year 1, halves up, as Go rounds.
fn rounded(time: i64, step: i64) -> i64 {
    const YEAR_1: i128 = 62_135_596_800_000_000_000;
    if step <= 1 {
        return time;
    }
    let (since, step) = (i128::from(time) + YEAR_1, i128::from(step));
    let over = since.rem_euclid(step);
    let whole = if over * 2 < step { since - over } else { since + step - over };
    i64::try_from(whole - YEAR_1).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Run;
    use serde_json::json;

    #[test]
    fn fields_of_one_series_and_time_are_joined() {
        let mut run = Run::<Merge>::new(json!({}));
        run.add(
            "car,p=a speed=50 1000\ncar,p=b fuel=30i 1000\ncar,p=a driver=\"kim\",ok=true 1000\ncar,p=a speed=9 2000",
        );
        run.add("car speed=1 1000\ncar,p=a speed=51,driver=\"a longer name\",n=4i 1000");
        let a = "car,p=a speed=51,driver=\"a longer name\",ok=true,n=4i 1000";
        assert_eq!(run.flush(), format!("{a}\ncar,p=b fuel=30i 1000\ncar,p=a speed=9 2000\ncar speed=1 1000"));
        assert_eq!(run.flush(), "");
    }

    #[test]
    fn times_are_rounded_first() {
        let mut run = Run::<Merge>::new(json!({"round_timestamp_to": "1s"}));
        run.add("m a=1 1700000000100000000\nm b=2 1699999999500000000\nm c=3 1700000000500000000");
        assert_eq!(run.flush(), "m a=1,b=2 1700000000000000000\nm c=3 1700000001000000000");
    }

    #[test]
    fn rounding_counts_from_the_year_1() {
        assert_eq!(rounded(0, 7_000_000_000), 3_000_000_000);
        assert_eq!(rounded(i64::MAX, i64::MAX), i64::MAX, "what would be out of range stays");
        assert_eq!(rounded(-1, 1), -1);
    }

    #[test]
    fn many_fields_of_one_series_are_found_again() {
        let mut run = Run::<Merge>::new(json!({}));
        for i in 0..200 {
            run.add(&format!("m f{i}={i}i 5"));
        }
        for i in (0..200).rev() {
            run.add(&format!("m f{i}={}i 5", i + 1));
        }
        let fields: Vec<String> = (0..200).map(|i| format!("f{i}={}i", i + 1)).collect();
        assert_eq!(run.flush(), format!("m {} 5", fields.join(",")));
    }
}
