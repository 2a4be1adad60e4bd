//! Templates for indexes: tags become keywords, numbers floats that are not indexed, texts go without norms.

use super::cluster::{Call, Cluster};
use agent_api::{Context, Log, Result, ensure};
use agent_net::client::Method;
use serde_json::{Map, Value, json};

/// Templates look different in older servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Elasticsearch 5: one pattern, a type within the mappings, `_all`.
    Five,
    /// Elasticsearch 6: a type within the mappings.
    Six,
    /// Elasticsearch from 7 on, OpenSearch.
    Seven,
}

/// The pattern of all indexes that a name with placeholders can give: what stands before the first of them.
pub(crate) fn pattern(index: &str, placeholders: &[&str]) -> Result<String> {
    let end = placeholders.iter().filter_map(|p| index.find(p)).min().unwrap_or(index.len());
    ensure!(end > 0, "index_name: {index:?} has to begin with a text for a template to be made with manage_template");
    Ok(format!("{}*", &index[..end]))
}

/// Puts a template of a name, if there is none or it is to be put in its place.
pub(crate) async fn put_template(
    cluster: &mut Cluster,
    name: &str,
    overwrite: bool,
    body: &Value,
    log: &Log,
) -> Result<()> {
    let path = format!("/_template/{name}");
    let found = cluster.send(&Call::new(Method::HEAD, &path)).await.context("look for the template")?;
    if found.status.is_success() && !overwrite {
        log.debug(format_args!("template {name:?} is there already"));
        return Ok(());
    }
    ensure!(
        found.status.is_success() || found.status.as_u16() == 404,
        "look for the template {name:?}: status {}",
        found.status
    );
    let request = Call::new(Method::PUT, &path).json("application/json", body.to_string().into_bytes());
    let answer = cluster.send(&request).await.context("put the template")?;
    ensure!(answer.status.is_success(), "put the template {name:?}: status {}: {}", answer.status, answer.excerpt());
    Ok(())
}

/// The template; `settings` are those of its indexes, or nothing for the usual ones.
pub(crate) fn template(pattern: &str, generation: Generation, settings: Option<&Map<String, Value>>) -> Value {
    let usual = json!({
        "refresh_interval": "10s",
        "mapping.total_fields.limit": 5000,
        "auto_expand_replicas": "0-1",
        "codec": "best_compression",
    });
    let index = settings.map_or(usual, |own| Value::Object(own.clone()));
    let number = |kind: &str| json!({ "match_mapping_type": kind, "mapping": { "type": "float", "index": false } });
    let mut mapping = json!({
        "properties": {
            "@timestamp": { "type": "date" },
            "measurement_name": { "type": "keyword" },
        },
        "dynamic_templates": [
            { "tags": {
                "match_mapping_type": "string",
                "path_match": "tag.*",
                "mapping": { "ignore_above": 512, "type": "keyword" },
            } },
            { "metrics_long": number("long") },
            { "metrics_double": number("double") },
            { "text_fields": { "match": "*", "mapping": { "norms": false } } },
        ],
    });
    if generation == Generation::Five {
        mapping["_all"] = json!({ "enabled": false });
    }
    let mappings = if generation == Generation::Seven { mapping } else { json!({ "metrics": mapping }) };
    match generation {
        Generation::Five => json!({ "template": pattern, "settings": { "index": index }, "mappings": mappings }),
        _ => json!({ "index_patterns": [pattern], "settings": { "index": index }, "mappings": mappings }),
    }
}
