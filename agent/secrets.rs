//! Secret stores of a configuration: built first, then asked whenever a secret is used, which the log says: which secret, never its
//! value.

use crate::config::{Built, Config, Surroundings};
use agent_api::options::resolve_secrets_with;
use agent_api::plugin::DynSecretStore;
use agent_api::stats::Counter;
use agent_api::{Log, Result, Secret, anyhow};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A store with its id.
pub type Store = (String, Box<dyn DynSecretStore>);

/// Builds all stores in the order of the file.
pub fn build(config: &Config, surroundings: &Surroundings) -> Result<Vec<Store>> {
    let mut stores = Vec::new();
    for store in &config.secretstores {
        match store.plugin.build(surroundings)? {
            Built::SecretStore(plugin) => stores.push((store.id.clone(), plugin)),
            _ => return Err(anyhow!("{} is no secret store", store.plugin.name())),
        }
    }
    Ok(stores)
}

/// Builds the stores and lets every secret of the process be resolved through them. Values of stores that do not change are
/// asked for once.
pub async fn start(config: &Config, surroundings: &Surroundings) -> Result<()> {
    if config.secretstores.is_empty() {
        return Ok(());
    }
    let stores: HashMap<String, Box<dyn DynSecretStore>> = build(config, surroundings)?.into_iter().collect();
    let known: Mutex<HashMap<(String, String), String>> = Mutex::default();
    let audit = Audit::default();
    let runtime = tokio::runtime::Handle::current();
    resolve_secrets_with(Arc::new(move |store, key| {
        let plugin = stores.get(store).ok_or_else(|| anyhow!("unknown secret store for \"@{{{store}:{key}}}\""))?;
        let place = (store.to_owned(), key.to_owned());
        if let Some(value) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Ok(value.clone());
        }
        let ask = plugin.get(key);
        let secret = match tokio::runtime::Handle::try_current() {
            Ok(_) => tokio::task::block_in_place(|| runtime.block_on(ask)),
            Err(_) => runtime.block_on(ask),
        };
        audit.say(&place, &secret);
        let value = secret?.reveal()?;
        if !plugin.dynamic() {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(place, value.clone());
        }
        Ok(value)
    }));
    Ok(())
}

/// Says which secrets are read. One that changes is read again and again: after the first time that is told at the level debug.
#[derive(Default)]
struct Audit(Mutex<HashSet<(String, String)>>);

impl Audit {
    fn say(&self, place: &(String, String), secret: &Result<Secret>) {
        let ((store, key), log) = (place, Log::new("secretstores", None, Counter::default()));
        match secret {
            Ok(_) => {
                let first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone());
                let line = format_args!("audit: the secret @{{{store}:{key}}} was read");
                if first { log.info(line) } else { log.debug(line) }
            }
            Err(e) => log.warn(format_args!("audit: the secret @{{{store}:{key}}} could not be read: {e:#}")),
        }
    }
}
