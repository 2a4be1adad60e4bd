//! What the agent counts about itself.
//!
//! The numbers are kept by the agent and its plugins in `agent_api::stats`; this input only shows them, under the names that
//! dashboards for Telegraf know.

use crate::host::{Reader, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

register!(Entry::input::<Internal>());

/// Reads the agent's own counters.
struct Internal {
    settings: Settings,
    version: String,
    reader: Reader,
}

/// What is reported.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Report the agent's memory as `internal_memstats`.
    collect_memstats: bool,
    /// Report how long collections and writes took as `internal_latency`: quantiles over all calls since the start.
    collect_latency: bool,
    /// Has no effect: there is no Go runtime whose numbers could be reported.
    collect_gostats: bool,
    /// Report plugins of the same name and alias one by one, told apart by the tag `_id`, and not their sum.
    per_instance: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { collect_memstats: true, collect_latency: false, collect_gostats: false, per_instance: false }
    }
}

impl Plugin for Internal {
    const NAME: &'static str = "internal";
    const ABOUT: &'static str = "Reads what the agent counts about itself.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.collect_gostats {
            env.log.debug("collect_gostats has no effect: this agent has no Go runtime");
        }
        Ok(Internal { settings, version: env.agent.version.clone(), reader: Reader::new() })
    }
}

/// The tag that tells instances of a plugin apart.
const INSTANCE: &str = "_id";

/// Measurement, tags, and numbers with how many instances have them.
type Sums = BTreeMap<(String, Vec<(String, String)>), BTreeMap<String, (i64, i64)>>;

impl Input for Internal {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if self.settings.collect_memstats {
            self.memory(out);
        }
        if self.settings.collect_latency {
            self.latencies(out);
        }
        for ((measurement, tags), numbers) in sums(&stats::all(), self.settings.per_instance) {
            let mut metric = out.metric(&format!("internal_{measurement}"));
            for (key, value) in &tags {
                metric.add_tag(key, value);
            }
            metric.add_tag("version", &self.version);
            for (name, (sum, instances)) in numbers {
                // The time of a call does not grow with the number of instances.
                let average = name.ends_with("_time_ns") && name != "push_time_ns";
                metric.add_field(&name, if average { sum / instances.max(1) } else { sum });
            }
        }
        Ok(())
    }
}

impl Internal {
    /// The distributions of all calls that are timed, by plugin and kind of call.
    fn latencies(&self, out: &mut Collector) {
        for set in stats::all() {
            for (name, latency) in set.latencies() {
                let call = name.strip_suffix("_time_ns").unwrap_or(&name);
                out.metric("internal_latency")
                    .tags(set.tags().iter().map(|t| (&t.0, &t.1)))
                    .tag("call", call)
                    .tag("version", &self.version)
                    .field("count", latency.count)
                    .field("p50_ns", latency.p50)
                    .field("p90_ns", latency.p90)
                    .field("p99_ns", latency.p99)
                    .field("max_ns", latency.max);
            }
        }
    }

    /// The agent's memory; nothing on systems that have no such file. It is this process's own, whatever host is looked at.
    fn memory(&mut self, out: &mut Collector) {
        let Ok(status) = self.reader.read(Path::new("/proc/self/status")) else { return };
        let Some(memory) = Memory::parse(status) else { return };
        out.metric("internal_memstats")
            .tag("version", &self.version)
            .field("alloc_bytes", memory.own)
            .field("sys_bytes", memory.resident);
    }
}

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    /// What it has filled itself.
    own: i64,
    /// All that it occupies, its program included.
    resident: i64,
}

impl Memory {
    fn parse(status: &[u8]) -> Option<Memory> {
        let of = |key: &[u8]| {
            let line = scan::lines(status).find_map(|l| l.strip_prefix(key))?;
            scan::int(scan::words(line).next()?)?.checked_mul(1024)
        };
        let resident = of(b"VmRSS:")?;
        // Kernels before 4.5 do not tell the two apart.
        Some(Memory { own: of(b"RssAnon:").unwrap_or(resident), resident })
    }
}

fn sums(sets: &[stats::Set], per_instance: bool) -> Sums {
    let mut sums = Sums::new();
    for set in sets {
        let tags = set.tags().iter().filter(|t| per_instance || t.0 != INSTANCE).cloned().collect();
        let numbers = sums.entry((set.measurement().to_owned(), tags)).or_default();
        for (name, value) in set.read() {
            let (sum, instances) = numbers.entry(name).or_default();
            *sum = sum.saturating_add(value);
            *instances += 1;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{Tree, gather, noise};

    fn internal(settings: Settings) -> Vec<String> {
        gather(&mut Internal::new(settings, &Tree::empty().env()).unwrap())
    }

    #[test]
    fn latencies_are_shown_where_they_are_asked_for() {
        stats::set("timed_test", &[("input", "own")]).timing("gather_time_ns").add(4000);
        let lines = internal(Settings { collect_latency: true, ..Settings::default() });
        let line = lines.iter().find(|l| l.starts_with("internal_latency") && l.contains("input=own")).unwrap();
        assert!(line.contains("call=gather") && line.contains("count="), "{line}");
        let without = internal(Settings::default());
        assert!(!without.iter().any(|l| l.starts_with("internal_latency")));
    }

    #[test]
    fn counters_are_shown_with_their_tags() {
        let set = stats::set("gather_test", &[("input", "own"), ("alias", "")]);
        set.counter("errors").add(3);
        set.timing("gather_time_ns").add(40);
        set.timing("gather_time_ns").add(60);
        let got = internal(Settings::default());
        let want = format!(
            "internal_gather_test,input=own,version={} errors=3i,gather_time_ns=50i",
            env!("CARGO_PKG_VERSION")
        );
        assert!(got.contains(&want), "{got:?}");
    }

    #[test]
    fn instances_are_added_up_unless_asked_for() {
        let make = |id, errors, time| {
            let set = stats::set("sum_test", &[("input", "own"), (INSTANCE, id)]);
            set.counter("errors").set(errors);
            set.timing("gather_time_ns").add(time);
            set
        };
        let sets = [make("a", 1, 10), make("b", 5, 30)];
        let key = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|t| (t.0.to_owned(), t.1.to_owned())).collect();
            ("sum_test".to_owned(), tags)
        };
        let together = sums(&sets, false);
        assert_eq!(together[&key(&[("input", "own")])]["errors"], (6, 2));
        let alone = sums(&sets, true);
        assert_eq!(alone[&key(&[(INSTANCE, "b"), ("input", "own")])]["errors"], (5, 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_shown_unless_refused() {
        let shows = |settings| internal(settings).iter().any(|l| l.starts_with("internal_memstats,version="));
        assert!(shows(Settings::default()));
        assert!(!shows(Settings { collect_memstats: false, ..Settings::default() }));
    }

    #[test]
    fn memory_is_read_from_status() {
        let status = b"Name:\tagent\nVmRSS:\t   20 kB\nRssAnon:\t   5 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { own: 5120, resident: 20480 }));
        assert_eq!(Memory::parse(b"VmRSS:\t1 kB\n"), Some(Memory { own: 1024, resident: 1024 }));
        noise(status, |text| {
            Memory::parse(text);
        });
    }
}
