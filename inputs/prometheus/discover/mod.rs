//! Lists of pages that somebody else keeps.

mod consul;
mod http;
mod kubernetes;
mod selector;

use super::settings::Settings;
use super::target::Target;
use agent_api::*;
use agent_net::client::{Client, Method, Setup, Url, header};
use serde::de::DeserializeOwned;
use std::time::{Duration as Time, Instant};

/// A list of pages, asked for anew when its time is over.
pub(super) struct Discovery {
    source: Source,
    every: Time,
    due: Option<Instant>,
    targets: Vec<Target>,
}

enum Source {
    Consul(consul::Catalog),
    Http(http::Directory),
    Pods(Box<kubernetes::Pods>),
}

/// After a failure a list is asked for again after this time, if its own is not shorter.
const AGAIN: Time = Time::from_secs(10);
/// No list is larger.
const LARGEST: usize = 64 << 20;

/// Those that the settings want.
pub(super) fn all(settings: &Settings, setup: &Setup, env: &Env) -> Result<Vec<Discovery>> {
    let mut all = Vec::new();
    let mut add = |source, every| all.push(Discovery { source, every, due: None, targets: Vec::new() });
    let or_default = |time: Duration| if time.is_zero() { Time::from_secs(300) } else { *time };
    if settings.consul.enabled {
        let catalog = consul::Catalog::new(settings, setup, env).context("consul")?;
        add(Source::Consul(catalog), or_default(settings.consul.query_interval));
    }
    if settings.http_service_discovery.enabled {
        let directory = http::Directory::new(settings, setup).context("http_service_discovery")?;
        add(Source::Http(directory), or_default(settings.http_service_discovery.query_interval));
    }
    if settings.monitor_kubernetes_pods {
        let pods = kubernetes::Pods::new(settings)?;
        let every = pods.every();
        add(Source::Pods(Box::new(pods)), every);
    }
    Ok(all)
}

impl Discovery {
    /// Asks for the list if its time is over. With an error the old one stays.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        let now = Instant::now();
        if self.due.is_some_and(|due| now < due) {
            return Ok(());
        }
        let found = match &mut self.source {
            Source::Consul(catalog) => catalog.find().await.context("ask Consul for services"),
            Source::Http(directory) => directory.find().await.context("ask for services"),
            Source::Pods(pods) => pods.find().await.context("ask Kubernetes for pods"),
        };
        let wait = if found.is_ok() { self.every } else { self.every.min(AGAIN) };
        self.due = now.checked_add(wait);
        self.targets = found?;
        Ok(())
    }

    pub(super) fn targets(&self) -> &[Target] {
        &self.targets
    }
}

/// Where lists are asked for, with a client that is made at the first use.
struct Directory {
    setup: Setup,
    client: Option<Client>,
}

impl Directory {
    fn new(setup: Setup) -> Self {
        Directory { setup, client: None }
    }

    /// An answer in JSON.
    async fn ask<T: DeserializeOwned>(&mut self, url: Url, headers: header::HeaderMap) -> Result<T> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(self.setup.build(None)?),
        };
        let answer = client.send(client.request(Method::GET, url).headers(headers), LARGEST).await?;
        ensure!(answer.status.is_success(), "received status code {}: {}", answer.status, answer.excerpt());
        let body = answer.unpack(LARGEST)?;
        serde_json::from_slice(&body).context("read the answer")
    }
}

/// The value of a header that nobody is to see.
fn secret(value: &str) -> Result<header::HeaderValue> {
    let mut value = header::HeaderValue::from_str(value).context("the token cannot stand in a header")?;
    value.set_sensitive(true);
    Ok(value)
}
