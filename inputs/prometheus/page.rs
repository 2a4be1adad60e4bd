//! Asking for a page, and making metrics of it.

use super::settings::Settings;
use super::target::Target;
use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{BoxParser, Build, Family, find};
use agent_api::*;
use agent_net::client::{Client, Headers, Method, header};
use std::time::{Duration, Instant};

/// What is asked for, best first: protocol buffers keep floats as they are.
const ACCEPT: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
/// Largest page where the user sets no limit.
const LARGEST: u64 = 1 << 30;

/// How pages are asked for.
pub(super) struct Asking {
    settings: Settings,
    headers: Headers,
    most: usize,
}

/// What is looked up anew for each round, as it may change.
pub(super) struct Secrets {
    user: Option<(String, String)>,
    token: String,
}

/// A page as it came.
pub(super) struct Page {
    body: Vec<u8>,
    kind: String,
}

/// What a request came to.
pub(super) struct Answer {
    pub(super) page: Result<Page>,
    pub(super) seen: Seen,
}

/// What a request was like.
#[derive(Default)]
pub(super) struct Seen {
    took: Option<Duration>,
    length: Option<usize>,
}

impl Asking {
    pub(super) fn new(settings: Settings) -> Result<Self> {
        let most = match settings.content_length_limit.0 {
            0 => LARGEST,
            n => n.min(LARGEST),
        };
        Ok(Asking {
            headers: Headers::new("http_headers", &settings.http_headers)?,
            most: usize::try_from(most).context("content_length_limit")?,
            settings,
        })
    }

    /// Tokens and passwords as they are now.
    pub(super) fn secrets(&self) -> Result<Secrets> {
        let s = &self.settings;
        let token = match s.bearer_token.as_str() {
            "" => s.bearer_token_string.reveal()?,
            path => std::fs::read_to_string(path).with_context(|| format!("read bearer_token {path}"))?,
        };
        let (user, password) = (s.username.reveal()?, s.password.reveal()?);
        let user = (!user.is_empty() || !password.is_empty()).then_some((user, password));
        Ok(Secrets { user, token: token.trim().to_owned() })
    }

    pub(super) async fn ask<'a>(&self, client: &Client, target: &'a Target, secrets: &Secrets) -> (&'a Target, Answer) {
        let mut seen = Seen::default();
        let page = self.page(client, target, secrets, &mut seen).await;
        (target, Answer { page, seen })
    }

    async fn page(&self, client: &Client, target: &Target, secrets: &Secrets, seen: &mut Seen) -> Result<Page> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static(ACCEPT));
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("gzip"));
        let mut request = client.request(Method::GET, target.url.clone());
        if !secrets.token.is_empty() {
            let bearer = header::HeaderValue::from_str(&format!("Bearer {}", secrets.token));
            let mut bearer = bearer.context("the bearer token cannot stand in a header")?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        } else if let Some((user, password)) = &secrets.user {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.put(&mut headers)?;
        let began = Instant::now();
        let response = client.begin(request.headers(headers)).await?;
        seen.took = Some(began.elapsed());
        let answer = agent_net::client::Answer::read(response, self.most, 0).await?;
        ensure!(answer.status.as_u16() == 200, "received status code {}: {}", answer.status, answer.excerpt());
        let kind = match self.settings.content_type_override.as_str() {
            "" => answer.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned(),
            other => other.to_owned(),
        };
        let body = answer.unpack(self.most).context("content_length_limit")?;
        seen.length = Some(body.len());
        Ok(Page { body, kind })
    }
}

impl Seen {
    /// Adds the metric about a request.
    pub(super) fn add(&self, target: &Target, to: &mut Batch) {
        let mut metric = to.metric("prometheus_request").tags(target.tags.iter().map(|(k, v)| (k, v)));
        if let Some(took) = self.took {
            metric.add_field("response_time", took.as_secs_f64());
        }
        if let Some(length) = self.length {
            metric.add_field("content_length", length as i64);
        }
    }
}

/// The parsers of pages. They are found by their names, as inputs know no format.
pub(super) struct Pages {
    prometheus: BoxParser,
    openmetrics: BoxParser,
}

impl Pages {
    pub(super) fn new(settings: &Settings, env: &Env) -> Result<Self> {
        let version = settings.metric_version;
        ensure!(version < 3, "metric_version: {version} is none of 1, 2");
        let parser = |name: &'static str| -> Result<BoxParser> {
            let entry = find(Family::Parsers, name).with_context(|| format!("this build has no parser {name:?}"))?;
            let Build::Parser(build) = entry.build else { bail!("{name:?} is no parser") };
            let (mut table, span) = (Table::default(), Span::default());
            let mut set = |end: &str, value| table.set(&format!("{name}_{end}"), span, Item { value, span });
            set("metric_version", Setting::Int(i64::from(version)));
            set("ignore_timestamp", Setting::Bool(settings.ignore_timestamp));
            Ok(build(&table, env)?)
        };
        Ok(Pages { prometheus: parser("prometheus")?, openmetrics: parser("openmetrics")? })
    }

    /// Adds the metrics of a page.
    pub(super) fn read(&mut self, page: Page, target: &Target, out: &mut Collector) {
        let parser = if is_openmetrics(&page.kind) { &mut self.openmetrics } else { &mut self.prometheus };
        let (tags, body) = (target.tags.clone(), Body::new(page.body));
        let change = move |batch: &mut Batch| {
            for (key, value) in &tags {
                batch.set_tag(key, value);
            }
        };
        let result = out.changing(change, |out| plugin::blocking(|| parser.parse(&body, out)));
        if let Err(bad) = result {
            out.error(Error::new(bad).context(format!("parse {}", target.shown())));
        }
    }
}

/// True for the media types of OpenMetrics in the versions that are known.
fn is_openmetrics(kind: &str) -> bool {
    let mut parts = kind.split(';').map(str::trim);
    let versions: &[&str] = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "application/openmetrics-protobuf" => &["1.0.0"],
        "application/openmetrics-text" => &["0.0.1", "1.0.0"],
        _ => return false,
    };
    let version = parts.find_map(|p| p.strip_prefix("version=")).unwrap_or_default().trim_matches('"');
    versions.contains(&version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_pages() {
        for (kind, is) in [
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", true),
            ("application/openmetrics-text;version=\"0.0.1\"", true),
            ("application/openmetrics-protobuf; version=1.0.0", true),
            ("application/openmetrics-text", false),
            ("application/openmetrics-text; version=2.0.0", false),
            ("text/plain; version=0.0.4", false),
            ("", false),
        ] {
            assert_eq!(is_openmetrics(kind), is, "{kind}");
        }
    }
}
