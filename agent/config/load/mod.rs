//! From sources to a configuration: read, fill in variables, merge, split.
//!
//! Agent settings and global tags of all files are merged before any plugin is looked at, so that their order in the files
//! does not matter. A mistake never hides another: everything is looked at, and what stands is even built for its mistakes.

mod filled;
pub(super) mod tables;

use super::agent_table::host_name;
use super::common::Common;
use super::errors::{Errors, Files, Problem};
use super::labels::Selectors;
use super::plugin::{Found, Remarks, Split};
use super::typed::text_table;
use super::{
    AggregatorConfig, Config, InputConfig, OutputConfig, ProcessorConfig, SecretStoreConfig, Sources, Surroundings,
};
use agent_api::options::{Setting, Table};
use agent_api::plugin::Family;
use std::collections::HashMap;
use std::time::Duration;

impl Config {
    /// Reads a configuration. Plugins are not built yet; see [`Config::check`].
    pub fn load(sources: &Sources) -> Result<Config, Errors> {
        Config::load_with_tables(sources).map(|(config, _)| config)
    }

    /// The same, with the tables of the files as they were read.
    pub(super) fn load_with_tables(sources: &Sources) -> Result<(Config, Vec<Table>), Errors> {
        let readings = sources.read();
        let replaced: Vec<bool> = readings.files.iter().map(|r| r.replaced).collect();
        let files = Files::new(readings.files.into_iter().map(|r| r.file).collect());
        let mut loader = Loader {
            sources,
            config: Config {
                notes: readings.notes,
                sources: files.iter().map(|f| f.name.clone()).collect(),
                files: files.clone(),
                password: sources.password.clone(),
                ..Config::default()
            },
            files,
            problems: readings.problems,
            ids: HashMap::new(),
        };
        let mut roots = Vec::new();
        for (i, (file, replaced)) in loader.files.clone().iter().zip(replaced).enumerate() {
            roots.push(filled::root(sources, i as u32, &file.text, replaced, &mut loader.problems));
        }
        loader.merge_settings(&roots);
        let selectors = Selectors::read(&sources.select, &mut loader.problems);
        let mut problems = Vec::new();
        for root in &roots {
            for found in tables::plugins(root, |family, name| loader.wanted(family, name), &mut problems) {
                loader.add(&found, &selectors);
            }
        }
        loader.problems.extend(problems);
        Ok((loader.finish()?, roots))
    }
}

struct Loader<'a> {
    sources: &'a Sources,
    files: Files,
    config: Config,
    problems: Vec<Problem>,
    /// How often an identity was met.
    ids: HashMap<String, usize>,
}

impl Loader<'_> {
    /// Agent settings and global tags of all files; a later file is stronger.
    fn merge_settings(&mut self, roots: &[Table]) {
        let mut agent_tables = Vec::new();
        for root in roots {
            let mut tags = [None, None];
            for entry in root.entries() {
                match (entry.key.as_str(), &entry.item.value) {
                    ("agent", Setting::Table(table)) => {
                        agent_tables.push(table.span);
                        self.config.agent.merge(table, &mut self.problems, &mut self.config.notes);
                    }
                    ("tags", Setting::Table(_)) => tags[0] = Some(entry),
                    ("global_tags", Setting::Table(_)) => tags[1] = Some(entry),
                    _ => {}
                }
            }
            // Where a file has both names, the new one is stronger.
            for entry in tags.into_iter().flatten() {
                match text_table(entry) {
                    Ok(tags) => self.config.global_tags.extend(tags),
                    Err(problem) => self.problems.push(problem),
                }
            }
        }
        if agent_tables.len() > 1 {
            let places: Vec<String> = agent_tables.iter().map(|span| self.files.place(*span)).collect();
            self.config.notes.push(format!("several [agent] tables are merged: {}", places.join(", ")));
        }
        let agent = &mut self.config.agent;
        if agent.skip_processors_before_aggregators && agent.skip_processors_after_aggregators == Some(true) {
            self.problems.push(Problem::new(
                "agent: skip_processors_before_aggregators and skip_processors_after_aggregators are both set: processors would never run",
            ));
        }
        if agent.omit_hostname {
            agent.hostname.clear();
        } else {
            if agent.hostname.is_empty() {
                agent.hostname = host_name().unwrap_or_default();
            }
            if !agent.hostname.is_empty() {
                self.config.global_tags.insert("host".to_owned(), agent.hostname.clone());
            }
        }
    }

    /// True unless the command line names other plugins of the family only.
    fn wanted(&self, family: Family, name: &str) -> bool {
        let only = match family {
            Family::Inputs => &self.sources.inputs,
            Family::Outputs => &self.sources.outputs,
            Family::SecretStores => &self.sources.secretstores,
            _ => return true,
        };
        only.is_empty() || only.iter().any(|n| n == name)
    }

    fn add(&mut self, found: &Found<'_>, selectors: &Selectors) {
        let mut remarks = Remarks::default();
        let selected = found.labels(&mut remarks.problems).is_some_and(|labels| selectors.take(&labels));
        let split = if selected { found.split(&self.files, &mut remarks) } else { None };
        let (name, place) = (found.full_name(), self.files.place(found.span));
        let unknown = |p: &Problem| p.message.starts_with("undefined but requested") && p.span == Some(found.span);
        let named = |p: Problem| if unknown(&p) { p } else { p.of(&name) };
        self.problems.extend(remarks.problems.into_iter().map(named));
        self.config.notes.extend(remarks.notes.into_iter().map(|note| format!("{place}: plugin {name}: {note}")));
        if let Some(split) = split {
            self.put(found, split);
        }
    }

    fn put(&mut self, found: &Found<'_>, split: Split) {
        let Split { instance: mut plugin, common: c, filter } = split;
        // Plugins with the same text run beside each other; their states must not meet.
        let times = self.ids.entry(plugin.id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            plugin.id = format!("{}#{times}", plugin.id);
        }
        let config = &mut self.config;
        match found.family {
            Family::Inputs => config.inputs.push(InputConfig {
                plugin,
                interval: c.interval,
                precision: c.precision,
                collection_jitter: c.collection_jitter,
                collection_offset: c.collection_offset,
                naming: c.naming,
                tags: c.tags,
                startup_error_behavior: c.startup_error_behavior,
                time_source: c.time_source,
                filter,
            }),
            Family::Processors => config.processors.push(ProcessorConfig { plugin, order: c.order, filter }),
            Family::Aggregators => config.aggregators.push(AggregatorConfig {
                plugin,
                period: c.period.unwrap_or(Duration::from_secs(30)),
                delay: c.delay.unwrap_or(Duration::from_millis(100)),
                grace: c.grace.unwrap_or_default(),
                drop_original: c.drop_original,
                naming: c.naming,
                tags: c.tags,
                filter,
            }),
            Family::Outputs => {
                let or = |own: usize, agents: usize| if own == 0 { agents } else { own };
                let (queue, disk) = (c.queueing(&config.agent), c.disk(&config.agent));
                let dead_letters = c.dead_letters(&config.agent);
                config.outputs.push(OutputConfig {
                    plugin,
                    flush_interval: c.flush_interval,
                    flush_jitter: c.flush_jitter,
                    metric_batch_size: or(c.metric_batch_size, config.agent.metric_batch_size),
                    metric_buffer_limit: or(c.metric_buffer_limit, config.agent.metric_buffer_limit),
                    max_concurrent_requests: c.max_concurrent_requests.unwrap_or(1),
                    queue,
                    disk,
                    dead_letters,
                    naming: c.naming,
                    startup_error_behavior: c.startup_error_behavior,
                    filter,
                });
            }
            Family::SecretStores => match self.store_id(found, &c) {
                Ok(()) => self.config.secretstores.push(SecretStoreConfig { plugin, id: c.id }),
                Err(problem) => self.problems.push(problem.of(&found.full_name())),
            },
            Family::Parsers | Family::Serializers => {}
        }
    }

    fn store_id(&self, found: &Found<'_>, common: &Common) -> Result<(), Problem> {
        let id = &common.id;
        let problem = |message: String| Err(Problem::at(found.span, message));
        if id.is_empty() {
            return problem("an id is required; secrets are written @{id:key}".to_owned());
        }
        if !id.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
            return problem(format!("invalid id {id:?}: letters, digits and underscores are allowed"));
        }
        match self.config.secretstores.iter().find(|s| s.id == *id) {
            Some(other) => problem(format!("id {id:?} is given twice")).map_err(|p| p.earlier(other.plugin.span)),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Config, Errors> {
        self.config.processors.sort_by_key(|p| p.order);
        if self.problems.is_empty() {
            return Ok(self.config);
        }
        // Some plugins look for the runtime when they are built.
        if tokio::runtime::Handle::try_current().is_ok()
            && let Err(more) = self.config.check(&Surroundings::default())
        {
            self.problems.extend(more.problems().iter().cloned());
        }
        Err(Errors::new(self.files, self.problems))
    }
}

#[cfg(test)]
pub(super) mod tests;
