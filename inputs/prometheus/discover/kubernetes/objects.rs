//! What the API says of pods and namespaces, as far as it matters here (reference of the API, core v1).

use serde::Deserialize;
use std::collections::BTreeMap;

/// Annotations or labels.
pub(super) type Texts = BTreeMap<String, String>;

/// An answer: some of a list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    #[serde(default)]
    pub(super) metadata: ListMeta,
}

#[derive(Default, Deserialize)]
pub(super) struct ListMeta {
    #[serde(default, rename = "continue")]
    pub(super) next: Option<String>,
}

/// A namespace.
#[derive(Deserialize)]
pub(super) struct Namespace {
    pub(super) metadata: Meta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) annotations: Option<Texts>,
    pub(super) labels: Option<Texts>,
}

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub(super) metadata: Meta,
    pub(super) spec: Spec,
    pub(super) status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: String,
    pub(super) restart_policy: String,
    pub(super) scheduler_name: String,
    pub(super) service_account_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: String,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: String,
    pub(super) nominated_node_name: String,
    pub(super) conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
}

impl Pod {
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status.conditions.iter().flatten().any(|c| c.kind == "Ready" && c.status == "True")
    }

    /// The value of a field that can be selected by; "" for any other.
    pub(super) fn field(&self, key: &str) -> &str {
        match key {
            "spec.nodeName" => &self.spec.node_name,
            "spec.restartPolicy" => &self.spec.restart_policy,
            "spec.schedulerName" => &self.spec.scheduler_name,
            "spec.serviceAccountName" => &self.spec.service_account_name,
            "status.phase" => &self.status.phase,
            "status.podIP" => &self.status.pod_ip,
            "status.nominatedNodeName" => &self.status.nominated_node_name,
            _ => "",
        }
    }
}
