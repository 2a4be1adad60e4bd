//! Building a plugin from its part of the configuration: its surroundings, its format, then `new`.

use super::Instance;
use agent_api::plugin::{
    AgentInfo, BoxParser, BoxSerializer, Build, DynAggregator, DynInput, DynListener, DynOutput, DynProcessor,
    DynSecretStore, ParserMaker, SerializerMaker,
};
use agent_api::{BuildError, Entry, Env, HostPaths, Log, State, Table, stats};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What all plugins of a run share.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Settings of the agent that plugins may need.
    pub agent: Arc<AgentInfo>,
    /// Where the host's files are.
    pub host: HostPaths,
    /// What plugins keep over restarts, by their ids.
    pub states: Arc<Mutex<HashMap<String, State>>>,
}

/// A plugin that stands.
#[allow(missing_docs)]
pub enum Built {
    Input(Box<dyn DynInput>),
    Listener(Box<dyn DynListener>),
    Processor(Box<dyn DynProcessor>),
    Aggregator(Box<dyn DynAggregator>),
    Output(Box<dyn DynOutput>),
    SecretStore(Box<dyn DynSecretStore>),
    Parser(BoxParser),
    Serializer(BoxSerializer),
}

/// A plugin that could not be built, by name.
#[derive(Debug)]
pub struct NotBuilt {
    /// The plugin as users name it.
    pub plugin: String,
    /// Why.
    pub error: BuildError,
}

impl fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.plugin, self.error)
    }
}
impl std::error::Error for NotBuilt {}

impl Instance {
    /// Its logger. Errors are counted for `inputs.internal`.
    pub fn log(&self) -> Log {
        let (measurement, key) = match self.entry.family.name() {
            "inputs" => ("gather", "input"),
            "outputs" => ("write", "output"),
            "processors" => ("process", "processor"),
            "aggregators" => ("aggregate", "aggregator"),
            other => (other, "name"),
        };
        let set = stats::set(measurement, &[(key, self.entry.name), ("alias", &self.alias)]);
        Log::new(&self.log_name(), self.log_level, set.counter("errors"))
    }

    /// Builds it. Nothing is opened yet.
    pub fn build(&self, surroundings: &Surroundings) -> Result<Built, NotBuilt> {
        let env = self.env(surroundings);
        let failed = |error| NotBuilt { plugin: self.log_name(), error };
        // A format's own mistakes show when a parser is made: make one now, not at the first metric.
        if let Some(make) = &env.parsers {
            make().map_err(|e| failed(BuildError::Plugin(e)))?;
        }
        if let Some(make) = &env.serializers {
            make().map_err(|e| failed(BuildError::Plugin(e)))?;
        }
        build(self.entry, &self.table, &env).map_err(failed)
    }

    fn env(&self, surroundings: &Surroundings) -> Env {
        let state = {
            let mut states = surroundings.states.lock().unwrap_or_else(PoisonError::into_inner);
            states.entry(self.id.clone()).or_default().clone()
        };
        let mut env = Env {
            plugin: self.name(),
            alias: self.alias.clone(),
            log: self.log(),
            host: surroundings.host.clone(),
            agent: surroundings.agent.clone(),
            state,
            parsers: None,
            serializers: None,
        };
        let bare = env.clone();
        if let Some((entry, table)) = self.parser.clone() {
            let own = bare.clone();
            let make: ParserMaker = Arc::new(move || match build(entry, &table, &own)? {
                Built::Parser(parser) => Ok(parser),
                _ => agent_api::bail!("{} is no parser", entry.name),
            });
            env.parsers = Some(make);
        }
        if let Some((entry, table)) = self.serializer.clone() {
            let make: SerializerMaker = Arc::new(move || match build(entry, &table, &bare)? {
                Built::Serializer(serializer) => Ok(serializer),
                _ => agent_api::bail!("{} is no serializer", entry.name),
            });
            env.serializers = Some(make);
        }
        env
    }
}

fn build(entry: &Entry, table: &Table, env: &Env) -> Result<Built, BuildError> {
    Ok(match entry.build {
        Build::Input(make) => Built::Input(make(table, env)?),
        Build::Listener(make) => Built::Listener(make(table, env)?),
        Build::Processor(make) => Built::Processor(make(table, env)?),
        Build::Aggregator(make) => Built::Aggregator(make(table, env)?),
        Build::Output(make) => Built::Output(make(table, env)?),
        Build::SecretStore(make) => Built::SecretStore(make(table, env)?),
        Build::Parser(make) => Built::Parser(make(table, env)?),
        Build::Serializer(make) => Built::Serializer(make(table, env)?),
    })
}
