//! Reads pages for Prometheus from HTTP servers that are listed or found.
//!
//! All pages are asked for at the same time, and the metrics of each go on as soon as it has come. Where servers are found by asking a
//! directory (Consul, Kubernetes, a service of the user), the list is kept until its time is over, and the old one where no new one can be had.

mod discover;
mod page;
mod settings;
mod target;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::{Client, HttpSettings, Setup};
use agent_net::tls;
use discover::Discovery;
use futures_util::StreamExt;
use page::{Asking, Pages};
use settings::Settings;
use std::path::PathBuf;
use target::{Service, Target};

register!(Entry::input::<Prometheus>());

/// The input.
struct Prometheus {
    setup: Setup,
    asking: Asking,
    pages: Pages,
    targets: Vec<Target>,
    services: Vec<Service>,
    discoveries: Vec<Discovery>,
    /// One for TCP and one for each Unix socket; made when the first page is asked for.
    clients: Vec<(Option<PathBuf>, Client)>,
    request_metrics: bool,
}

/// Most pages that are asked for at the same time.
const CONCURRENT: usize = 64;

impl Plugin for Prometheus {
    const NAME: &'static str = "prometheus";
    const ABOUT: &'static str = "Reads pages for Prometheus from HTTP servers.";
    type Settings = With<Settings, HttpSettings>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let setup = Setup::from(shared);
        setup.check()?;
        let target = |url: &String| Target::new(url, &settings.url_tag).with_context(|| format!("urls: {url:?}"));
        let service = |url: &String| {
            Service::new(url, &settings.url_tag).with_context(|| format!("kubernetes_services: {url:?}"))
        };
        Ok(Prometheus {
            targets: settings.urls.iter().map(target).collect::<Result<_>>()?,
            services: settings.kubernetes_services.iter().map(service).collect::<Result<_>>()?,
            discoveries: discover::all(&settings, &setup, env)?,
            pages: Pages::new(&settings, env)?,
            request_metrics: settings.enable_request_metrics,
            asking: Asking::new(settings)?,
            setup,
            clients: Vec::new(),
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Input for Prometheus {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut targets = self.targets.clone();
        for service in &self.services {
            match service.resolve().await {
                Ok(found) => targets.extend(found),
                Err(cause) => out.error(cause),
            }
        }
        for discovery in &mut self.discoveries {
            if let Err(cause) = discovery.refresh().await {
                out.error(cause);
            }
            targets.extend(discovery.targets().iter().cloned());
        }
        // What is found in two ways is asked once.
        targets.sort_by(|a, b| (&a.url, &a.socket).cmp(&(&b.url, &b.socket)));
        targets.dedup_by(|a, b| a.url == b.url && a.socket == b.socket);
        self.open(&targets)?;
        let secrets = self.asking.secrets()?;
        let (asking, clients) = (&self.asking, &self.clients);
        let mut jobs = Vec::with_capacity(targets.len());
        for target in &targets {
            let found = clients.iter().find(|c| c.0 == target.socket);
            let (_, client) = found.context("a client for every socket")?;
            jobs.push(asking.ask(client, target, &secrets));
        }
        let mut left = jobs.len();
        let mut answers = futures_util::stream::iter(jobs).buffer_unordered(CONCURRENT);
        while let Some((target, answer)) = answers.next().await {
            left -= 1;
            let seen = answer.seen;
            match answer.page {
                Ok(page) => self.pages.read(page, target, out),
                Err(cause) => out.error(cause.context(target.shown())),
            }
            if self.request_metrics {
                seen.add(target, out.batch());
            }
            if left > 0 {
                out.ship();
            }
        }
        Ok(())
    }
}

impl Prometheus {
    /// Makes the clients that are not there yet.
    fn open(&mut self, targets: &[Target]) -> Result<()> {
        for target in targets {
            if !self.clients.iter().any(|c| c.0 == target.socket) {
                let client = self.setup.build(target.socket.as_deref())?;
                self.clients.push((target.socket.clone(), client));
            }
        }
        Ok(())
    }
}
