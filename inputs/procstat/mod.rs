//! What single processes use: processor, memory, files, sockets.
//!
//! Each gathering looks for the processes anew. What is kept of a process between two gatherings is its processor time, so that
//! usage can be told from the second one on.

mod find;
mod process;
mod report;
mod settings;
mod sockets;
mod windows;

use crate::host::os;
use agent_api::*;
use find::{Conditions, Finder, Group, Selector};
use report::{Known, Options};
use settings::Settings;
use std::collections::HashMap;

register!(Entry::input::<Procstat>());

/// Looks for processes and reads their files.
struct Procstat {
    searches: Vec<Search>,
    options: Options,
    finder: Finder,
    known: HashMap<u32, Known>,
}

/// One way to find processes, and the tags of the metric that says how it went.
struct Search {
    selectors: Vec<Selector>,
    conditions: Option<Conditions>,
    tags: Vec<(&'static str, String)>,
}

impl Plugin for Procstat {
    const NAME: &'static str = "procstat";
    const ABOUT: &'static str = "Reads what single processes use.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Procstat {
            searches: settings.searches()?,
            options: settings.options()?,
            finder: Finder::new(&env.host),
            known: HashMap::new(),
        })
    }
}

impl Input for Procstat {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        self.finder.begin(self.options.wants("sockets"))?;
        let mut machine = report::Machine::read(&mut self.finder);
        for known in self.known.values_mut() {
            known.found = false;
        }
        for at in 0..self.searches.len() {
            self.search(at, &mut machine, out);
            out.checkpoint();
        }
        self.known.retain(|_, k| k.found);
        Ok(())
    }
}

impl Procstat {
    /// Reports the processes of a search, and how it went.
    fn search(&mut self, at: usize, machine: &mut report::Machine, out: &mut Collector) {
        let search = &self.searches[at];
        let found = self.finder.find(&search.selectors).and_then(|groups| match &search.conditions {
            Some(conditions) => self.finder.filter(groups, conditions),
            None => Ok(groups),
        });
        let (groups, error) = match found {
            Ok(groups) => (groups, None),
            Err(e) => (Vec::new(), Some(e)),
        };
        let lookup_tags = self.lookup_tags(at, &groups);
        let (mut count, mut running) = (0i64, 0i64);
        for group in &groups {
            for pid in &group.pids {
                count += 1;
                running += i64::from(self.report(*pid, at, group, machine, out));
            }
        }
        let mut metric = out.metric("procstat_lookup").tags(lookup_tags.iter().map(|t| (t.0, t.1.as_str())));
        metric.add_tag("result", if error.is_some() { "lookup_error" } else { "success" });
        metric.add_field("pid_count", count);
        metric.add_field("running", running);
        metric.add_field("result_code", i64::from(error.is_some()));
        drop(metric);
        if let Some(error) = error {
            out.error(error.context("find processes"));
        }
    }

    /// Filters are told by their name, single selectors by themselves.
    fn lookup_tags(&self, at: usize, groups: &[Group]) -> Vec<(&'static str, String)> {
        let search = &self.searches[at];
        let mut tags = search.tags.clone();
        if search.conditions.is_none() {
            tags.extend(groups.iter().flat_map(|g| g.tags.iter().cloned()));
        }
        tags
    }

    /// Reports a process; false if it has ended.
    fn report(
        &mut self,
        pid: u32,
        at: usize,
        group: &Group,
        machine: &mut report::Machine,
        out: &mut Collector,
    ) -> bool {
        let Some(stat) = self.finder.stat(pid).filter(|s| !s.name.is_empty()) else {
            self.known.remove(&pid);
            return false;
        };
        // A number may have been given to another process since.
        if self.known.get(&pid).is_none_or(|k| k.start != stat.start) {
            let mut tags = group.tags.clone();
            tags.extend(self.searches[at].tags.iter().filter(|t| t.0 == "filter").cloned());
            if self.options.tagged("level") {
                tags.push(("level", group.level.to_string()));
            }
            self.known.insert(pid, Known::new(&stat, tags));
        }
        if let Some(known) = self.known.get_mut(&pid) {
            known.found = true;
            known.report(pid, &stat, &self.options, machine, &mut self.finder, out);
        }
        true
    }
}

/// Processors of the machine, for usage as a share of all of them.
fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// Seconds of so many ticks, which are steps of 100 ns on Windows.
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / os::clock_ticks()
}

#[cfg(test)]
mod tests;
