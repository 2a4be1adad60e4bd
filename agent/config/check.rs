//! Builds every plugin and lets go of it again: what can be found wrong without opening anything.

use super::errors::{Errors, Problem};
use super::{Config, Instance, NotBuilt, Surroundings};
use agent_api::BuildError;
use agent_api::options::{OptionError, link_secrets};

impl Config {
    /// Builds all plugins without starting any, and gives all that is wrong.
    pub fn check(&self, surroundings: &Surroundings) -> Result<(), Errors> {
        let mut problems = Vec::new();
        for plugin in self.plugins() {
            // References that others read in this thread are not this plugin's.
            link_secrets();
            if let Err(error) = plugin.build(surroundings) {
                problems.push(self.problem(plugin, error));
            }
            problems.extend(self.unknown_stores(plugin));
        }
        for output in &self.outputs {
            let keys =
                output.disk.as_ref().map(|disk| &disk.keys).or(output.dead_letters.as_ref().map(|kept| &kept.keys));
            let named = keys.into_iter().flat_map(|keys| {
                let old = keys.old.iter().map(|key| ("buffer_old_keys", key));
                keys.current.iter().map(|key| ("buffer_key", key)).chain(old)
            });
            for (option, key) in named {
                let unknown = key.references().into_iter().filter(|(store, _)| !self.has_store(store));
                problems.extend(unknown.map(|(store, key)| {
                    let message = format!("{option}: unknown secret store for \"@{{{store}:{key}}}\"");
                    Problem::at(output.plugin.span, message).of(&output.plugin.log_name())
                }));
            }
        }
        if let Some(api) = &self.agent.api {
            let unknown = api.references.iter().filter(|(store, _)| !self.has_store(store));
            problems.extend(unknown.map(|(store, key)| {
                Problem::at(api.span, format!("api: unknown secret store for \"@{{{store}:{key}}}\""))
            }));
        }
        if problems.is_empty() { Ok(()) } else { Err(Errors::new(self.files.clone(), problems)) }
    }

    /// All plugins, family by family.
    pub fn plugins(&self) -> impl Iterator<Item = &Instance> {
        let stores = self.secretstores.iter().map(|c| &c.plugin);
        let inputs = self.inputs.iter().map(|c| &c.plugin);
        let processors = self.processors.iter().map(|c| &c.plugin);
        let aggregators = self.aggregators.iter().map(|c| &c.plugin);
        let outputs = self.outputs.iter().map(|c| &c.plugin);
        stores.chain(inputs).chain(processors).chain(aggregators).chain(outputs)
    }

    fn has_store(&self, id: &str) -> bool {
        self.secretstores.iter().any(|s| s.id == id)
    }

    /// What a plugin that could not be built says, with its place.
    fn problem(&self, plugin: &Instance, error: NotBuilt) -> Problem {
        let problem = match &error.error {
            BuildError::Settings(option) => Problem::from(option.clone()),
            // The error of a format has come through the plugin's maker of parsers.
            BuildError::Plugin(cause) => match cause.downcast_ref::<BuildError>() {
                Some(BuildError::Settings(option)) => Problem::from(option.clone()),
                _ => match cause.downcast_ref::<OptionError>() {
                    Some(option) => Problem::from(option.clone()),
                    None => Problem::new(format!("{cause:#}")),
                },
            },
        };
        Problem { span: problem.span.or(Some(plugin.span)), ..problem }.of(&plugin.log_name())
    }

    /// References of the settings just read to stores that are not there.
    fn unknown_stores<'a>(&'a self, plugin: &'a Instance) -> impl Iterator<Item = Problem> + 'a {
        link_secrets().into_iter().filter(|(store, _)| !self.has_store(store)).map(|(store, key)| {
            let message = format!("unknown secret store for \"@{{{store}:{key}}}\"");
            Problem::at(plugin.span, message).of(&plugin.log_name())
        })
    }
}
