//! Writes metrics as documents into OpenSearch.

#[cfg(test)]
mod tests;

use crate::bulk::{Bulk, Call, Cluster, Common, Floats, Generation, pattern, put_template, template};
use agent_api::options::With;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use agent_net::client::Method;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::output::<Opensearch>());

/// The output.
struct Opensearch {
    settings: Settings,
    common: Common,
    cluster: Cluster,
    index: MetricTemplate,
    pipeline: Option<MetricTemplate>,
    floats: Floats,
    log: Log,
}

/// What documents are called and where they go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name of the index of a metric, a Go template: `{{.Name}}`, `{{.Tag "key"}}`, `{{.Field "key"}}`,
    /// `{{.Time.Format "2006-01-02"}}`. Required.
    index_name: String,
    /// Pipeline that documents go through, a Go template as `index_name`.
    use_pipeline: String,
}

impl Plugin for Opensearch {
    const NAME: &'static str = "opensearch";
    const ABOUT: &'static str = "Writes metrics as documents into OpenSearch.";
    type Settings = With<Settings, With<Common, ClientTls>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (common, tls) = (shared.own, shared.shared);
        ensure!(!settings.index_name.is_empty(), "index_name is required");
        common.check()?;
        if common.manage_template {
            pattern(&settings.index_name, &["{{"])?;
        }
        let pipeline = match settings.use_pipeline.as_str() {
            "" => None,
            text => Some(MetricTemplate::compile(text).context("use_pipeline")?),
        };
        Ok(Opensearch {
            cluster: Cluster::new(&common, common.setup(tls), &env.log)?,
            index: MetricTemplate::compile(&settings.index_name).context("index_name")?,
            pipeline,
            floats: common.floats()?,
            log: env.log.clone(),
            settings,
            common,
        })
    }
}

impl Output for Opensearch {
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
        let mut bulk = Bulk::new(metrics.len());
        // The pipeline stands in the address, so each has a request of its own.
        let mut groups = BTreeMap::<String, Vec<(usize, MetricRef<'_>, String)>>::new();
        for (place, metric) in metrics.iter().enumerate() {
            match self.names(metric) {
                Ok((index, pipeline)) => groups.entry(pipeline).or_default().push((place, metric, index)),
                Err(e) => bulk.reject(place, e),
            }
        }
        for (pipeline, group) in groups {
            for (place, metric, index) in group {
                bulk.add(place, metric, "index", &[("_index", &index)], self.common.force_document_id, self.floats);
            }
            let mut request = Call::new(Method::POST, "/_bulk");
            if !pipeline.is_empty() {
                request = request.query("pipeline", &pipeline);
            }
            if !bulk.send(&mut self.cluster, &request, "application/json").await {
                break;
            }
        }
        bulk.result()
    }
}

impl Opensearch {
    async fn start(&mut self) -> Result<()> {
        self.cluster.open().await?;
        let there = self.cluster.send(&Call::new(Method::HEAD, "/")).await?;
        ensure!(there.status.is_success(), "ask whether the cluster is there: status {}", there.status);
        if self.common.manage_template {
            let body = template(&pattern(&self.settings.index_name, &["{{"])?, Generation::Seven, None);
            let Common { template_name, overwrite_template, .. } = &self.common;
            put_template(&mut self.cluster, template_name, *overwrite_template, &body, &self.log).await?;
        }
        Ok(())
    }

    /// Names of index and pipeline of a metric; that of the pipeline is empty if there is none.
    fn names(&self, metric: MetricRef<'_>) -> Result<(String, String)> {
        let (mut index, mut pipeline) = (String::new(), String::new());
        self.index.render(metric, &mut index).context("render index_name")?;
        ensure!(!index.is_empty(), "index_name is empty for metric {:?}", metric.name());
        if let Some(template) = &self.pipeline {
            template.render(metric, &mut pipeline).context("render use_pipeline")?;
            if pipeline.is_empty() {
                pipeline.clone_from(&self.common.default_pipeline);
            }
        }
        Ok((index, pipeline))
    }
}
