//! Quantiles of every numeric field of a series: estimated by a t-digest, or exact.

mod digest;
mod exact;

use crate::series::{Table, Writer};
use agent_api::*;
use digest::Digest;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::aggregator::<Quantile>());

/// Keeps the distribution of every field.
struct Quantile {
    algorithm: Algorithm,
    compression: f64,
    quantiles: Vec<f64>,
    /// The ending of the name of each quantile.
    endings: Vec<String>,
    /// State of a field: the number of its distribution, counted from 1.
    table: Table,
    distributions: Vec<Digest>,
    writer: Writer,
}

/// Which quantiles, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Quantiles from 0 to 1. The results end in the first two places: `_050` for 0.5.
    quantiles: Vec<f64>,
    /// `t-digest` estimates in little memory; `exact R7` and `exact R8` keep all values of a period and interpolate as samples 7
    /// and 8 of Hyndman and Fan do (R7 is what spreadsheets do, R8 does not depend on the distribution).
    algorithm: String,
    /// For `t-digest`: how exact it is, at least 1. Memory grows with it: a field takes at most about 120 bytes for each 1 (240 up to 30).
    compression: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { quantiles: vec![0.25, 0.5, 0.75], algorithm: "t-digest".to_owned(), compression: 100.0 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    TDigest,
    R7,
    R8,
}

impl Plugin for Quantile {
    const NAME: &'static str = "quantile";
    const ABOUT: &'static str = "Computes quantiles of numeric fields.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let Settings { mut quantiles, algorithm, compression } = settings;
        let algorithm = match algorithm.as_str() {
            "" | "t-digest" => Algorithm::TDigest,
            "exact R7" => Algorithm::R7,
            "exact R8" => Algorithm::R8,
            other => bail!("algorithm: unknown algorithm {other:?}; known: t-digest, exact R7, exact R8"),
        };
        ensure!(compression >= 1.0 || algorithm != Algorithm::TDigest, "compression: {compression} is below 1");
        if quantiles.is_empty() {
            quantiles = Settings::default().quantiles;
        }
        let mut endings: Vec<String> = Vec::with_capacity(quantiles.len());
        for (i, q) in quantiles.iter().enumerate() {
            ensure!((0.0..=1.0).contains(q), "quantiles: quantile {q} is out of range, which is 0 to 1");
            ensure!(!quantiles[..i].contains(q), "quantiles: quantile {q} is given twice");
            // Cut, not rounded, as Telegraf does: 0.29 times 100 is a little below 29.
            let ending = format!("_{:03}", (q * 100.0) as u32);
            if let Some(other) = endings.iter().position(|other| *other == ending) {
                let other = quantiles[other];
                env.log
                    .warn(format_args!("quantiles: {other} and {q} are both written as {ending:?}; the last is kept"));
            }
            endings.push(ending);
        }
        Ok(Quantile {
            algorithm,
            compression,
            quantiles,
            endings,
            table: Table::new(0, 1),
            distributions: Vec::new(),
            writer: Writer::default(),
        })
    }
}

impl Aggregator for Quantile {
    fn add(&mut self, metric: MetricRef<'_>) {
        let Some((series, _)) = self.table.series(metric, None) else { return };
        let mut place = 0;
        for (key, value) in metric.fields() {
            let Some(value) = value.number().filter(|v| !v.is_nan()) else { continue };
            let Some((state, fresh)) = self.table.slot(series, place, key) else { continue };
            place += 1;
            if fresh {
                state[0] = self.distributions.len() as u64;
                self.distributions.push(Digest::default());
            }
            let distribution = &mut self.distributions[state[0] as usize];
            match self.algorithm {
                Algorithm::TDigest => distribution.add(value, self.compression),
                Algorithm::R7 | Algorithm::R8 => distribution.keep(value),
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Quantile { algorithm, quantiles, endings, table, distributions, writer, .. } = self;
        table.report(out);
        table.drain(|row| {
            for (key, state) in row.numbered() {
                let mut distribution = std::mem::take(&mut distributions[state[0] as usize]);
                let sorted = distribution.sorted();
                for (ending, q) in quantiles.iter().enumerate() {
                    let result = match algorithm {
                        Algorithm::TDigest => sorted.quantile(*q),
                        Algorithm::R7 => exact::r7(sorted.values(), *q),
                        Algorithm::R8 => exact::r8(sorted.values(), *q),
                    };
                    if let Some(result) = result {
                        writer.add(key, ending, result);
                    }
                }
            }
            writer.write(&row, endings, out);
        });
        writer.reset();
        *distributions = Vec::new();
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes() + self.distributions.iter().map(Digest::bytes).sum::<usize>())
    }
}

#[cfg(test)]
mod tests;
