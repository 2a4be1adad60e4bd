//! Pages of pods, by the API of the cluster that the agent runs in, or by the kubelet of a node.
//!
//! Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod and the reference of the API, core v1. Pods are listed from time to time and not
//! watched: it needs no connection that stays open, and a list is one answer out of the API's cache (`resourceVersion=0`).

mod objects;
#[cfg(test)]
mod tests;

use super::super::settings::Settings;
use super::super::target::Target;
use super::selector::Selector;
use agent_api::*;
use agent_golang::glob::Filter;
use agent_net::client::{Setup, Url, header};
use agent_net::tls::ClientTls;
use objects::{List, Namespace, Pod, Texts};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration as Time;

/// Where a pod finds what it needs to ask the API.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How often the API is asked.
const EVERY: Time = Time::from_secs(30);
/// Pods of one answer, and most answers of a list.
const PAGE: usize = 500;
const PAGES: usize = 1000;
/// Fields of pods that can be selected by.
const FIELDS: [&str; 7] = [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];

/// The pods that are wanted.
pub(super) struct Pods {
    settings: Settings,
    method: Method,
    labels: Selector,
    fields: Selector,
    annotations_shown: Filtered,
    labels_shown: Filtered,
    pass: Vec<(String, Filter)>,
    drop: Vec<(String, Filter)>,
    place: Place,
    directory: super::Directory,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// The API at this address, or the one of the cluster that the agent runs in.
    Cluster(Option<Url>),
    /// A kubelet's list of its pods.
    Node(Url),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Annotations,
    Settings,
    Both,
}

/// What passes patterns of what is wanted and what is not.
struct Filtered {
    include: Option<Filter>,
    exclude: Filter,
}

impl Filtered {
    fn new(option: &str, include: &[String], exclude: &[String]) -> Result<Self> {
        let compile = |list: &[String]| Filter::compile(list, &[]).context(option.to_owned());
        let wanted = if include.is_empty() { None } else { Some(compile(include)?) };
        Ok(Filtered { include: wanted, exclude: compile(exclude)? })
    }

    fn takes(&self, key: &str) -> bool {
        self.include.as_ref().is_none_or(|f| f.is_match(key)) && !self.exclude.is_match(key)
    }
}

impl Pods {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let s = settings;
        ensure!(
            s.kube_config.is_empty(),
            "kube_config: such files are not read here; run the agent in the cluster, where it finds its account by itself"
        );
        let method = match s.monitor_kubernetes_pods_method.as_str() {
            "" | "annotations" => Method::Annotations,
            "settings" => Method::Settings,
            "settings+annotations" => Method::Both,
            other => bail!(
                "monitor_kubernetes_pods_method: {other:?} is none of annotations, settings, settings+annotations"
            ),
        };
        let (place, tls) = match s.pod_scrape_scope.to_ascii_lowercase().as_str() {
            "" | "cluster" => {
                (Place::Cluster(None), ClientTls { tls_ca: format!("{ACCOUNT}/ca.crt"), ..ClientTls::default() })
            }
            "node" => {
                let text =
                    if s.node_ip.is_empty() { std::env::var("NODE_IP").unwrap_or_default() } else { s.node_ip.clone() };
                let ip: IpAddr = text.parse().with_context(|| format!("node_ip: {text:?} is no address"))?;
                let mut url = Url::parse("https://localhost:10250/pods").context("node_ip")?;
                // An address is always a host.
                let _ = url.set_ip_host(ip);
                // The certificate of a kubelet is signed by itself.
                (Place::Node(url), ClientTls { insecure_skip_verify: true, ..ClientTls::default() })
            }
            other => bail!("pod_scrape_scope: {other:?} is none of cluster, node"),
        };
        let rules = |option: &str, rules: &BTreeMap<String, Vec<String>>| -> Result<Vec<(String, Filter)>> {
            let rule = |(key, list): (&String, &Vec<String>)| Ok((key.clone(), Filter::compile(list, &[])?));
            rules.iter().map(rule).collect::<Result<_>>().with_context(|| option.to_owned())
        };
        Ok(Pods {
            method,
            labels: Selector::of_labels(&s.kubernetes_label_selector).context("kubernetes_label_selector")?,
            fields: Selector::of_fields(&s.kubernetes_field_selector, &FIELDS).context("kubernetes_field_selector")?,
            annotations_shown: Filtered::new(
                "pod_annotation_include",
                &s.pod_annotation_include,
                &s.pod_annotation_exclude,
            )?,
            labels_shown: Filtered::new("pod_label_include", &s.pod_label_include, &s.pod_label_exclude)?,
            pass: rules("namespace_annotation_pass", &s.namespace_annotation_pass)?,
            drop: rules("namespace_annotation_drop", &s.namespace_annotation_drop)?,
            place,
            directory: super::Directory::new(Setup { tls, ..Setup::default() }),
            settings: settings.clone(),
        })
    }

    pub(super) fn every(&self) -> Time {
        match self.place {
            Place::Node(_) => Time::from_secs(self.settings.pod_scrape_interval.max(1)),
            Place::Cluster(_) => EVERY.min(Time::from_secs(self.settings.cache_refresh_interval.max(1) * 60)),
        }
    }

    pub(super) async fn find(&mut self) -> Result<Vec<Target>> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        // The token changes from time to time.
        let path = format!("{ACCOUNT}/token");
        match (std::fs::read_to_string(&path), &self.place) {
            (Ok(token), _) => {
                headers.insert(header::AUTHORIZATION, super::secret(&format!("Bearer {}", token.trim()))?);
            }
            (Err(_), Place::Cluster(Some(_))) => {}
            (Err(e), _) => return Err(e).with_context(|| format!("read {path}")),
        }
        let mut targets = Vec::new();
        match self.place.clone() {
            Place::Node(url) => {
                let list: List<Pod> = self.directory.ask(url, headers).await?;
                self.add(&list, &HashMap::new(), &mut targets)?;
            }
            Place::Cluster(api) => {
                let api = api.map_or_else(api_of_this_cluster, Ok)?;
                let namespaces = self.namespaces(&api, &headers).await?;
                let within = match self.settings.monitor_kubernetes_pods_namespace.as_str() {
                    "" => String::new(),
                    name => format!("namespaces/{name}/"),
                };
                let mut more = String::new();
                for _ in 0..PAGES {
                    let mut url =
                        api.join(&format!("/api/v1/{within}pods")).context("monitor_kubernetes_pods_namespace")?;
                    self.select(&mut url, &more);
                    let list: List<Pod> = self.directory.ask(url, headers.clone()).await?;
                    self.add(&list, &namespaces, &mut targets)?;
                    more = list.metadata.next.unwrap_or_default();
                    if more.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(targets)
    }

    /// Lets the API leave out what is not wanted.
    fn select(&self, url: &mut Url, more: &str) {
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", &PAGE.to_string());
        for (key, value) in [
            ("labelSelector", self.settings.kubernetes_label_selector.as_str()),
            ("fieldSelector", &self.settings.kubernetes_field_selector),
            ("continue", more),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        if more.is_empty() {
            query.append_pair("resourceVersion", "0");
        }
    }

    /// The annotations of all namespaces, where they are asked about.
    async fn namespaces(&mut self, api: &Url, headers: &header::HeaderMap) -> Result<HashMap<String, Texts>> {
        if self.pass.is_empty() && self.drop.is_empty() {
            return Ok(HashMap::new());
        }
        let url = api.join("/api/v1/namespaces?resourceVersion=0").context("the address of the API")?;
        let list: List<Namespace> = self.directory.ask(url, headers.clone()).await?;
        Ok(list.items.into_iter().map(|n| (n.metadata.name, n.metadata.annotations.unwrap_or_default())).collect())
    }

    fn add(&self, list: &List<Pod>, namespaces: &HashMap<String, Texts>, to: &mut Vec<Target>) -> Result<()> {
        for pod in &list.items {
            let annotations = namespaces.get(&pod.metadata.namespace);
            if self.wants(pod) && annotations.is_none_or(|a| self.namespace_passes(a)) {
                let place = || format!("pod {}/{}", pod.metadata.namespace, pod.metadata.name);
                to.push(self.target(pod).with_context(place)?);
            }
        }
        Ok(())
    }

    fn wants(&self, pod: &Pod) -> bool {
        let meta = &pod.metadata;
        let wanted = pod.annotation("prometheus.io/scrape");
        let by_method = match self.method {
            Method::Annotations => wanted == Some("true"),
            Method::Settings => true,
            Method::Both => wanted != Some("false"),
        };
        let namespace = &self.settings.monitor_kubernetes_pods_namespace;
        let labels = meta.labels.as_ref();
        by_method
            && pod.is_ready()
            && !pod.status.pod_ip.is_empty()
            && (namespace.is_empty() || *namespace == meta.namespace)
            && self.labels.is_met(|key| labels?.get(key).map(String::as_str))
            && self.fields.is_met(|key| Some(pod.field(key)))
    }

    fn namespace_passes(&self, annotations: &Texts) -> bool {
        let any = |rules: &[(String, Filter)]| {
            rules.iter().any(|(key, values)| annotations.get(key).is_some_and(|v| values.is_match(v)))
        };
        (self.pass.is_empty() || any(&self.pass)) && !any(&self.drop)
    }

    fn target(&self, pod: &Pod) -> Result<Target> {
        let s = &self.settings;
        let (mut scheme, mut port, mut path) = ("http".to_owned(), "9102".to_owned(), "/metrics".to_owned());
        let or = |text: &mut String, given: &str| {
            if !given.is_empty() && given != "0" {
                given.clone_into(text);
            }
        };
        if self.method != Method::Annotations {
            or(&mut scheme, &s.monitor_kubernetes_pods_scheme);
            or(&mut port, &s.monitor_kubernetes_pods_port.to_string());
            or(&mut path, &s.monitor_kubernetes_pods_path);
        }
        if self.method != Method::Settings {
            or(&mut scheme, pod.annotation("prometheus.io/scheme").unwrap_or_default());
            or(&mut port, pod.annotation("prometheus.io/port").unwrap_or_default());
            or(&mut path, pod.annotation("prometheus.io/path").unwrap_or_default());
        }
        let ip = &pod.status.pod_ip;
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.clone() };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let target = Target::new(&format!("{scheme}://{host}:{port}{slash}{path}"), &s.url_tag)?;
        let meta = &pod.metadata;
        let shown = |texts: &Option<Texts>, filter: &Filtered| -> Vec<(String, String)> {
            let wanted = texts.iter().flatten().filter(|(key, _)| filter.takes(key));
            wanted.map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let or_usual = |own: &str, usual: &str| if own.is_empty() { usual } else { own }.to_owned();
        let namespace = or_usual(&s.pod_namespace_label_name, "namespace");
        let name = or_usual(&s.pod_name_label_name, "pod_name");
        Ok(target
            .with_tags([("address".to_owned(), ip.clone())])
            .with_tags(shown(&meta.annotations, &self.annotations_shown))
            .with_tags([(name, meta.name.clone()), (namespace, meta.namespace.clone())])
            .with_tags(shown(&meta.labels, &self.labels_shown)))
    }
}

fn api_of_this_cluster() -> Result<Url> {
    let (host, port) = (std::env::var("KUBERNETES_SERVICE_HOST"), std::env::var("KUBERNETES_SERVICE_PORT"));
    let (Ok(host), Ok(port)) = (host, port) else {
        bail!(
            "the variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster"
        )
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Url::parse(&format!("https://{host}:{port}/")).context("KUBERNETES_SERVICE_HOST")
}
