//! Count, minimum, maximum, mean, deviation and the like of every numeric field of a series.

mod stats;

use crate::series::{Table, Writer};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use stats::{ENDINGS, Layout, Moment};

register!(Entry::aggregator::<Basicstats>());

/// Sums up in one pass: what is kept of a field depends on the statistics asked for.
struct Basicstats {
    layout: Layout,
    table: Table,
    writer: Writer,
}

/// What is computed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Statistics of every numeric field, each a field of its own: `count`, `min`, `max`, `mean`, `s2` (variance), `stdev`,
    /// `sum`, `first`, `last`; from the first value of the period to the last: `diff`, `non_negative_diff`, `percent_change`,
    /// `rate` and `non_negative_rate` (a second), `interval` (in ns). An empty list computes nothing.
    stats: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { stats: ["count", "min", "max", "mean", "s2", "stdev"].map(str::to_owned).to_vec() }
    }
}

impl Plugin for Basicstats {
    const NAME: &'static str = "basicstats";
    const ABOUT: &'static str = "Computes count, minimum, maximum, mean, deviation and more of numeric fields.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let (layout, unknown) = Layout::new(&settings.stats);
        for name in unknown {
            env.log.warn(format_args!("stats: unknown statistic {name:?} is left out"));
        }
        Ok(Basicstats { table: Table::new(0, layout.width()), layout, writer: Writer::default() })
    }
}

impl Aggregator for Basicstats {
    fn add(&mut self, metric: MetricRef<'_>) {
        if self.layout.width() == 0 {
            return;
        }
        let Some((series, _)) = self.table.series(metric, None) else { return };
        let mut place = 0;
        for (key, value) in metric.fields() {
            let Some(value) = value.number() else { continue };
            let Some((state, fresh)) = self.table.slot(series, place, key) else { continue };
            place += 1;
            let moment = Moment { value, time: metric.time() };
            if fresh { self.layout.begin(state, moment) } else { self.layout.add(state, moment) }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Basicstats { layout, table, writer } = self;
        table.report(out);
        table.drain(|row| {
            for (key, state) in row.numbered() {
                layout.results(state, |ending, value| writer.add(key, ending, value));
            }
            writer.write(&row, &ENDINGS, out);
        });
        writer.reset();
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Run, build};
    use serde_json::json;

    #[test]
    fn the_default_statistics() {
        let mut run = Run::<Basicstats>::new(json!({}));
        run.add("m,h=a v=61.5\nm,h=a v=64.25\nm,h=a v=60\nm,h=a v=70.75\nm,h=b v=1i,t=\"x\",b=true");
        let a = "m,h=a v_count=4,v_min=60,v_max=70.75,v_mean=64.125,v_s2=22.60416666666667,v_stdev=4.754383941865305 0";
        assert_eq!(run.flush(), format!("{a}\nm,h=b v_count=1,v_min=1,v_max=1,v_mean=1 0"));
        assert_eq!(run.flush(), "", "nothing is left of the period");
    }

    #[test]
    fn changes_count_from_the_first_value() {
        let stats = [
            "diff",
            "non_negative_diff",
            "rate",
            "non_negative_rate",
            "percent_change",
            "interval",
            "first",
            "last",
            "sum",
        ];
        let mut run = Run::<Basicstats>::new(json!({"stats": stats}));
        run.add("m v=10,w=4u 1000000000\nm v=25,w=9u 2000000000\nm v=5,w=2u 6000000000");
        let v = "v_sum=40,v_first=10,v_last=5,v_diff=-5,v_rate=-1,v_percent_change=-50,v_interval=5000000000i";
        let w = "w_sum=15,w_first=4,w_last=2,w_diff=-2,w_rate=-0.4,w_percent_change=-50,w_interval=5000000000i";
        assert_eq!(run.flush(), format!("m {v},{w} 0"));
        run.add("m v=1,w=0.5 1000000000\nm v=4,w=0.5 1500000000");
        let v = "v_sum=5,v_first=1,v_last=4,v_diff=3,v_non_negative_diff=3,v_rate=6,v_percent_change=300,v_non_negative_rate=6,v_interval=500000000i";
        let w = "w_sum=1,w_first=0.5,w_last=0.5,w_diff=0,w_non_negative_diff=0,w_rate=0,w_percent_change=0,w_non_negative_rate=0,w_interval=500000000i";
        assert_eq!(run.flush(), format!("m {v},{w} 0"));
        run.add("m v=7 1");
        assert_eq!(run.flush(), "m v_sum=7,v_first=7,v_last=7 0", "one value has not changed");
    }

    #[test]
    fn fields_may_come_in_any_order_and_late() {
        let mut run = Run::<Basicstats>::new(json!({"stats": ["min", "max"]}));
        run.add("m a=1,b=2\nm c=3,b=1\nm b=5,a=0,d=1,e=2");
        let expected = "m a_min=0,a_max=1,b_min=1,b_max=5,c_min=3,c_max=3,d_min=1,d_max=1,e_min=2,e_max=2 0";
        assert_eq!(run.flush(), expected);
    }

    #[test]
    fn the_variance_of_large_values_is_exact() {
        let mut run = Run::<Basicstats>::new(json!({"stats": ["s2", "mean"]}));
        run.add("m v=1000000004\nm v=1000000007\nm v=1000000013\nm v=1000000016");
        assert_eq!(run.flush(), "m v_mean=1000000010,v_s2=30 0");
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let width = |stats: &[&str]| build::<Basicstats>(json!({"stats": stats})).unwrap().layout.width();
        assert_eq!(width(&["count", "min", "max", "mean", "stdev"]), 5);
        assert_eq!(width(&["min"]), 1);
        assert_eq!(width(&["median"]), 0);
        assert_eq!(width(&[]), 0);
    }
}
