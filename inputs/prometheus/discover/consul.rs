//! Pages of services in Consul's catalog (developer.hashicorp.com/consul/api-docs/catalog#list-nodes-for-service).

use super::super::settings::{ConsulQuery, Settings};
use super::super::target::Target;
use agent_api::*;
use agent_golang::template::{Template, Text, Value};
use agent_net::client::{Address, Setup, Url, header};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The catalog, by an agent.
pub(super) struct Catalog {
    agent: String,
    directory: super::Directory,
    queries: Vec<Query>,
    tag: String,
    log: Log,
}

/// What is asked for, and what is made of it.
struct Query {
    settings: ConsulQuery,
    url: Template,
    tags: Vec<(String, Template)>,
}

/// An entry of the catalog.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    node: String,
    address: String,
    datacenter: String,
    tagged_addresses: Option<BTreeMap<String, String>>,
    node_meta: Option<BTreeMap<String, String>>,
    #[serde(rename = "ServiceID")]
    service_id: String,
    service_name: String,
    service_address: String,
    service_tags: Option<Vec<String>>,
    service_meta: Option<BTreeMap<String, String>>,
    service_port: i64,
    service_enable_tag_override: bool,
    namespace: String,
    partition: String,
}

impl Catalog {
    pub(super) fn new(settings: &Settings, setup: &Setup, env: &Env) -> Result<Self> {
        let template = |text: &str| Template::compile(text).with_context(|| format!("template {text:?}"));
        let query = |query: &ConsulQuery| -> Result<Query> {
            ensure!(!query.name.is_empty(), "a query has no name");
            ensure!(!query.url.is_empty(), "the query {:?} has no url", query.name);
            let tags = query.tags.iter().map(|(key, text)| Ok((key.clone(), template(text)?)));
            Ok(Query { url: template(&query.url)?, tags: tags.collect::<Result<_>>()?, settings: query.clone() })
        };
        let catalog = Catalog {
            agent: settings.consul.agent.clone(),
            directory: super::Directory::new(setup.clone()),
            queries: settings.consul.query.iter().map(query).collect::<Result<_>>()?,
            tag: settings.url_tag.clone(),
            log: env.log.clone(),
        };
        ensure!(!catalog.queries.is_empty(), "there is no query");
        catalog.agent()?;
        Ok(catalog)
    }

    /// The address of the agent.
    fn agent(&self) -> Result<Url> {
        let text = match self.agent.as_str() {
            "" => std::env::var("CONSUL_HTTP_ADDR").unwrap_or_else(|_| "127.0.0.1:8500".to_owned()),
            own => own.to_owned(),
        };
        let scheme = if text.contains("://") { "" } else { "http://" };
        let address = Address::parse(&format!("{scheme}{text}")).context("agent")?;
        ensure!(address.socket.is_none(), "agent: sockets are not known here");
        Ok(address.url)
    }

    pub(super) async fn find(&mut self) -> Result<Vec<Target>> {
        let agent = self.agent()?;
        let mut targets = Vec::new();
        for query in &self.queries {
            let mut url = agent.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["v1", "catalog", "service", &query.settings.name]);
            }
            for (key, value) in [("tag", &query.settings.tag), ("dc", &query.settings.dc)] {
                if !value.is_empty() {
                    url.query_pairs_mut().append_pair(key, value);
                }
            }
            let mut headers = header::HeaderMap::new();
            if let Ok(token) = std::env::var("CONSUL_HTTP_TOKEN") {
                headers.insert("X-Consul-Token", super::secret(&token)?);
            }
            let services: Vec<Service> = self.directory.ask(url, headers).await?;
            for service in &services {
                match query.target(service, &self.tag) {
                    Ok(target) => targets.push(target),
                    Err(e) => {
                        let name = &query.settings.name;
                        self.log
                            .warn(format_args!("consul: service {name:?} of {:?} is passed over: {e:#}", service.node));
                    }
                }
            }
        }
        Ok(targets)
    }
}

impl Query {
    fn target(&self, service: &Service, tag: &str) -> Result<Target> {
        let render = |template: &Template| template.render(service.value()).map_err(|e| anyhow!("{e}"));
        let url = render(&self.url).context("url")?;
        let mut tags = Vec::with_capacity(self.tags.len());
        for (key, template) in &self.tags {
            tags.push((key.clone(), render(template).with_context(|| format!("tag {key:?}"))?));
        }
        Ok(Target::new(&url, tag).with_context(|| format!("url {url:?}"))?.with_tags(tags))
    }
}

impl Service {
    /// As templates see it.
    fn value(&self) -> Value<'_> {
        let text = |text: &'_ str| Value::text(text);
        let texts = |map: &Option<BTreeMap<String, String>>| {
            let pairs =
                map.iter().flatten().map(|(k, v)| (Text::Shared(k.as_str().into()), Text::Shared(v.as_str().into())));
            Value::text_map(pairs.collect::<Vec<_>>())
        };
        let tags = self.service_tags.iter().flatten().map(|tag| Value::text(tag.as_str()));
        Value::map(
            [
                ("ID", text(&self.id)),
                ("Node", text(&self.node)),
                ("Address", text(&self.address)),
                ("Datacenter", text(&self.datacenter)),
                ("TaggedAddresses", texts(&self.tagged_addresses)),
                ("NodeMeta", texts(&self.node_meta)),
                ("ServiceID", text(&self.service_id)),
                ("ServiceName", text(&self.service_name)),
                ("ServiceAddress", text(&self.service_address)),
                ("ServiceTags", Value::list(tags)),
                ("ServiceMeta", texts(&self.service_meta)),
                ("ServicePort", Value::Int(self.service_port)),
                ("ServiceEnableTagOverride", Value::Bool(self.service_enable_tag_override)),
                ("Namespace", text(&self.namespace)),
                ("Partition", text(&self.partition)),
            ]
            .map(|(key, value)| (Text::Borrowed(key), value)),
        )
    }
}
