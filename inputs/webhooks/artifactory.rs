//! Artifactory: one metric an event.
//!
//! Source: JFrog's documentation, "Webhook event types". Lists of things (platforms, edge nodes) are left out.

use super::json::{int, list, text};
use agent_api::plugin::now;
use agent_api::{Batch, Result, bail};
use serde_json::Value as Json;

/// Tags and fields with the path of their text; the last list is of fields that are whole numbers.
type Parts = [&'static [(&'static str, &'static str)]; 3];

const ARTIFACT: &[(&str, &str)] = &[("repo", "data/repo_key"), ("path", "data/path"), ("name", "data/name")];
const BUNDLE: &[(&str, &str)] = &[("destination", "destination"), ("release_bundle_name", "data/release_bundle_name")];
const SIZE: &[(&str, &str)] = &[("size", "data/size")];

/// Adds the metric of an event.
pub(super) fn event(body: &Json, batch: &mut Batch) -> Result<()> {
    let (domain, kind) = (text(body, "domain")?, text(body, "event_type")?);
    let [tags, texts, numbers]: Parts = match (domain, kind) {
        ("artifact", "deployed" | "deleted") => [ARTIFACT, &[("sha256", "data/sha256")], SIZE],
        ("artifact", "moved" | "copied") => {
            [ARTIFACT, &[("source_path", "data/source_repo_path"), ("target_path", "data/target_repo_path")], SIZE]
        }
        ("artifact_property", _) => [ARTIFACT, &[("property_key", "data/property_key")], &[]],
        ("docker", _) => [
            &[
                ("repo", "data/repo_key"),
                ("path", "data/path"),
                ("name", "data/name"),
                ("image_name", "data/image_name"),
            ],
            &[("sha256", "data/sha256"), ("tag", "data/tag")],
            SIZE,
        ],
        ("build", _) => [
            &[],
            &[
                ("build_name", "data/build_name"),
                ("build_number", "data/build_number"),
                ("build_started", "data/build_started"),
            ],
            &[],
        ],
        ("release_bundle", _) => [
            BUNDLE,
            &[("release_bundle_version", "data/release_bundle_version"), ("jpd_origin", "jpd_origin")],
            &[("release_bundle_size", "data/release_bundle_size")],
        ],
        ("distribution", _) => [
            BUNDLE,
            &[
                ("release_bundle_version", "data/release_bundle_version"),
                ("status_message", "data/status_message"),
                ("jpd_origin", "jpd_origin"),
            ],
            &[("release_bundle_size", "data/release_bundle_size"), ("transaction_id", "data/transaction_id")],
        ],
        ("destination", _) => [
            BUNDLE,
            &[
                ("release_bundle_version", "data/release_bundle_version"),
                ("status_message", "data/status_message"),
                ("jpd_origin", "jpd_origin"),
            ],
            &[],
        ],
        _ => bail!("event {kind:.60?} of {domain:.60?} is unknown"),
    };
    let mut metric = batch.metric("artifactory_webhooks").time(now());
    metric.add_tag("domain", domain);
    metric.add_tag("event_type", kind);
    for (key, path) in tags {
        metric.add_tag(key, text(body, path)?);
    }
    for (key, path) in texts {
        metric.add_field(key, text(body, path)?);
    }
    for (key, path) in numbers {
        metric.add_field(key, int(body, path)?);
    }
    if domain == "artifact_property" {
        let values = list(body, "data/property_values")?.iter().filter_map(Json::as_str).collect::<Vec<_>>();
        metric.add_field("property_values", values.join(",").as_str());
    }
    Ok(())
}
