//! Secret stores of a configuration: built first, then asked whenever a secret is used.

use crate::config::{Built, Config, Surroundings};
use agent_api::options::resolve_secrets_with;
use agent_api::plugin::DynSecretStore;
use agent_api::{Result, anyhow};
use std::collections::HashMap;
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
        }?;
        let value = secret.reveal()?;
        if !plugin.dynamic() {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(place, value.clone());
        }
        Ok(value)
    }));
    Ok(())
}
