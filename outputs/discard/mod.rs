//! Throws everything away: for measuring, and for trying a configuration without a server.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Discard>());

/// Takes every batch and forgets it.
struct Discard;

/// It has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for Discard {
    const NAME: &'static str = "discard";
    const ABOUT: &'static str = "Throws all metrics away.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(Discard)
    }
}

impl Output for Discard {
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    async fn write(&mut self, _: &Chunk) -> Result<(), WriteError> {
        Ok(())
    }
}
