//! Builds every plugin and lets go of it again: what can be found wrong without opening anything.

use super::errors::{Errors, Problem};
use super::{Built, Config, Instance, NotBuilt, Surroundings};
use agent_api::BuildError;
use agent_api::options::{OptionError, link_secrets};
use agent_api::plugin::DynSecretStore;
use futures_util::FutureExt;
use std::collections::HashMap;

/// The stores whose secrets are at hand, by their ids.
type AtHand<'a> = HashMap<&'a str, Box<dyn DynSecretStore>>;

impl Config {
    /// Builds all plugins without starting any, and gives all that is wrong.
    pub fn check(&self, surroundings: &Surroundings) -> Result<(), Errors> {
        let mut problems = Vec::new();
        let stores = self.stores_at_hand(surroundings);
        for plugin in self.plugins() {
            // References that others read in this thread are not this plugin's.
            link_secrets();
            if let Err(error) = plugin.build(surroundings) {
                problems.push(self.problem(plugin, error));
            }
            let lost = link_secrets().into_iter().filter_map(|(store, key)| self.lost(&store, &key, &stores));
            problems.extend(lost.map(|message| Problem::at(plugin.span, message).of(&plugin.log_name())));
        }
        for output in &self.outputs {
            let named = output.keys().into_iter().flat_map(|keys| {
                let old = keys.old.iter().map(|key| ("buffer_old_keys", key));
                keys.current.iter().map(|key| ("buffer_key", key)).chain(old)
            });
            for (option, key) in named {
                let references = key.references();
                let lost = references.iter().filter_map(|(store, key)| self.lost(store, key, &stores));
                problems.extend(lost.map(|message| {
                    Problem::at(output.plugin.span, format!("{option}: {message}")).of(&output.plugin.log_name())
                }));
            }
        }
        if let Some(api) = &self.agent.api {
            let lost = api.references.iter().filter_map(|(store, key)| self.lost(store, key, &stores));
            problems.extend(lost.map(|message| Problem::at(api.span, format!("api: {message}"))));
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

    /// Those that cannot be built are reported with the other plugins.
    fn stores_at_hand(&self, surroundings: &Surroundings) -> AtHand<'_> {
        let built = self.secretstores.iter().filter_map(|store| match store.plugin.build(surroundings) {
            Ok(Built::SecretStore(plugin)) if plugin.at_hand() && !plugin.dynamic() => {
                Some((store.id.as_str(), plugin))
            }
            _ => None,
        });
        built.collect()
    }

    /// Why a reference leads to nothing, if it does: there is no such store, or it is at hand and lacks the key.
    fn lost(&self, store: &str, key: &str, stores: &AtHand<'_>) -> Option<String> {
        if !self.secretstores.iter().any(|s| s.id == store) {
            return Some(format!("unknown secret store for \"@{{{store}:{key}}}\""));
        }
        let cause = stores.get(store)?.get(key).now_or_never()?.err()?;
        Some(format!("secret store {store:?}: {cause:#}"))
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
}
