//! Makes metrics up: constants, random numbers, waves, steps and the price of a stock, to try things out.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::f64::consts::PI;
use std::hash::{BuildHasher, Hasher, RandomState};

register!(Entry::input::<Mock>());

/// Counts its gatherings.
struct Mock {
    settings: Settings,
    count: u64,
    /// The price of each stock.
    prices: Vec<f64>,
    random: Random,
}

/// Which fields the metric gets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name of the metric.
    metric_name: String,
    /// Fields that always have the same value.
    constant: Vec<Constant>,
    /// Fields with random numbers.
    random: Vec<RandomField>,
    /// Fields that go up and down evenly.
    sine_wave: Vec<SineWave>,
    /// Fields that grow or fall evenly.
    step: Vec<Step>,
    /// Fields that change by chance from their last value.
    stock: Vec<Stock>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            metric_name: "mock".to_owned(),
            constant: Vec::new(),
            random: Vec::new(),
            sine_wave: Vec::new(),
            step: Vec::new(),
            stock: Vec::new(),
        }
    }
}

/// A constant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Constant {
    /// Key of the field.
    name: String,
    /// Its value: a text, a number or a boolean.
    value: Scalar,
}

/// A value of the settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, number or boolean")]
enum Scalar {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

/// A random number.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RandomField {
    /// Key of the field.
    name: String,
    /// The least value.
    min: f64,
    /// The greatest value.
    max: f64,
}

/// A wave.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct SineWave {
    /// Key of the field.
    name: String,
    /// How far it goes from the base line.
    amplitude: f64,
    /// Half waves a gathering: 0.5 comes back after four.
    period: f64,
    /// Where the wave begins, in radians.
    phase: f64,
    /// The value around which it goes.
    base_line: f64,
}

/// A number that always changes by the same.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Step {
    /// Key of the field.
    name: String,
    /// The first value.
    start: f64,
    /// What is added each time.
    step: f64,
}

/// A price.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Stock {
    /// Key of the field.
    name: String,
    /// The first price; it never falls below 1 later.
    price: f64,
    /// The greatest change in one step, as a share of the price.
    volatility: f64,
}

impl Plugin for Mock {
    const NAME: &'static str = "mock";
    const ABOUT: &'static str = "Makes metrics up.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let prices = settings.stock.iter().map(|stock| stock.price).collect();
        Ok(Mock { settings, count: 0, prices, random: Random::new() })
    }
}

impl Input for Mock {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let Mock { settings, count, prices, random } = self;
        let n = *count as f64;
        let mut metric = out.metric(&settings.metric_name);
        for RandomField { name, min, max } in &settings.random {
            metric.add_field(name, min + random.unit() * (max - min));
        }
        for (Stock { name, volatility, .. }, price) in settings.stock.iter().zip(prices) {
            if *count > 0 {
                *price = (*price + *price * volatility * (2.0 * random.unit() - 1.0)).max(1.0);
            }
            metric.add_field(name, *price);
        }
        for SineWave { name, amplitude, period, phase, base_line } in &settings.sine_wave {
            metric.add_field(name, (n * period * PI + phase).sin() * amplitude + base_line);
        }
        for Step { name, start, step } in &settings.step {
            metric.add_field(name, start + n * step);
        }
        for Constant { name, value } in &settings.constant {
            metric.add_field(
                name,
                match value {
                    Scalar::Bool(v) => Value::Bool(*v),
                    Scalar::Int(v) => Value::Int(*v),
                    Scalar::Float(v) => Value::Float(*v),
                    Scalar::Text(v) => Value::Str(v),
                },
            );
        }
        drop(metric);
        *count += 1;
        Ok(())
    }
}

/// Numbers by chance (xorshift64*), good enough to look at.
struct Random(u64);

impl Random {
    fn new() -> Self {
        // The keys of a hash table are the standard library's source of chance.
        Random(RandomState::new().build_hasher().finish() | 1)
    }

    /// From 0 to 1, without 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn gathered(settings: serde_json::Value, times: usize) -> Vec<Vec<f64>> {
        let mut mock = Mock::new(serde_json::from_value(settings).unwrap(), &Env::new("mock")).unwrap();
        let mut out = Collector::new();
        for _ in 0..times {
            mock.gather(&mut out).await.unwrap();
        }
        let batch = out.take();
        batch.iter().map(|m| m.fields().filter_map(|(_, v)| v.number()).collect()).collect()
    }

    #[tokio::test]
    async fn waves_steps_and_constants() {
        let all = gathered(
            json!({
                "sine_wave": [{"name": "w", "amplitude": 2, "period": 0.5, "base_line": 1}, {"name": "p", "amplitude": 1, "phase": 1}],
                "step": [{"name": "s", "start": 5, "step": -0.5}],
                "constant": [{"name": "i", "value": 7}, {"name": "t", "value": "x"}, {"name": "b", "value": true}],
            }),
            4,
        )
        .await;
        for (n, wave) in [1.0, 3.0, 1.0, -1.0].into_iter().enumerate() {
            assert!((all[n][0] - wave).abs() < 1e-9, "{all:?}");
            assert_eq!(all[n][1..], [1f64.sin(), 5.0 - n as f64 / 2.0, 7.0]);
        }
    }

    #[tokio::test]
    async fn chance_stays_within_its_bounds() {
        let settings = json!({
            "random": [{"name": "r", "min": -1, "max": 3}],
            "stock": [{"name": "s", "price": 2, "volatility": 0.5}],
        });
        let all = gathered(settings, 2000).await;
        assert_eq!(all[0][1], 2.0);
        assert!(all.iter().all(|f| (-1.0..3.0).contains(&f[0]) && f[1] >= 1.0));
        assert!(all.windows(2).all(|w| w[1][1] <= w[0][1] * 1.5 && w[1][1] >= (w[0][1] * 0.5).min(1.0)));
        let middle = all.iter().map(|f| f[0]).sum::<f64>() / 2000.0;
        assert!((0.8..1.2).contains(&middle), "{middle}");
    }
}
