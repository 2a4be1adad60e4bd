//! Pages from a service as Prometheus' HTTP service discovery defines it (prometheus.io/docs/prometheus/latest/http_sd).

use super::super::settings::Settings;
use super::super::target::Target;
use agent_api::*;
use agent_net::client::{Address, Setup, header};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The service.
pub(super) struct Directory {
    address: Address,
    directory: super::Directory,
    tag: String,
}

/// Pages with labels in common.
#[derive(Deserialize)]
struct Group {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Directory {
    pub(super) fn new(settings: &Settings, setup: &Setup) -> Result<Self> {
        let address = Address::parse(&settings.http_service_discovery.url).context("url")?;
        ensure!(address.socket.is_none(), "url: sockets are not known here");
        Ok(Directory { address, directory: super::Directory::new(setup.clone()), tag: settings.url_tag.clone() })
    }

    pub(super) async fn find(&mut self) -> Result<Vec<Target>> {
        let groups: Vec<Group> = self.directory.ask(self.address.url.clone(), header::HeaderMap::new()).await?;
        let mut targets = Vec::new();
        for group in groups {
            for text in &group.targets {
                let scheme = if text.starts_with("http://") || text.starts_with("https://") { "" } else { "http://" };
                let target = Target::new(&format!("{scheme}{text}"), &self.tag).with_context(|| format!("{text:?}"))?;
                targets.push(target.with_tags(group.labels.clone()));
            }
        }
        Ok(targets)
    }
}
