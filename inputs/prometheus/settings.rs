//! What users set.

use agent_api::*;
use agent_net::client::HeaderSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Which pages are read, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Addresses of pages (`http://`, `https://`, or `unix://` with the path of a socket and, as the parameter `path`, what is asked for). Without a
    /// path `/metrics` is asked for.
    pub(super) urls: Vec<String>,
    /// How metrics are made. 1: a histogram or summary is one metric with a field for each bucket or quantile. 2: every bucket and quantile is a metric
    /// with a tag `le` or `quantile`. 2 is the better choice.
    pub(super) metric_version: u8,
    /// The tag that holds the address; empty means none.
    pub(super) url_tag: String,
    /// Take the time of reading for all samples, also for those that have their own.
    pub(super) ignore_timestamp: bool,
    /// What pages are, as the header `Content-Type` would say it, whatever servers say.
    pub(super) content_type_override: String,
    /// Largest page, unpacked; a larger one is an error. 0 means 1GiB.
    pub(super) content_length_limit: Size,
    /// Adds a metric `prometheus_request` for each page with the time that the answer took and the length of the page.
    pub(super) enable_request_metrics: bool,
    /// File with the bearer token, read for every round.
    pub(super) bearer_token: String,
    /// Bearer token.
    pub(super) bearer_token_string: Secret,
    /// User for basic authentication, where there is no token.
    pub(super) username: Secret,
    /// Password for basic authentication.
    pub(super) password: Secret,
    /// Headers of the requests.
    pub(super) http_headers: HeaderSettings,
    /// Addresses whose host stands for several: each of its addresses in the DNS is asked, as for headless services of Kubernetes.
    pub(super) kubernetes_services: Vec<String>,
    /// Ask the pods of a Kubernetes cluster, found by its API.
    pub(super) monitor_kubernetes_pods: bool,
    /// Which pods are asked: `annotations` those with `prometheus.io/scrape` true; `settings` all that the selectors choose; `settings+annotations` the same,
    /// but for those with `prometheus.io/scrape` false, and their annotations count.
    pub(super) monitor_kubernetes_pods_method: String,
    /// Scheme of the pages of pods, for methods with `settings`.
    pub(super) monitor_kubernetes_pods_scheme: String,
    /// Port of the pages of pods, for methods with `settings`; 0 means 9102.
    pub(super) monitor_kubernetes_pods_port: u16,
    /// Path of the pages of pods, for methods with `settings`.
    pub(super) monitor_kubernetes_pods_path: String,
    /// The only namespace of pods that are asked; empty means all.
    pub(super) monitor_kubernetes_pods_namespace: String,
    /// The tag that holds the namespace of a pod.
    pub(super) pod_namespace_label_name: String,
    /// The tag that holds the name of a pod.
    pub(super) pod_name_label_name: String,
    /// Who is asked for pods: `cluster` the API, `node` the kubelet of `node_ip`.
    pub(super) pod_scrape_scope: String,
    /// Address of the node for the scope `node`; empty means that of the variable NODE_IP.
    pub(super) node_ip: String,
    /// Seconds after which pods are asked for anew with the scope `node`.
    pub(super) pod_scrape_interval: u64,
    /// Minutes after which the list of pods is asked for anew with the scope `cluster`, at the latest; it is asked for every half minute.
    pub(super) cache_refresh_interval: u64,
    /// Which labels pods have to have (`env=dev,app in (a, b),!canary`).
    pub(super) kubernetes_label_selector: String,
    /// Which fields pods have to have (`spec.nodeName=n1,status.phase!=Failed`).
    pub(super) kubernetes_field_selector: String,
    /// Patterns of annotations of pods that become tags; empty means all.
    pub(super) pod_annotation_include: Vec<String>,
    /// Patterns of annotations of pods that do not become tags.
    pub(super) pod_annotation_exclude: Vec<String>,
    /// Patterns of labels of pods that become tags; empty means all.
    pub(super) pod_label_include: Vec<String>,
    /// Patterns of labels of pods that do not become tags.
    pub(super) pod_label_exclude: Vec<String>,
    /// Annotations that the namespace of a pod has to have, one of the values of one of them.
    pub(super) namespace_annotation_pass: BTreeMap<String, Vec<String>>,
    /// Annotations that the namespace of a pod must not have.
    pub(super) namespace_annotation_drop: BTreeMap<String, Vec<String>>,
    /// File that says how the cluster is reached. Only that from within a cluster is known here: with `monitor_kubernetes_pods` it is refused.
    pub(super) kube_config: String,
    /// Services of Consul's catalog.
    pub(super) consul: Consul,
    /// Addresses from a service as Prometheus' HTTP service discovery defines it.
    pub(super) http_service_discovery: HttpServiceDiscovery,
}

/// Services of Consul's catalog.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Consul {
    /// Ask for services.
    pub(super) enabled: bool,
    /// Address of the agent; empty means that of the variable CONSUL_HTTP_ADDR, or the agent of this host.
    pub(super) agent: String,
    /// How often services are asked for anew.
    pub(super) query_interval: Duration,
    /// Which services.
    pub(super) query: Vec<ConsulQuery>,
}

/// Services of one name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConsulQuery {
    /// Name of the services.
    pub(super) name: String,
    /// Tag that the services have to have; empty means any.
    pub(super) tag: String,
    /// Data centre; empty means that of the agent.
    pub(super) dc: String,
    /// Template of the address, over an entry of the catalog (`http://{{.ServiceAddress}}:{{.ServicePort}}/metrics`).
    pub(super) url: String,
    /// Tags of the metrics, each a template over an entry of the catalog.
    pub(super) tags: BTreeMap<String, String>,
}

/// Addresses from a service as Prometheus' HTTP service discovery defines it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpServiceDiscovery {
    /// Ask for addresses.
    pub(super) enabled: bool,
    /// Address of the service.
    pub(super) url: String,
    /// How often addresses are asked for anew; 0 means 5m.
    pub(super) query_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: Vec::new(),
            metric_version: 1,
            url_tag: "url".to_owned(),
            ignore_timestamp: false,
            content_type_override: String::new(),
            content_length_limit: Size(0),
            enable_request_metrics: false,
            bearer_token: String::new(),
            bearer_token_string: Secret::default(),
            username: Secret::default(),
            password: Secret::default(),
            http_headers: HeaderSettings::new(),
            kubernetes_services: Vec::new(),
            monitor_kubernetes_pods: false,
            monitor_kubernetes_pods_method: "annotations".to_owned(),
            monitor_kubernetes_pods_scheme: "http".to_owned(),
            monitor_kubernetes_pods_port: 9102,
            monitor_kubernetes_pods_path: "/metrics".to_owned(),
            monitor_kubernetes_pods_namespace: String::new(),
            pod_namespace_label_name: "namespace".to_owned(),
            pod_name_label_name: "pod_name".to_owned(),
            pod_scrape_scope: "cluster".to_owned(),
            node_ip: String::new(),
            pod_scrape_interval: 60,
            cache_refresh_interval: 60,
            kubernetes_label_selector: String::new(),
            kubernetes_field_selector: String::new(),
            pod_annotation_include: Vec::new(),
            pod_annotation_exclude: Vec::new(),
            pod_label_include: Vec::new(),
            pod_label_exclude: Vec::new(),
            namespace_annotation_pass: BTreeMap::new(),
            namespace_annotation_drop: BTreeMap::new(),
            kube_config: String::new(),
            consul: Consul::default(),
            http_service_discovery: HttpServiceDiscovery::default(),
        }
    }
}

impl Default for Consul {
    fn default() -> Self {
        Consul { enabled: false, agent: String::new(), query_interval: Duration::secs(300), query: Vec::new() }
    }
}

impl Default for HttpServiceDiscovery {
    fn default() -> Self {
        HttpServiceDiscovery {
            enabled: false,
            url: "http://localhost:9000/service-discovery".to_owned(),
            query_interval: Duration::secs(300),
        }
    }
}
