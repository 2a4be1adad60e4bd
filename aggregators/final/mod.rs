//! The last metric of each series: when nothing more came for a while, or at the end of every period.

use crate::series::{Kinds, Table, Values};
use agent_api::plugin::now;
use agent_api::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

register!(Entry::aggregator::<Final>());

/// Keeps the last metric of each series.
struct Final {
    settings: Settings,
    table: Table,
    values: Values,
    /// The key being put together.
    key: String,
}

/// When a metric is the last.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// When the last metric of a series is given out: `timeout`, at the end of the first period in which its time is further
    /// back than `series_timeout`; `periodic`, at the end of every period in which one came.
    output_strategy: Strategy,
    /// With `timeout`: a series whose last metric is older has ended.
    series_timeout: Duration,
    /// Leaves the keys of the fields as they are, without the ending `_final`.
    keep_original_field_names: bool,
}

/// When the last metric of a series is given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Strategy {
    #[default]
    #[serde(alias = "")]
    Timeout,
    Periodic,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            output_strategy: Strategy::Timeout,
            series_timeout: Duration::secs(300),
            keep_original_field_names: false,
        }
    }
}

impl Plugin for Final {
    const NAME: &'static str = "final";
    const ABOUT: &'static str = "Keeps the last metric of each series.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Final { settings, table: Table::new(2, Values::WIDTH), values: Values::default(), key: String::new() })
    }
}

impl Aggregator for Final {
    fn add(&mut self, metric: MetricRef<'_>) {
        let Some((series, new)) = self.table.series(metric, None) else { return };
        if !new {
            self.table.each_slot(series, Values::clear);
        }
        self.table.head(series).copy_from_slice(&[metric.time() as u64, Kinds::word(metric.kind())]);
        for (place, (key, value)) in metric.fields().enumerate() {
            if let Some((slot, _)) = self.table.slot(series, place, key) {
                self.values.set(slot, value);
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Final { settings, table, values, key: name } = self;
        table.report(out);
        let timeout = i64::try_from(settings.series_timeout.as_nanos()).unwrap_or(i64::MAX);
        let now = now();
        table.sweep(|row| {
            let &[time, kind] = row.head() else { return false };
            let time = time as i64;
            if settings.output_strategy == Strategy::Timeout && now.saturating_sub(time) <= timeout {
                return true;
            }
            let mut metric = row.metric(out).time(time).kind(Kinds::kind(kind));
            for (key, slot) in row.slots() {
                if let Some(value) = values.get(slot) {
                    name.clear();
                    name.push_str(key);
                    name.push_str(if settings.keep_original_field_names { "" } else { "_final" });
                    metric.add_field(name, value);
                }
            }
            drop(metric);
            row.slots().for_each(|(_, slot)| values.release(slot));
            out.checkpoint();
            false
        });
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes() + self.values.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Run, refusal};
    use serde_json::json;

    #[test]
    fn periodic_gives_the_last_metric_once() {
        let mut run = Run::<Final>::new(json!({"output_strategy": "periodic"}));
        run.add("job,n=a step=1i,note=\"begun\" 1\njob,n=b step=7i 3\njob,n=a step=2i,done=true 2");
        assert_eq!(run.flush(), "job,n=a step_final=2i,done_final=true 2\njob,n=b step_final=7i 3");
        assert_eq!(run.flush(), "");
        run.add("job,n=a note=\"again\" 9");
        assert_eq!(run.flush(), "job,n=a note_final=\"again\" 9");
    }

    #[test]
    fn a_series_ends_when_nothing_came_for_long() {
        let mut run = Run::<Final>::new(json!({"series_timeout": "1h", "keep_original_field_names": true}));
        let recent = now() - 60_000_000_000;
        run.add(&format!("job,n=a note=\"one\" 5\njob,n=b note=\"two\" {recent}\njob,n=c note=\"three\" 6"));
        assert_eq!(run.flush(), "job,n=a note=\"one\" 5\njob,n=c note=\"three\" 6");
        assert_eq!(run.flush(), "", "the other still goes on");
        run.add("job,n=b note=\"four\",n=1 7");
        assert_eq!(run.flush(), "job,n=b note=\"four\",n=1 7");
    }

    #[test]
    fn an_unknown_strategy_is_refused() {
        assert!(refusal::<Final>(json!({"output_strategy": "always"})).contains("always"));
    }
}
