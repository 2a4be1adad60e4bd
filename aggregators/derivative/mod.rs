//! The change of numeric fields over a period, per second or per change of another field.

use crate::series::{Row, Table, Writer};
use agent_api::*;
use agent_golang::duration;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::aggregator::<Derivative>());

/// Keeps the first and the last value of every field.
struct Derivative {
    settings: Settings,
    /// Head: time of the first and of the last metric, how many periods nothing came. State of a field: its value in each,
    /// NaN where it had none.
    table: Table,
    writer: Writer,
}

/// What is divided by what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the field whose change divides the changes of the others; empty for the time in seconds.
    variable: String,
    /// Put after the keys of the results; blanks around it are cut off.
    suffix: String,
    /// A series is kept for so many periods in which nothing of it came, so that the next metric is compared with its last one.
    max_roll_over: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { variable: String::new(), suffix: "_rate".to_owned(), max_roll_over: 10 }
    }
}

impl Plugin for Derivative {
    const NAME: &'static str = "derivative";
    const ABOUT: &'static str = "Computes how fast numeric fields change.";
    type Settings = Settings;

    fn new(mut settings: Settings, _: &Env) -> Result<Self> {
        settings.variable = settings.variable.trim().to_owned();
        settings.suffix = settings.suffix.trim().to_owned();
        Ok(Derivative { settings, table: Table::new(3, 2), writer: Writer::default() })
    }
}

const FIRST: usize = 0;
const LAST: usize = 1;
const IDLE: usize = 2;
const MISSING: u64 = f64::NAN.to_bits();

impl Aggregator for Derivative {
    fn add(&mut self, metric: MetricRef<'_>) {
        let Some((series, new)) = self.table.series(metric, None) else { return };
        let time = metric.time();
        let head = self.table.head(series);
        let [mut first, mut last] = [head[FIRST] as i64, head[LAST] as i64];
        if new {
            (first, last) = (time, time);
        }
        let (earlier, later) = (time < first, time > last);
        let (takes_first, takes_last) = (time <= first, time >= last);
        if !(takes_first || takes_last) {
            return;
        }
        head[FIRST] = first.min(time) as u64;
        head[LAST] = last.max(time) as u64;
        head[IDLE] = 0;
        if earlier || later {
            self.table.each_slot(series, |state| state[if earlier { FIRST } else { LAST }] = MISSING);
        }
        let mut place = 0;
        for (key, value) in metric.fields() {
            let Some(value) = value.number() else { continue };
            let Some((state, fresh)) = self.table.slot(series, place, key) else { continue };
            place += 1;
            if fresh {
                state.fill(MISSING);
            }
            for (end, takes) in [(FIRST, takes_first), (LAST, takes_last)] {
                if takes {
                    state[end] = value.to_bits();
                }
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Derivative { settings, table, writer } = self;
        table.report(out);
        table.sweep(|mut row| {
            if let Some(by) = divisor(&row, &settings.variable) {
                for (key, state) in row.numbered() {
                    let change = change(state);
                    if !change.is_nan() && *row.key_text(key) != *settings.variable {
                        writer.add(key, 0, change / by);
                    }
                }
                writer.write(&row, &[&settings.suffix], out);
            }
            // The last metric is the first of the next period.
            row.each_slot(|state| state[FIRST] = state[LAST]);
            let head = row.head_mut();
            head[FIRST] = head[LAST];
            head[IDLE] += 1;
            head[IDLE] <= settings.max_roll_over
        });
        writer.reset();
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes())
    }
}

/// What the changes of a series are divided by: its time in seconds or the change of a field; None if nothing changed.
fn divisor(row: &Row<'_>, variable: &str) -> Option<f64> {
    let head = row.head();
    let time = (head[LAST] as i64).wrapping_sub(head[FIRST] as i64);
    let by = if variable.is_empty() {
        duration::seconds(time)
    } else {
        row.slots().find(|(key, _)| *key == variable).map_or(f64::NAN, |(_, state)| change(state))
    };
    (time != 0 && by != 0.0 && !by.is_nan()).then_some(by)
}

/// The change of a field; NaN if it was missing at one of the ends.
fn change(state: &[u64]) -> f64 {
    f64::from_bits(state[LAST]) - f64::from_bits(state[FIRST])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Run;
    use serde_json::json;

    #[test]
    fn changes_are_per_second_from_the_first_to_the_last_metric() {
        let mut run = Run::<Derivative>::new(json!({}));
        run.add("net,i=a rx=1600i,gone=1 4000000000\nnet,i=a rx=1000i,tx=50,u=4u,s=\"a\" 0\nnet,i=a rx=3000i,tx=20,u=9u,new=1 10000000000");
        assert_eq!(run.flush(), "net,i=a rx_rate=200,tx_rate=-3,u_rate=0.5 0");
    }

    #[test]
    fn fields_at_one_time_are_joined() {
        let mut run = Run::<Derivative>::new(json!({"suffix": " "}));
        run.add("m a=1 0\nm b=10 0\nm a=3 2000000000\nm b=60 2000000000");
        assert_eq!(run.flush(), "m a=1,b=25 0");
    }

    #[test]
    fn the_last_metric_is_carried_over_for_some_periods() {
        let mut run = Run::<Derivative>::new(json!({"max_roll_over": 2}));
        run.add("m v=80i 0\nm v=78i 4000000000");
        assert_eq!(run.flush(), "m v_rate=-0.5 0");
        assert_eq!(run.flush(), "");
        run.add("m v=68i 14000000000");
        assert_eq!(run.flush(), "m v_rate=-1 0");
        assert_eq!([run.flush(), run.flush(), run.flush()], ["", "", ""]);
        run.add("m v=0i 24000000000");
        assert_eq!(run.flush(), "", "it was forgotten");
    }

    #[test]
    fn another_field_may_divide() {
        let mut run = Run::<Derivative>::new(json!({"variable": "packets", "suffix": "_by_packet"}));
        run.add("net,i=a rx=1000i,packets=10i 0\nnet,i=a rx=4000i,packets=25i 4000000000");
        run.add("net,i=b rx=1000i,packets=10i 0\nnet,i=b rx=4000i,packets=10i 4000000000");
        run.add("net,i=c rx=1000i 0\nnet,i=c rx=4000i,packets=10i 4000000000");
        assert_eq!(run.flush(), "net,i=a rx_by_packet=200 0", "unchanged or missing variables give nothing");
    }
}
