//! Processor times, and how they were spent since the last gathering.
//!
//! The kernel counts ticks since its start, so usage needs two readings: the first gathering gives none.

mod proc_stat;
mod topology;
mod windows;

use crate::host::{Reader, os};
use agent_api::*;
use proc_stat::{TIME_FIELDS, Times, USAGE_FIELDS, active, total, usage};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use topology::Place;

register!(Entry::input::<Cpu>());

/// Reads `/proc/stat`.
struct Cpu {
    settings: Settings,
    log: Log,
    stat: PathBuf,
    cpuinfo: PathBuf,
    sys: PathBuf,
    ticks: f64,
    reader: Reader,
    processors: Vec<Processor>,
    round: u64,
}

/// A processor, or the sum of all, and what was read of it now and the time before.
#[derive(Default)]
struct Processor {
    name: String,
    place: Option<Place>,
    now: Times,
    before: Option<Times>,
    round: u64,
}

/// What is reported.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Report each processor.
    percpu: bool,
    /// Report the sum of all processors as `cpu-total`.
    totalcpu: bool,
    /// Report the counters of time too, in seconds since the start of the machine.
    collect_cpu_time: bool,
    /// Report the time that was not idle too.
    report_active: bool,
    /// Give each processor the tags `core_id` and `physical_id`, as the kernel tells them.
    core_tags: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { percpu: true, totalcpu: true, collect_cpu_time: false, report_active: false, core_tags: false }
    }
}

impl Plugin for Cpu {
    const NAME: &'static str = "cpu";
    const ABOUT: &'static str = "Reads how the processors spend their time.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Cpu {
            settings,
            log: env.log.clone(),
            stat: env.host.proc.join("stat"),
            cpuinfo: env.host.proc.join("cpuinfo"),
            sys: env.host.sys.clone(),
            ticks: os::clock_ticks(),
            reader: Reader::new(),
            processors: Vec::new(),
            round: 0,
        })
    }
}

impl Input for Cpu {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        self.read()?;
        if self.settings.core_tags && self.processors.iter().any(|p| p.place.is_none()) {
            self.find_places();
        }
        // The sum comes last, as the processors are what it is made of.
        let (sums, single): (Vec<_>, Vec<_>) = self.processors.iter().partition(|p| p.name == TOTAL);
        for processor in single.into_iter().chain(sums) {
            processor.report(&self.settings, out);
        }
        Ok(())
    }
}

/// The name of the sum of all processors.
const TOTAL: &str = "cpu-total";

impl Cpu {
    /// Brings the processors up to date.
    fn read(&mut self) -> Result<()> {
        self.round += 1;
        let Cpu { settings, processors, round, .. } = self;
        let mut found = false;
        let mut take = |name: &str, times: Times| {
            found = true;
            let (name, wanted) = match name {
                "cpu" => (TOTAL, settings.totalcpu),
                name => (name, settings.percpu),
            };
            if !wanted {
                return;
            }
            match processors.iter_mut().find(|p| p.name == name) {
                Some(p) => *p = Processor { before: Some(p.now), now: times, round: *round, ..std::mem::take(p) },
                None => processors.push(Processor {
                    name: name.to_owned(),
                    now: times,
                    round: *round,
                    ..Processor::default()
                }),
            }
        };
        if cfg!(windows) {
            windows::read()?.iter().for_each(|(name, times)| take(name, *times));
        } else {
            proc_stat::parse(self.reader.need(&self.stat)?, self.ticks).for_each(|(name, times)| take(name, times));
        }
        // A processor that was taken away and comes back begins anew.
        self.processors.retain(|p| p.round == self.round);
        ensure!(found, "read {}: no line of a processor", self.stat.display());
        Ok(())
    }

    /// Looks up where the processors are; those that are not told stay without tags.
    fn find_places(&mut self) {
        let places = match self.reader.need(&self.cpuinfo) {
            Ok(text) => topology::parse(text),
            Err(e) => {
                self.log.debug(format_args!("find cores: {e:#}"));
                Vec::new()
            }
        };
        for processor in &mut self.processors {
            let known = places.iter().find(|p| p.0 == processor.name).map(|p| p.1.clone()).unwrap_or_default();
            processor.place = Some(match processor.name.strip_prefix("cpu") {
                Some(number) if !number.starts_with('-') => known.or_from_sys(&self.sys, number, &mut self.reader),
                _ => Place::default(),
            });
        }
    }
}

impl Processor {
    fn report(&self, settings: &Settings, out: &mut Collector) {
        if settings.collect_cpu_time {
            let mut metric = self.metric(out).kind(Kind::Counter);
            for (name, value) in TIME_FIELDS.iter().zip(self.now) {
                metric.add_field(name, value);
            }
            if settings.report_active {
                metric.add_field("time_active", active(&self.now));
            }
        }
        let Some(before) = self.before else { return };
        let elapsed = total(&self.now) - total(&before);
        if elapsed < 0.0 {
            out.error(anyhow!("compare times of {}: total went back by {:.2} s", self.name, -elapsed));
            return;
        }
        if elapsed == 0.0 {
            return;
        }
        let mut metric = self.metric(out).kind(Kind::Gauge);
        for (name, value) in USAGE_FIELDS.iter().zip(usage(&before, &self.now)) {
            metric.add_field(name, value);
        }
        if settings.report_active {
            metric.add_field("usage_active", 100.0 * (active(&self.now) - active(&before)) / elapsed);
        }
    }

    fn metric<'a>(&self, out: &'a mut Collector) -> Builder<'a> {
        let mut metric = out.metric("cpu").tag("cpu", &self.name);
        if let Some(place) = &self.place {
            for (key, value) in [("core_id", &place.core), ("physical_id", &place.package)] {
                if !value.is_empty() {
                    metric.add_tag(key, value);
                }
            }
        }
        metric
    }
}

#[cfg(test)]
mod tests;
