//! Writes metrics as documents into Elasticsearch, from version 5 on.

mod name;
#[cfg(test)]
mod tests;

use crate::bulk::{Bulk, Call, Cluster, Common, Floats, Generation, pattern, put_template, template};
use agent_api::options::With;
use agent_api::*;
use agent_net::client::{Method, header};
use agent_net::tls::ClientTls;
use name::{IndexName, PipelineName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

register!(Entry::output::<Elasticsearch>());

/// The output.
struct Elasticsearch {
    settings: Settings,
    common: Common,
    cluster: Cluster,
    index: IndexName,
    pipeline: Option<PipelineName>,
    floats: Floats,
    /// The `_type` of documents, where the server's version wants one.
    kind: &'static str,
    log: Log,
}

/// What documents are called and where they go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name of the index of a metric. `%Y` year, `%y` its last two digits, `%m` month, `%d` day, `%H` hour, `%V` week of the metric's
    /// time (UTC); `{{key}}` is the value of a tag. Required.
    index_name: String,
    /// Value of a tag in `index_name` that a metric lacks.
    default_tag_value: String,
    /// Pipeline that documents go through; `{{key}}` is the value of a tag.
    use_pipeline: String,
    /// Make documents that are not there yet, and never replace one; data streams need it.
    use_optype_create: bool,
    /// Headers of all requests, each a text or a list of texts.
    headers: BTreeMap<String, Texts>,
    /// Settings of indexes in the template, in place of the usual ones.
    template_index_settings: serde_json::Map<String, Json>,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Texts {
    One(Secret),
    Many(Vec<Secret>),
}

impl Plugin for Elasticsearch {
    const NAME: &'static str = "elasticsearch";
    const ABOUT: &'static str = "Writes metrics as documents into Elasticsearch.";
    type Settings = With<Settings, With<Common, ClientTls>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (common, tls) = (shared.own, shared.shared);
        ensure!(!settings.index_name.is_empty(), "index_name is required");
        common.check()?;
        if common.manage_template {
            pattern(&settings.index_name, &PLACEHOLDERS)?;
        }
        settings.headers()?;
        Ok(Elasticsearch {
            cluster: Cluster::new(&common, common.setup(tls), &env.log)?,
            index: IndexName::new(&settings.index_name, &settings.default_tag_value),
            pipeline: PipelineName::new(&settings.use_pipeline, &common.default_pipeline),
            floats: common.floats()?,
            kind: "",
            log: env.log.clone(),
            settings,
            common,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        agent_net::tls::migrate(table, notes);
    }
}

/// What an index name may hold beside text.
const PLACEHOLDERS: [&str; 2] = ["%", "{{"];

impl Output for Elasticsearch {
    async fn open(&mut self) -> Result<(), StartError> {
        self.start().await.map_err(StartError::Retry)
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        if let Err(e) = self.cluster.find_nodes().await {
            self.log.warn(format_args!("{e:#}"));
        }
        let kind = if self.settings.use_optype_create { "create" } else { "index" };
        let mut bulk = Bulk::new(metrics.len());
        for (place, metric) in metrics.iter().enumerate() {
            let index = self.index.of(metric);
            let pipeline = self.pipeline.as_ref().map_or_else(Default::default, |p| p.of(metric));
            let parts = [("_index", index.as_str()), ("_type", self.kind), ("pipeline", &pipeline)];
            bulk.add(place, metric, kind, &parts, self.common.force_document_id, self.floats);
        }
        bulk.send(&mut self.cluster, &Call::new(Method::POST, "/_bulk"), "application/x-ndjson").await;
        bulk.result()
    }
}

impl Elasticsearch {
    async fn start(&mut self) -> Result<()> {
        self.cluster.set_headers(self.settings.headers()?);
        self.cluster.open().await?;
        let version = self.version().await?;
        let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        ensure!(major >= 5, "Elasticsearch {version:?} is not supported: it has to be 5 or newer");
        self.log.info(format_args!("Elasticsearch {version}"));
        let generation = match major {
            5 => Generation::Five,
            6 => Generation::Six,
            _ => Generation::Seven,
        };
        self.kind = if generation == Generation::Seven { "" } else { "metrics" };
        if self.common.manage_template {
            let own = Some(&self.settings.template_index_settings).filter(|own| !own.is_empty());
            let body = template(&pattern(&self.settings.index_name, &PLACEHOLDERS)?, generation, own);
            let Common { template_name, overwrite_template, .. } = &self.common;
            put_template(&mut self.cluster, template_name, *overwrite_template, &body, &self.log).await?;
        }
        Ok(())
    }

    async fn version(&mut self) -> Result<String> {
        let answer = self.cluster.send(&Call::new(Method::GET, "/")).await.context("ask for the version")?;
        ensure!(answer.status.is_success(), "ask for the version: status {}: {}", answer.status, answer.excerpt());
        let told: Json = serde_json::from_slice(&answer.body).context("ask for the version: read the answer")?;
        let number = told["version"]["number"].as_str().context("ask for the version: the answer has none")?;
        Ok(number.to_owned())
    }
}

impl Settings {
    fn headers(&self) -> Result<header::HeaderMap> {
        let mut headers = header::HeaderMap::new();
        for (name, values) in &self.headers {
            let key = header::HeaderName::from_bytes(name.trim().as_bytes())
                .with_context(|| format!("headers: invalid name of a header {name:?}"))?;
            let values = match values {
                Texts::One(value) => std::slice::from_ref(value),
                Texts::Many(values) => values,
            };
            for value in values {
                let value = header::HeaderValue::from_bytes(value.reveal()?.as_bytes());
                headers.append(key.clone(), value.with_context(|| format!("headers: invalid value of {name:?}"))?);
            }
        }
        Ok(headers)
    }
}
